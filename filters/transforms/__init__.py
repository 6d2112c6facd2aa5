"""Text edits as spans on the original text."""
