"""Gopher's rules as written and as others implement them: signals and profiles."""
