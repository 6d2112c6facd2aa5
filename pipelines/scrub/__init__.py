"""What leaves a run: rows of forgotten documents, texts that are not to be kept, everything raw."""
