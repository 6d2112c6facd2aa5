"""From what a recipe's sources hold to documents/: readers, ids that collide, the balance."""
