"""Kernels of decontamination: words with their places, the index of evaluation sets, matches and overlaps."""
