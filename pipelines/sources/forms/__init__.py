"""The forms in which conversations, comparisons and prompts are published, and the rows that a record of each becomes."""
