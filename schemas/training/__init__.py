"""What a training run is asked for."""
