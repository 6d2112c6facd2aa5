"""Looking into a run: explanations, differences, estimates, the report, and strings in hand."""
