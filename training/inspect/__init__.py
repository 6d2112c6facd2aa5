"""Looking back at a run of pre-training: which documents a step learned from, and what it read of forgotten ones."""
