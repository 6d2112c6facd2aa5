"""Tokens by the HTML standard. `benchmarks/html_tokens.py` runs the suites that parsers share; these are our own cases."""

import pytest
from gristmill.filters.html.tokens import STATES, Token, tokens
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.generated import examples


def text(name: str) -> Token:
    return Token("text", name, {})


def start(name: str, flag: bool = False, **attributes: str) -> Token:
    return Token("start", name, attributes, flag)


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("a<b>c</B>", [text("a"), start("b"), text("c"), Token("end", "b", {})]),
        ("<A HREF=x Id='1' id=2 wide>", [start("a", href="x", id="1", wide="")]),
        ("<br/><img src=a/>", [start("br", True), start("img", src="a/")]),
        ('<p a="&lt;&amp;x=1&ampx;&notit;">', [start("p", a="<&x=1&ampx;&notit;")]),
        ("&lt;&#x41;&#128;&#0;&#xD800;&notit;&NotEqualTilde;&nosuch;", [text("<A€\ufffd\ufffd¬it;≂̸&nosuch;")]),
        ("&#1114112;&#x;&", [text("\ufffd&#x;&")]),
        ("<!-- a -- b --><!--x--!><!-->-->", [Token("comment", n, {}) for n in (" a -- b ", "x", "")] + [text("-->")]),
        ("<?php echo ?></ x><!odd>", [Token("comment", n, {}) for n in ("?php echo ?", " x", "odd")]),
        ("<!DOCTYPE html>", [Token("doctype", "html", {})]),
        (
            '<!doctype HTML PUBLIC "-//W3C" "u">',
            [Token("doctype", "html", {"public": "-//W3C", "system": "u"})],
        ),
        ("<!doctype>", [Token("doctype", None, {}, True)]),
        ("1 < 2 <3 </> <", [text("1 < 2 <3 "), text(""), text(" <")]),
        ("a\r\nb\rc\0", [text("a\nb\nc\0")]),
        ("<p", []),
        ("<p a='", []),
        ("<!--a", [Token("comment", "a", {})]),
        ("", []),
    ],
)
def test_tokens(html: str, expected: list[Token]) -> None:
    assert list(tokens(html.encode())) == expected


@pytest.mark.parametrize(
    ("state", "tag", "html", "expected"),
    [
        ("rcdata", "title", "a<b>&amp;</b></TITLE >", ["a<b>&</b>", "title"]),
        ("rawtext", "style", "a<b>&amp;</styles></style>", ["a<b>&amp;</styles>", "style"]),
        ("script", "script", "a<!--<script></script>--></script>", ["a<!--<script></script>-->", "script"]),
        ("script", "script", "a<!--</script>", ["a<!--", "script"]),
        ("plaintext", "", "a</plaintext>\0", ["a</plaintext>\ufffd"]),
        ("cdata", "", "a<b>\0]]>&lt;", ["a<b>\0", "", "<"]),
    ],
)
def test_raw_text(state: str, tag: str, html: str, expected: list[str]) -> None:
    assert [token.name for token in tokens(html.encode(), state, tag)] == expected


PIECES = st.sampled_from(
    [
        *(
            "<",
            ">",
            "</",
            "/>",
            "<!--",
            "-->",
            "--!>",
            "<!",
            "<?",
            "&",
            "&amp",
            "&#",
            ";",
            "=",
            '"',
            "'",
            " ",
            "\n",
            "\0",
        ),
        *("a", "B", "é", "<script>", "</script>", "<title>", "</title", "<svg>", "<![CDATA[", "]]>", "<!doctype html"),
    ]
)


@settings(max_examples=examples(200))
@given(st.lists(PIECES, max_size=30), st.sampled_from(sorted(STATES)))
def test_every_document_ends(pieces: list[str], state: str) -> None:
    """No text is lost that no markup surrounds: letters outside tags and comments come out as they went in."""
    html = "".join(pieces)
    found = list(tokens(html.encode(), state, "script"))
    assert sum(len(token.name or "") for token in found) <= 2 * len(html) + 2
    if "<" not in html and "&" not in html and state == "data":
        assert "".join(token.name or "" for token in found) == html


def test_long_tags_are_read_in_one_pass() -> None:
    html = b"<p " + b"a=1 " * 300_000 + b">x" + b"<!--" * 200_000
    found = list(tokens(html))
    assert [token.kind for token in found] == ["start", "text", "comment"]
    assert found[0].attributes == {"a": "1"}
