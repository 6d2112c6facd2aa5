"""A training run, whatever is trained: attempts, checkpoints, log, history, averages, the finished model, the page."""
