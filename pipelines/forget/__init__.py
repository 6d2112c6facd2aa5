"""Forgetting documents: requests that later builds honour, and scrubbing what was stored of them."""
