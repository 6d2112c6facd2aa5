"""Keeps a training run alive through bad batches: find, skip, roll back, name the documents, keep a ledger."""
