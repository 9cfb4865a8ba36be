"""What networks hear: phones and their classes: arrays in, arrays out."""
