"""Signals of prompts with checkers: whether a row's own answer passes, how it is checked, how often models solve it."""
