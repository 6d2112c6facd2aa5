"""Articles of journals in JATS (PubMed Central) and records of PubMed, as text."""
