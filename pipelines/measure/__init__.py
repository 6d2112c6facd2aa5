"""What is measured on every document: signal families, and the steps of datatrove."""
