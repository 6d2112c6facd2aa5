"""Repositories of source code: git folders, archives and plain folders, as files in the order of their paths."""
