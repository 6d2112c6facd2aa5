"""Personal data and secrets: where they stand in a text, and what stands there instead."""
