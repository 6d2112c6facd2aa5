"""Token shards on disk: manifest, index and document table."""
