"""Named, versioned sets of rules."""
