"""Sets of preference pairs as a whole: cycles, label noise, biases of length and form."""
