"""fastText classifiers: their files read, and their answers by compiled code."""
