"""No text node vanishes for its length in bytes: every code point, every place of a node, and nothing else changes."""

import random

import pytest
from gristmill.pipelines.sources.readers.extract import main_text
from gristmill.pipelines.sources.readers.short_nodes import mark_short_nodes
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree

MAIN = "<p>This paragraph is long enough to be the main part of the page, as it has several clauses and words.</p>"
ICONS = range(0xE000, 0xF900)  # private use: a node of one such character is an icon, and left out on purpose


def page(inner: str) -> str:
    return f"<html><head><title>男</title></head><body><article>{MAIN}{inner}{MAIN}</article></body></html>"


def inner_text(html: str) -> list[str]:
    return [line.strip() for line in main_text(page(html)).split("\n") if line.strip()][1:-1]


@pytest.mark.parametrize(
    ("html", "lines"),
    [
        ("<p><a>北京</a>和<a>上海</a>都是<b>城市</b>。</p>", ["北京和上海都是城市。"]),
        ("<p><i>x</i> ≠ <i>y</i></p>", ["x ≠ y"]),
        ("<p><a>Monday</a> – <a>Friday</a></p>", ["Monday – Friday"]),
        ("<p><ruby>東<rt>とう</rt></ruby>から</p>", ["東とうから"]),
        ("<h2>男</h2><p>more</p>", ["男", "more"]),
        ("<div><div><ul><li>一</li><li>€</li><li>…</li></ul></div></div>", ["• 一", "• €", "• …"]),
        ("<table><tr><td>男</td><td>36</td></tr></table>", ["男\t\t36"]),
        ("<table><tr><td>&euro;</td><td>&#x7537;</td><td>&#30007</td></tr></table>", ["€\t\t男\t\t男"]),
        ("<p>one<br>男<br>two</p>", ["one", "男", "two"]),
        ("<p><b>où</b> et <b>né</b></p>", ["où et né"]),
        ("<p><b>a<i>é</i></b></p>", ["aé"]),
        ("<p><b>a</b><b>é</b></p><p><u><b>a<i>&eacute;</i></b></u></p>", ["aé", "aé"]),
        ("<p><span>x<sup>²</sup></span></p>", ["x²"]),
        ("<p>\n <b>\n\t男\n</b>\n</p>", ["男"]),
        ("<pre>男</pre>", ["男"]),
        ("<p><b>男<!-- c --></b></p>", ["男"]),
        ("<p>x&nbsp;a <b>a&nbsp;</b>b</p>", ["x\xa0a a\xa0b"]),
        ("<p>1 > é</p>", ["1 > é"]),
        ("<p><i class='icon'>\ue001</i>home</p>", ["home"]),
        ("<p><b>\ufdd0</b><b>男</b></p>", ["\ufdd0男"]),
    ],
)
def test_short_nodes_stay(html: str, lines: list[str]) -> None:
    assert inner_text(html) == lines


def test_a_page_that_is_one_short_node() -> None:
    assert main_text("男") == "男"
    assert main_text("<b>男") == "男"
    assert main_text("") == ""


@pytest.mark.parametrize("template", ["<p><i>x</i>{}<i>y</i></p>", "<p>x<b>{}</b>y</p>", "<p>x<b><i> {} </i></b>y</p>"])
def test_every_character_of_two_and_three_bytes(template: str) -> None:
    codes = [code for code in range(0x80, 0x10000) if not 0xD800 <= code < 0xE000 and code not in ICONS]
    step = 1 if template.startswith("<p><i>") else 13
    for start in range(0, len(codes), 8000):
        characters = [chr(code) for code in codes[start : start + 8000 : step]]
        found = inner_text("".join(template.format(character) for character in characters))
        bare = [line.replace(" ", "") for line in found]
        assert bare == [f"x{character}y" for character in characters]


def test_nodes_of_one_to_three_characters_of_all_widths() -> None:
    dice = random.Random(5)
    letters = "aZ1é÷ßЖא男€…。ｱ가😀𝒳"
    texts = ["".join(dice.choices(letters, k=dice.randint(1, 3))) for _ in range(3000)]
    assert inner_text("".join(f"<p>x<b>{text}</b>y</p>" for text in texts)) == [f"x{text}y" for text in texts]


def test_pages_without_short_nodes_are_taken_as_they_are() -> None:
    html = page("<p>Lange Sätze, <b>mit</b> Ümlauten und – Strichen – <a>und Verweisen</a>.</p>")
    assert mark_short_nodes(html.replace("男", "Titel")) == (html.replace("男", "Titel"), "")
    plain = extract_plain_text(HTMLTree.parse(html), main_content=True, alt_texts=False, preserve_formatting=True)
    assert main_text(html) == plain
