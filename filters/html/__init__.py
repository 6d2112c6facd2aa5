"""HTML without a document tree: tokens, blocks of text, and the blocks that are the main content of a page."""
