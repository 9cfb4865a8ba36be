"""Traits of speakers and utterances: how they relate to features, how models are combined: arrays in, arrays out."""
