"""The only place that knows which engine runs."""
