"""Runs things in order: readers, engines, stages, decisions, reports, command line."""
