"""What is cut out of the survivors: evaluation items, repeated lines, repeated substrings."""
