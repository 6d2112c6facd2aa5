"""Choosing among the rows that pass: semantic duplicates, and a budget by similarity, coverage or topic."""
