"""What a person writes: recipes, policies and their parts, each a typed document."""
