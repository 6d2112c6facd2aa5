"""Vectors of rows, measured once, for selection and semantic duplicates."""
