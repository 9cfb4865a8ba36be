"""Grouping utterances by speaker: arrays in, arrays out."""
