"""From signals and a policy to decisions, and what follows from them."""
