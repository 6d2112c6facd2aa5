"""What is written from decisions: the corpus in its text versions, personal data handled, the mix, the card."""
