"""Scores of texts by language models and classifiers of the user's."""
