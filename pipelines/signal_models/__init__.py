"""Training of the models that signals are measured by."""
