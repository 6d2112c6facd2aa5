"""Models that need torch and score texts; worker processes load them, which alone import torch."""
