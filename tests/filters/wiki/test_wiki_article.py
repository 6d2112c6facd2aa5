"""Wikitext to Markdown: what each construct says, what says nothing, and hostile pages in linear time."""

import pytest
from gristmill.filters.wiki.article import is_disambiguation, is_redirect, to_markdown
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.generated import examples

CASES = [
    # inline
    ("'''Bold''' and ''italic'' and l'''''both'''''", "Bold and italic and lboth"),
    ("[[Mill]], [[Mill|a mill]], [[Mill]]s and [[:Category:Mills]]", "Mill, a mill, Mills and Category:Mills"),
    ("[[Mill (grinding)|]] and [[Help:Links|]]", "Mill and Links"),
    (
        "[https://example.org a site] and [https://example.org] or https://example.org",
        "a site and or https://example.org",
    ),
    ("Tom &amp; Jerry&nbsp;&mdash; 5 &lt; 6", "Tom & Jerry — 5 < 6"),
    (
        "Donau&shy;dampf\u00adschiff{{shy}}fahrt {{shy|ka|pi|tän}} <code>a\u00adb</code>",
        "Donaudampfschifffahrt kapitän `a\u00adb`",
    ),
    ("H<sub>2</sub>O is 10<sup>-3</sup> m<sup>th</sup>", "H₂O is 10⁻³ mth"),
    ("a <code>x = [[y]]</code> b", "a `x = y` b"),
    ("<nowiki>'''[[not]] a {{link}}'''</nowiki>", "'''[[not]] a {{link}}'''"),
    ("<span style='x'>text</span><unknown>", "text\\<unknown>"),
    ("one<br>two<br/>three", "one\ntwo\nthree"),
    ("Fact.<ref name=a>Cited, p. 3</ref><ref name=a /> More.<!-- not this -->", "Fact. More."),
    ("Berlin ({{IPA-de|x|y}}; [[German language|German]]: ''Berlin'')", "Berlin (German: Berlin)"),
    ("Berlin ({{IPA-de|x}}) is", "Berlin is"),
    ("-{zh-hans:计算机;zh-hant:電腦}-", "计算机"),
    ("__NOTOC__text __init__ __БЕЗОГЛ__", "text __init__"),
    # formulas stay as LaTeX
    ("where <math>a &lt; b</math> holds", "where $a < b$ holds"),
    (":<math>E = mc^2</math>", "$$E = mc^2$$"),
    ('<math display="block">x</math>', "$$x$$"),
    ("<chem>H2O</chem> x", "$\\ce{H2O}$ x"),
    # files, galleries, categories and other languages say nothing, in any language
    ("[[File:A.jpg|thumb|A [[mill]] of {{lang|de|Holz}}]]Text", "Text"),
    ("[[Datei:A.png|mini]][[Файл:A.svg]][[ファイル:A]][[Xyz:Picture.JPG|x]]Text", "Text"),
    ("Text\n[[Category:Mills]]\n[[de:Mühle]]\n[[Unbekannt:Etwas]] [[zh-yue:磨]]", "Text"),
    ("Text [[Kategorie:Mühle|Sort]]", "Text"),
    ("a\n<gallery>\nFile:A.jpg|caption\n</gallery>\nb", "a\n\nb"),
    # templates
    ("{{Infobox mill|name=X|built={{start date|1900}}}}A mill.", "A mill."),
    ("{{lang|fr|moulin}} and {{lang-de|Mühle}}, {{transl|ru|mel'nitsa}}", "moulin and Mühle, mel'nitsa"),
    ("{{convert|5|km|mi}} or {{convert|5|to|6|km|mi}} {{nowrap|one {{small|two}}}}", "5 km or 5–6 km one two"),
    ("{{unknown|a|b}}x{{#if:a|b}}{{DEFAULTSORT:y}}", "x"),
    ("{{PAGENAME}} of {{formatnum:1234}}", "Page of 1234"),
    ("{{{1|default}}} {{!}} {{=}}", "default | ="),
    ("{{quote|Said so.|Somebody}}", "> Said so."),
    ("one {{cn}}, two<ref>x</ref> . End {{cn}}", "one, two. End"),
    ('{|\n| a || b\n|-\n| rowspan="2" | style="x" | c || colspan="2"\n|}', "| a | b |\n| --- | --- |\n| c |  |"),
    ("unclosed {{template and [[link", "unclosed {{template and [[link"),
    ("closed }} and ]] and }", "closed }} and ]] and }"),
    # blocks
    ("== A ==\ntext\n=== B ===\nmore\n== Empty ==\n", "## A\n\ntext\n\n### B\n\nmore"),
    ("a\n= A =\n== B ==\ntext\n= Empty =\n== None ==\n= C =\nmore", "a\n\n## A\n\n## B\n\ntext\n\n## C\n\nmore"),
    ("* one\n** two\n* three\n# first\n# second", "- one\n  - two\n- three\n1. first\n2. second"),
    ("# one\n## two\n##* three\n# four\n#: goes on", "1. one\n   1. two\n      - three\n2. four\n   goes on"),
    ("** one\n*** two\n* three", "- one\n  - two\n- three"),
    ("== C # ==\ntext", "## C \\#\n\ntext"),
    ("* one\n*: goes on\n", "- one\n  goes on"),
    (": moved in\n;Term: definition", "moved in\n\nTerm: definition"),
    ("a\nb\n\nc\n----\nd", "a\nb\n\nc\n\nd"),
    ("# Not a heading", "1. Not a heading"),
    ("1. not a list\n\n> not a quote", "1\\. not a list\n\n\\> not a quote"),
    (
        '<syntaxhighlight lang="python">\nif a < b:\n    [[c]]\n</syntaxhighlight>',
        "```python\nif a < b:\n    [[c]]\n```",
    ),
    ("<pre>\n a  {{b}}\n</pre>", "```\n a  {{b}}\n```"),
    ("<poem>\none\ntwo\n</poem>", "one\ntwo"),
    ("<blockquote>So it was.</blockquote>", "> So it was."),
    ("<ul><li>a</li><li>b</li></ul>", "- a\n- b"),
    ("text\n== References ==\n{{reflist}}\n== See also ==\n* [[Other]]\n", "text"),
    ("text\n== Siehe auch ==\n* [[Anderes]]\n== Weblinks ==\nEin Satz.", "text\n\n## Weblinks\n\nEin Satz."),
    # tables
    (
        '{| class="wikitable"\n|+ Mills\n! Name !! Year\n|-\n| [[De Kat|Kat]] || style="x" | 1784\n|-\n'
        "| rowspan=2 | B\n| 1\n|-\n| 2\n|}",
        "Mills\n\n| Name | Year |\n| --- | --- |\n| Kat | 1784 |\n| B | 1 |\n|  | 2 |",
    ),
    ("{| class='infobox'\n| a || b\n|-\n| c || d\n|}Text", "Text"),
    ("{|\n| A long text of a layout\n* with a list\n|}\nend", "A long text of a layout\n\n- with a list\n\nend"),
    ("{|\n|a{{!}}b||c\n|-\n|d||e\n|}", "| b | c |\n| --- | --- |\n| d | e |"),
]


