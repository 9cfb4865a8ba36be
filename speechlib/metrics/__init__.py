"""Figures of merit and their intervals: arrays in, numbers out."""
