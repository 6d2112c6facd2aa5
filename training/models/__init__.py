"""Models: built from sizes or loaded from a folder, fitted to a tokenizer, with masks that keep packed documents apart."""
