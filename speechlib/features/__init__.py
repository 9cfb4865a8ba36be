"""Acoustic features with the definitions and options of Kaldi and of the papers: arrays in, arrays out."""
