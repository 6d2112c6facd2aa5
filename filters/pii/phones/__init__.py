"""Telephone numbers in text: as they are written, what stands beside them, and what they could be instead."""
