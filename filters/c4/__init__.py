"""C4's rules and line removals as written and as others implement them: signals, edits, profiles."""
