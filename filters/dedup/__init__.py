"""Kernels of duplicate detection: shingles, MinHash, windows, suffix arrays."""
