"""Questions with answers and discussions, as documents: who said what in which order, as Markdown."""
