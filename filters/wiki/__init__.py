"""Wikitext to Markdown, for MediaWiki of any language: in time linear in its size, and without running anything.

A page passes these stages, each of which reads it once: what is no wikitext is set aside (`verbatim`: formulas, code,
references), templates and links are resolved from the inside out (`nesting`, `templates`, `links`), lines become headings,
lists, tables and paragraphs (`blocks`, `tables`), inline markup becomes text (`inline`). `article` puts them together.

mwparserfromhell, the parser that most tools build on, takes 1 to 2 seconds for a megabyte, is quadratic in unclosed
tags (8,000 of them take half a minute), and knows no tables of data; it is the peer that `benchmarks/sources.py` runs beside.
"""
