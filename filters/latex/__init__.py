"""Papers in LaTeX as text with their mathematics: files joined, comments out, macros expanded within limits; nothing is run."""
