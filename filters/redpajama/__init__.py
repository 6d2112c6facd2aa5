"""RedPajama's quality signals."""
