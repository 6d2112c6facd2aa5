"""Near-duplicate removal: MinHash LSH buckets measured once, survivors decided from verified pairs."""
