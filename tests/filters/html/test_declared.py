"""What pages declare themselves to be."""

import numpy as np
import pytest
from gristmill.filters.html.declared import DECLARED, declared, linked_types
from gristmill.filters.html.extract import Extraction
from hypothesis import given
from hypothesis import strategies as st


def said(html: str) -> dict[str, float]:
    """The values that are not 0."""
    values = declared(Extraction(html.encode()).heads).tolist()
    return {name: value for name, value in zip(DECLARED, values, strict=True) if value}


NOTHING = {"og_none": 1.0, "address_depth": -1.0}


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>text", NOTHING),
        (
            '<meta property="og:type" content="Article">',
            {"og_article": 1.0, "address_depth": -1.0, "has_open_graph": 1.0},
        ),
        (
            '<meta content="og:product" property=og:type>',
            {"og_product": 1.0, "address_depth": -1.0, "has_open_graph": 1.0},
        ),
        ('<meta property="article:published_time" content="2019-03-05">', {**NOTHING, "has_published_time": 1.0}),
        (
            '<link rel="canonical" href="https://mill.example/2019/03/grain-and-stone_now.html?page=2#a/b-c">',
            {"og_none": 1.0, "address_depth": 3.0, "address_dashes": 3.0, "address_digits": 6.0},
        ),
        ("<link rel=canonical href=https://mill.example/>", {"og_none": 1.0}),
        ("<link rel=canonical href=https://mill.example?a=/b/c>", {"og_none": 1.0}),
        ("<link rel=canonical href=//mill.example/a>", {"og_none": 1.0, "address_depth": 1.0}),
        ("<link rel=canonical href=/a/b>", {"og_none": 1.0, "address_depth": 2.0}),
        (
            "<meta property=og:url content=https://mill.example/a>",
            {"og_none": 1.0, "address_depth": 1.0, "has_open_graph": 1.0},
        ),
        ("<!DOCTYPE  html >\n<meta name=Viewport content=width=9>", {**NOTHING, "is_html5": 1.0, "has_viewport": 1.0}),
        (
            '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01//EN"><META HTTP-EQUIV=Content-Type CONTENT="text/html">',
            {**NOTHING, "has_content_type": 1.0},
        ),
        (
            '<script type="application/ld+json">{"@graph": [{"@type" : "NewsArticle"}, {"@type":"Person"}]}</script>',
            {**NOTHING, "linked_article": 1.0, "linked_any": 1.0},
        ),
        (
            '<script type="application/ld+json">{"@type": ["Thing",\n "Product"]}</script>'
            '<script type="application/ld+json">{"@type": "QAPage", broken</script>',
            {**NOTHING, "linked_product": 1.0, "linked_forum": 1.0, "linked_any": 1.0},
        ),
        ('<script>{"@type": "Product"}</script>', NOTHING),
    ],
)
def test_what_a_page_says(html: str, expected: dict[str, float]) -> None:
    assert said(html) == expected


def test_names_of_types_are_whole() -> None:
    page = '<script type="application/ld+json">{"@type": "ProductReview", "@type": [], "@types": "Product"}</script>'
    assert linked_types(Extraction(page.encode()).heads) == {b"ProductReview"}


@given(st.text(st.sampled_from('<>"\\/ @[],:typeA{}scriptld+jn='), max_size=200))
def test_no_page_raises(inside: str) -> None:
    html = f'<script type="application/ld+json">{inside}</script><link rel=canonical href="{inside}">'
    values = declared(Extraction(html.encode()).heads)
    assert values.shape == (len(DECLARED),)
    assert values.dtype == np.float32


def test_an_open_list_of_types_costs_linear_time() -> None:
    """A list that never ends is given up after a thousand bytes."""
    page = '<script type="application/ld+json">' + '"@type": [' * 100_000 + "</script>"
    assert linked_types(Extraction(page.encode()).heads) == set()
