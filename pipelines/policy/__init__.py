"""A policy as written becomes rules ready to run: compiled, evaluated over columns, with the languages and texts it names."""
