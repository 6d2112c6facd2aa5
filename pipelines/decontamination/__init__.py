"""Decontamination against evaluation sets: items, matches, overlaps, and what they mean for documents."""
