"""Neural networks and their training: arrays in, arrays out."""