@pytest.mark.parametrize(("wikitext", "markdown"), CASES)
def test_what_wikitext_says(wikitext: str, markdown: str) -> None:
    said = to_markdown(wikitext, "Page").text
    assert said.removeprefix("# Page").strip() == markdown


def test_sections_lie_where_they_say() -> None:
    article = to_markdown("Ünicode.\n== Ä ==\na\n=== B ===\nb\n== C ==\nc", "Tïtle")
    data = article.text.encode()
    assert [(section.level, section.heading) for section in article.sections] == [
        (1, "Tïtle"),
        (2, "Ä"),
        (3, "B"),
        (2, "C"),
    ]
    for section in article.sections:
        assert data[section.start :].decode().startswith(f"{'#' * section.level} {section.heading}\n")


def test_what_is_left_out_is_counted() -> None:
    page = (
        "{{Infobox}}A{{x}}<ref>r</ref>[[File:a.png]][[Category:b]]<gallery>c</gallery>\n"
        "{|class=navbox\n|a\n|}\n==Notes==\n* n"
    )
    assert to_markdown(page).left_out == {
        "templates": 2,
        "references": 1,
        "files": 1,
        "categories": 1,
        "galleries": 1,
        "tables": 1,
        "link_sections": 1,
    }


def test_a_page_without_text_of_its_own_is_empty() -> None:
    assert to_markdown("{{Infobox}}\n== Heading ==\n[[Category:x]]", "T").text == ""


