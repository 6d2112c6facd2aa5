"""Signals of preference pairs: how alike, how long, how differently written the answers are; what the source says."""
