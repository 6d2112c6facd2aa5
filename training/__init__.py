"""Learns from what the pipelines wrote."""
