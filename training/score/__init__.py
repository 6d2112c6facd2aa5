"""What a model says of rows, in figures."""
