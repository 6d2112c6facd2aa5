"""Token shards: tokenizers, writing, exporting, verifying, forgetting."""
