"""Steps of other libraries, run as families of signals and as edits."""
