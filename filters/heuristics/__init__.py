"""Heuristic signal families, one file each: kernel, plain reference, rules."""
