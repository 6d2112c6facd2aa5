"""A run folder: stages, manifests, lock, digests."""
