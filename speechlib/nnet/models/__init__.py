"""The model zoo: one network a file."""
