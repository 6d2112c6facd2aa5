"""Shared text mechanics of the kernels: code-point classes, UTF-8 decoding, words, sentences, lines."""
