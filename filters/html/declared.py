"""What a page declares itself to be: its type in a meta, the types of its linked data, a time of publication, its address,
and what tells from which years of the web it is.

A page that calls itself an article has its main text in one piece more often than one that calls itself a list. These are
names of vocabularies (Open Graph, schema.org) and counts, the same in every language. A page that was made for no telephone
(viewport), is no HTML 5 or says its encoding the old way has a short article among many teasers more often than one of today.
"""

import re

import numpy as np
from gristmill.filters.html.heads import Heads

_OG_TYPES = (b"article", b"product", b"website")
_LINKED_TYPES = {
    "article": (
        *("Article", "NewsArticle", "AnalysisNewsArticle", "BackgroundNewsArticle", "OpinionNewsArticle", "Report"),
        *("ReportageNewsArticle", "ReviewNewsArticle", "BlogPosting", "LiveBlogPosting", "ScholarlyArticle"),
    ),
    "documentation": ("TechArticle", "APIReference", "HowTo"),
    "forum": ("DiscussionForumPosting", "QAPage", "Question", "Answer"),
    "list": ("CollectionPage", "ItemList", "SearchResultsPage", "Blog", "OfferCatalog"),
    "product": ("Product", "ProductGroup", "Offer", "AggregateOffer"),
    "questions": ("FAQPage",),
    "business": ("LocalBusiness", "Service", "ProfessionalService"),
}
DECLARED: tuple[str, ...] = (
    *(f"og_{name.decode()}" for name in _OG_TYPES),
    "og_none",
    *(f"linked_{name}" for name in _LINKED_TYPES),
    *("linked_any", "has_published_time", "address_depth", "address_dashes", "address_digits"),
    *("has_viewport", "has_open_graph", "is_html5", "has_content_type"),
)
_GROUPS = {one.encode(): place for place, names in enumerate(_LINKED_TYPES.values()) for one in names}
_LINKED_TYPE = re.compile(rb'"@type"\s*:\s*(?:"([^"]{0,100})"|\[([^\]]{0,1000})\])')
_TIMES = ("article:published_time", "datepublished", "pubdate", "publishdate", "publish_date", "og:published_time")
_OPEN_GRAPH = ("og:title", "og:description", "og:type", "og:url", "og:locale")
_HTML5 = re.compile(rb"<!doctype\s+html\s*>", re.IGNORECASE)
_DOCTYPE_BYTES = 2000  # of a page, where its document type is looked for
_HOST = re.compile(rb"(?:[A-Za-z][A-Za-z0-9+.-]*:)?//[^/?#]*")


def declared(heads: Heads) -> np.ndarray:
    """The values of DECLARED, float32. address_depth is -1 of a page that gives no address (canonical, og:url)."""
    og_type = heads.bytes_of("og:type").tobytes().lower()
    of_og = [float(name in og_type) for name in _OG_TYPES]
    groups = [0.0] * len(_LINKED_TYPES)
    types = linked_types(heads)
    for name in types:
        if name in _GROUPS:
            groups[_GROUPS[name]] = 1.0
    published = any(len(heads.bytes_of(name)) for name in _TIMES)
    address = heads.bytes_of("canonical").tobytes() or heads.bytes_of("og:url").tobytes()
    years = (
        "viewport" in heads,
        any(key in heads for key in _OPEN_GRAPH),
        _HTML5.search(heads.source[:_DOCTYPE_BYTES].tobytes()) is not None,
        "content-type" in heads,
    )
    return np.array([*of_og, not og_type, *groups, bool(types), published, *_address(address), *years], np.float32)


def linked_types(heads: Heads) -> set[bytes]:
    """The names after "@type" in the linked data of a page."""
    found: set[bytes] = set()
    for script in heads.scripts():
        for one, several in _LINKED_TYPE.findall(script):
            found.update([one] if one else (name.strip(b" \t\r\n\"'") for name in several.split(b",")))
    return found - {b""}


def _address(address: bytes) -> tuple[int, int, int]:
    """(steps of the path, dashes and underscores in its last step, digits) of an address; depth -1 where it is empty."""
    if not address:
        return -1, 0, 0
    path = re.split(rb"[?#]", _HOST.sub(b"", address, count=1), maxsplit=1)[0]
    steps = [step for step in path.split(b"/") if step]
    last = steps[-1] if steps else b""
    return len(steps), last.count(b"-") + last.count(b"_"), sum(byte in b"0123456789" for byte in path)
