"""FineWeb's rules: signals and profiles."""
