"""Words by which MediaWikis of all languages name things: namespaces, redirects, disambiguation, lists of links.

Names that MediaWiki's language files and the pages MediaWiki:Disambiguationspage of the Wikipedias give, as far as they are
known here; for small languages compared with the tables of wtf_wikipedia (src/_data, MIT). All in lower case. A dump's own
names, which its siteinfo gives, are added to them; English names hold in every wiki.

The words are in words.tsv, a kind and a word on each line.
"""

from importlib.resources import files


def _words() -> dict[str, frozenset[str]]:
    words: dict[str, set[str]] = {}
    for line in (files(__package__) / "words.tsv").read_text("utf-8").splitlines():
        kind, _, word = line.partition("\t")
        words.setdefault(kind, set()).add(word)
    return {kind: frozenset(found) for kind, found in words.items()}


_WORDS = _words()
FILES = _WORDS["file_namespace"]
CATEGORIES = _WORDS["category_namespace"]
REDIRECTS = _WORDS["redirect"]
DISAMBIGUATION_TEMPLATES = _WORDS["disambiguation_template"]
DISAMBIGUATION_TITLES = _WORDS["disambiguation_title"]
LINK_SECTIONS = _WORDS["link_section"]  # headings of sections that are left out where they hold nothing but lists
LANGUAGE_CODES = _WORDS["language_code"]  # before the colon of a link that leads to another language

CANONICAL_NAMESPACES = {
    -2: "media",
    -1: "special",
    1: "talk",
    2: "user",
    3: "user_talk",
    4: "project",
    5: "project_talk",
    6: "file",
    7: "file_talk",
    8: "mediawiki",
    9: "mediawiki_talk",
    10: "template",
    11: "template_talk",
    12: "help",
    13: "help_talk",
    14: "category",
    15: "category_talk",
    828: "module",
    829: "module_talk",
}
