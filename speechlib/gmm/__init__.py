"""Gaussian mixtures and i-vectors: arrays in, arrays out."""
