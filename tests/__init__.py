"""The tests; what several of them need is imported as `tests.…`, by its one name."""