@pytest.mark.parametrize(
    ("text", "yes"),
    [
        ("#REDIRECT [[A]]", True),
        ("  #redirect: [[A#B]] {{R from x}}", True),
        ("#WEITERLEITUNG [[A]]", True),
        ("#перенаправление [[A]]", True),
        ("#転送 [[A]]", True),
        ("#Item [[A]]", False),
        ("Text #REDIRECT [[A]]", False),
        ("#REDIRECT A", False),
    ],
)
def test_redirects(text: str, yes: bool) -> None:
    assert is_redirect(text) is yes


@pytest.mark.parametrize(
    ("text", "title", "yes"),
    [
        ("'''Mill''' may be\n* [[A]]\n{{disambiguation|geo}}", "Mill", True),
        ("{{Begriffsklärung}}", "Mühle", True),
        ("{{ Неоднозначность }}", "Мельница", True),
        ("text", "Mill (disambiguation)", True),
        ("__DISAMBIG__ x", "Mill", True),
        ("A {{disambiguation needed}} text", "Mill", False),
        ("{{dab}}" + "x" * 20_000, "Mill", False),
        ("text", "Mill (novel)", False),
    ],
)
def test_disambiguations(text: str, title: str, yes: bool) -> None:
    assert is_disambiguation(text, title) is yes


HOSTILE = [
    *(
        "{{" * 50_000,
        "{{a|" * 50_000 + "}}" * 50_000,
        "{{lang|x|" * 50_000 + "y" * 50_000 + "}}" * 50_000,
        "[[" * 50_000,
    ),
    *("<b>" * 50_000, "{|\n" * 20_000, "'''" * 50_000, "<ref>" * 50_000, "[http://a " * 50_000, "<!--" * 50_000),
    *("-{" * 50_000, "{{a|<ref>''[[b|{|\n|" * 3000, "|" * 100_000, "(" * 100_000, "__A" * 50_000, "<math>" * 50_000),
    *(
        "{|\n|" * 5000 + "\n|}" * 5000,
        "=" * 100_000,
        ":" * 100_000,
        "{{" + "a|" * 100_000 + "}}",
        "[[a|" * 20_000 + "]]" * 20_000,
        *("[//" + "a" * 200_000, "[mailto:" + "a" * 200_000, "__A" + "_A" * 50_000, "{{lang|" + " " * 200_000 + "}}"),
        *(
            "{|\n|colspan=" + " " * 200_000 + "|x\n|}",
            "[[a" + " " * 100_000 + "b|]]",
            "{{a" + " " * 200_000,
            "(" + "," * 200_000,
        ),
        *("{|\n|" + 'a="b" ' * 50_000 + "\n|}", "&" * 200_000, "'" * 200_001, "[[" + "a:" * 50_000 + "]]"),
        *("{{lang|" + "a=" * 50_000 + "}}", "-{" + "a;" * 50_000 + "}-", "<ref " + "a " * 100_000, "<" * 200_000),
        *("\n" * 200_000, "#" + "REDIRECT " * 20_000, "{|" + "\n|-" * 50_000),
    ),
]


@pytest.mark.parametrize("page", HOSTILE, ids=lambda page: page[:12])
def test_hostile_pages_end(page: str) -> None:
    """They would run for hours if a cost were quadratic, or end in a RecursionError."""
    assert not is_redirect(page)
    assert not is_disambiguation(page, "T")
    article = to_markdown(page, "T")
    assert len(article.text) <= 4 * len(page) + 100


@settings(max_examples=examples(150))
@given(st.text(st.sampled_from(list("{}[]|'=*#:;<>/!-_& \nab\x01\x02\x030")), max_size=80))
def test_anything_is_a_page(page: str) -> None:
    article = to_markdown(page, "T")
    assert "\x01" not in article.text
    assert "\x02" not in article.text
    article.text.encode()
