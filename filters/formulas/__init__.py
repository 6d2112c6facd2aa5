"""Formulas as LaTeX, whatever they are written in."""
