"""What a run is served, as a pure function of position: token windows of a plan, or rows; and the order they come in."""
