"""Signals of trained models: perplexity, quality, toxicity."""
