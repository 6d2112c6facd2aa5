"""Vectors of texts: hashed words and characters, or a model of the user's; what selection and semantic duplicates compare."""
