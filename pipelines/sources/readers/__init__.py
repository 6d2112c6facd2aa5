"""From files to documents, with a framing tally."""
