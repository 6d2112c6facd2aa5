"""Books as they are published, plain text or EPUB, turned into running text; signals and profile `books`."""
