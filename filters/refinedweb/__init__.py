"""RefinedWeb's rules and line removals: signals, edits, profile."""
