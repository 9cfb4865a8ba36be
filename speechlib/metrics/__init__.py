"""Figures of merit and their intervals: arrays in, numbers out."""

from speechlib.metrics.phones import phone_error_rate

__all__ = ["phone_error_rate"]
