"""Mixing: how often each document of a corpus is used, planned in tokens."""
