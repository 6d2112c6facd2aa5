"""The compiled pre-scan: which spans of a text can hold personal data or a secret; everything else is never looked at."""
