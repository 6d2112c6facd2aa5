"""Foreign steps of a recipe: run in isolation, their reasons as signals, their changes as edits."""
