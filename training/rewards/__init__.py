"""What rewards a completion."""
