"""What a row is: typed definitions of documents, signals, policies, recipes, manifests and errors."""
