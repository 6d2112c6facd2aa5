"""Telephone numbering plans of all countries, compiled from the metadata of the installed `phonenumbers` library."""
