"""The kinds of checkers, one a file; each holds its `KIND`."""
