"""API keys, tokens and passwords: what only a key looks like, and what names, headers and commands give away."""
