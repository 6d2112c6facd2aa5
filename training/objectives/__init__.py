"""What is learned from a window of tokens: four objectives over the same shards."""
