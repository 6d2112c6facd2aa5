"""Forgetting documents: a ledger that later builds honour, and scrubbing what was stored of them."""
