"""Profiles of gristmill's own for web pages."""
