"""A sandbox for programs that nobody has read: no network, no files but its own, limits on everything, by bubblewrap."""
