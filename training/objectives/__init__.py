"""What is learned from a window of tokens: five objectives over the same shards."""
