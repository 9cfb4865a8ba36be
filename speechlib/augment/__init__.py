"""Augmentation of speech: noise, music, babble, reverberation, speed (Kaldi's recipes; Snyder et al., ICASSP 2018)."""
