"""From bytes to text as browsers do it: labels, decoders, declarations, and which of them to believe."""
