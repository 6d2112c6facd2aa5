"""Mixing: how often each document of a corpus is used, by targets in tokens."""
