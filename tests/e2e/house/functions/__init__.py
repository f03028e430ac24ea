"""Functions of the house, and a probe."""
