"""Articles in JATS and records of PubMed as text."""

import pytest
from gristmill.filters.jats.article import article_of
from gristmill.filters.jats.blocks import ArticleChoices
from gristmill.filters.jats.medline import citation_of_lines, citation_of_xml
from gristmill.filters.safe_xml import parse_xml

HEAD = (
    '<article article-type="research-article" xml:lang="en" xmlns:xlink="http://www.w3.org/1999/xlink" '
    'xmlns:mml="http://www.w3.org/1998/Math/MathML"><front><journal-meta><journal-title>Mills</journal-title></journal-meta>'
    '<article-meta><article-id pub-id-type="doi">10.1/mill</article-id><article-id pub-id-type="pmid">7</article-id>'
    "<title-group><article-title>On "
    "<italic>grinding</italic></article-title></title-group><contrib-group><contrib>A. Miller</contrib>"
    "</contrib-group><pub-date><day>3</day><month>5</month><year>2011</year></pub-date><permissions><license "
    'xlink:href="https://creativecommons.org/licenses/by/4.0/"><p>Free.</p></license></permissions>'
    "<abstract><sec><title>Aims</title><p>To grind.</p></sec></abstract></article-meta></front><body>"
)
TAIL = (
    "</body><back><ack><p>Thanks.</p></ack><ref-list><title>References</title><ref>Nobody 1999</ref></ref-list></back>"
    "<sub-article><front-stub><title-group><article-title>Letter</article-title></title-group></front-stub><body><p>Dear.</p></body>"
    "</sub-article></article>"
)
START = "# On grinding\n\n## Abstract\n\n### Aims\n\nTo grind.\n\n"


def text_of(body: str, choices: ArticleChoices | None = None) -> str:
    article = article_of((HEAD + body + TAIL).encode(), choices)
    assert article is not None
    assert article.text.startswith(START)
    return article.text.removeprefix(START)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (
            "<sec><title>One</title><p>A.</p><sec><title>Two</title><p>B.</p></sec></sec>",
            "## One\n\nA.\n\n### Two\n\nB.",
        ),
        ("<p>a <bold>b</bold>\n  c<xref ref-type='bibr' rid='r'>12</xref>.</p>", "a b c."),
        (
            "<p>seen [<xref ref-type='bibr'>1</xref>, <xref ref-type='bibr'>2</xref>] and <xref "
            "ref-type='fig'>Figure 1</xref></p>",
            "seen and Figure 1",
        ),
        ("<p>as before<sup><xref ref-type='bibr'>3</xref>,<xref ref-type='bibr'>4</xref></sup>.</p>", "as before."),
        ("<p>H<sub>2</sub>O at 10<sup>-3</sup> m x<sup>ab</sup></p>", "H₂O at 10⁻³ m x^{ab}"),
        ("<list list-type='order'><list-item><p>a</p></list-item><list-item><p>b</p></list-item></list>", "1. a\n2. b"),
        ("<list><list-item><p>a</p><p>b</p></list-item></list>", "- a\n  b"),
        ("<list><list-item><code>a\n\nb ```</code></list-item></list>", "- ````\n  a\n\n  b ```\n  ````"),
        ("<def-list><def-item><term>mill</term><def><p>grinds</p></def></def-item></def-list>", "mill: grinds"),
        ("<disp-quote><p>Said.</p></disp-quote>", "> Said."),
        ("<preformat>a\n  b</preformat>", "```\na\n  b\n```"),
        (
            "<p>Donau&#173;dampf\u00adschiff</p><preformat>a\u00adb</preformat>",
            "Donaudampfschiff\n\n```\na\u00adb\n```",
        ),
        ("<p>before <disp-formula><tex-math>x=1</tex-math></disp-formula> after</p>", "before\n\n$$\nx=1\n$$\n\nafter"),
        (
            "<fig><label>Figure 1.</label><caption><title>A mill.</title><p>At night.</p></caption><graphic/></fig>",
            "Figure 1. A mill. At night.",
        ),
        ("<sec><title>Competing interests</title><p>None.</p></sec><p>Kept.</p>", "Kept."),
        ("<sec><title>Empty</title></sec><p>Kept.</p>", "Kept."),
        ("<p>5 &lt; 6 &amp; &nbsp;7 &eacute;</p>", "5 < 6 & 7 é"),
    ],
)
def test_bodies(body: str, text: str) -> None:
    assert text_of(body) == text


TABLE = (
    "<table-wrap><label>Table 1</label><caption><p>Yields.</p></caption><table><tr><th>a</th><th colspan='2'>b|c</th></tr>"
    "<tr><td>1</td><td>2</td><td>3</td></tr></table></table-wrap>"
)


def test_choices_and_notes() -> None:
    assert text_of(TABLE) == "Table 1. Yields."
    assert text_of(TABLE + "<p>A.</p>", ArticleChoices(captions=False)) == "A."
    shown = text_of(TABLE, ArticleChoices(tables=True))
    assert shown == "Table 1. Yields.\n\n| a | b\\|c |  |\n| --- | --- | --- |\n| 1 | 2 | 3 |"
    assert text_of("<p>A.</p>", ArticleChoices(sub_articles=True)).endswith("A.\n\n## Letter\n\nDear.")
    article = article_of((HEAD + TABLE + TAIL).encode())
    assert article is not None
    assert article.left_out["tables"] == 7
    assert {"ack", "ref-list", "sub-article"} <= set(article.left_out)
    assert article.notes == {
        "article_type": "research-article",
        "declared_language": "en",
        "title": "On grinding",
        "doi": "10.1/mill",
        "pmid": "7",
        "journal": "Mills",
        "licence": "https://creativecommons.org/licenses/by/4.0/",
        "timestamp": "2011-05-03",
        "url": "https://doi.org/10.1/mill",
    }


def test_records_of_pubmed() -> None:
    record = (
        "<PubmedArticle><MedlineCitation><PMID>9</PMID><Article><Journal><JournalIssue><PubDate><Year>2001</Year><Month>Jun</Month>"
        "</PubDate></JournalIssue><Title>Mills</Title></Journal><ArticleTitle>Wheels.</ArticleTitle><Abstract>"
        "<AbstractText Label='AIM'>To <i>turn</i>.</AbstractText><AbstractText Label='END'>Done.</AbstractText></Abstract>"
        "<Language>eng</Language></Article></MedlineCitation><PubmedData><ArticleIdList><ArticleId "
        "IdType='doi'>10.2/w</ArticleId>"
        "</ArticleIdList><ReferenceList><Reference><ArticleIdList><ArticleId "
        "IdType='doi'>10.9/other</ArticleId></ArticleIdList>"
        "</Reference></ReferenceList></PubmedData></PubmedArticle>"
    )
    citation = citation_of_xml(record.encode())
    assert citation is not None
    assert citation.text == "Wheels.\n\nAIM: To turn.\n\nEND: Done."
    assert citation.notes["doi"] == "10.2/w"
    assert citation.notes["timestamp"] == "2001-06-01"
    assert citation_of_xml(b"<other/>") is None
    flat = (
        "PMID- 9\nTI  - Wheels\n      turn.\nAB  - AIM: To turn. METHODS: We\n      turned.\nDP  - 2002 Sep "
        "3\nAID - 10.2/w [doi]\n"
    )
    citation = citation_of_lines(flat)
    assert citation is not None
    assert citation.text == "Wheels turn.\n\nAIM: To turn.\n\nMETHODS: We turned."
    assert citation.notes["timestamp"] == "2002-09-01"
    assert citation_of_lines("TI  - Nobody") is None
    bare = citation_of_lines("PMID- 9\nTI  - Wheels\n")
    assert bare is not None
    assert not bare.has_abstract


def bomb() -> bytes:
    levels = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    return f'<!DOCTYPE article [<!ENTITY l0 "ha"><!ENTITY f SYSTEM "file:///etc/passwd">{levels}]>'.encode()


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (bomb() + b"<article><body><p>a &l11; &f;</p></body></article>", "a &l11; &f;"),
        (b"<article><body><p>cut off", "cut off"),
        (b"<article><body>" + b"<sec>" * 5000 + b"<p>deep</p>" + b"</sec>" * 5000 + b"</body></article>", None),
        (b"<article><body><p>" + b"<bold>" * 5000 + b"deep" + b"</bold>" * 5000 + b"</p></body></article>", None),
        (b"\xff\xfe" + "<article><body><p>wide é</p></body></article>".encode("utf-16-le"), "wide é"),
        (
            b"<article><body><p>a" + b"<xref ref-type='bibr'>1</xref>, " * 50_000 + b"b</p></body></article>",
            "a" + "," * 50_000 + " b",
        ),
        (b"<article><body><p>" + b"[(" * 200_000 + b"</p></body></article>", "[(" * 200_000),
        (b"<article><body><p>" + b" " * 2_000_000 + b"x</p></body></article>", "x"),
        (b"<article><body><p>\xee\x80\x81 stays</p></body></article>", "\ue001 stays"),
        (b"<article><body><p><![CDATA[<!DOCTYPE a> stays]]></p></body></article>", "<!DOCTYPE a> stays"),
    ],
)
def test_hostile_articles(raw: bytes, text: str | None) -> None:
    article = article_of(raw)
    assert article is not None
    assert text is None or article.text == text


def test_tables_within_tables_are_written_once() -> None:
    depth = 60
    nested = "<table><tr><td>x" * depth + "</td></tr></table>" * depth
    article = article_of(f"<article><body><table-wrap>{nested}</table-wrap></body></article>".encode())
    assert article is not None
    assert article.left_out["tables"] == depth
    shown = article_of(
        f"<article><body><table-wrap>{nested}</table-wrap></body></article>".encode(), ArticleChoices(tables=True)
    )
    assert shown is not None
    assert shown.text.count("x") == depth


def test_short_rows_of_a_wide_table_are_not_filled_without_end() -> None:
    rows = "<tr>" + "<td colspan='100'/>" * 1000 + "</tr>" + "<tr><td>x</td></tr>" * 20_000
    article = article_of(
        f"<article><body><table-wrap><table>{rows}</table></table-wrap></body></article>".encode(),
        ArticleChoices(tables=True),
    )
    assert article is not None
    assert article.text.count("| x |") == 20_000
    assert len(article.text) < 2 << 20


def test_every_line_of_a_record_is_its_own_or_its_fields() -> None:
    """Other marks that end lines stand within, lines without indent go on, and a field of many lines costs no more each."""
    citation = citation_of_lines("PMID- 9\r\nAB  - One\x0btwo\u2028three\r\nfour.\r\n" + "      x\n" * 100_000)
    assert citation is not None
    assert citation.text == "One\x0btwo\u2028three four." + " x" * 100_000


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("<a>é</a>".encode("utf-16-le"), "é"),
        ("<a>é</a>".encode("utf-16-be"), "é"),
        ("<a>é</a>".encode("utf-16"), "é"),
        (b"<!DOCTYPE a [" + b"]" * 1_000_000 + b"><a>x</a>", "x"),
        (b"<!DOCTYPE" + b" " * 100_000 + b"><a>x</a>", "x"),
    ],
)
def test_xml_in_wide_characters_and_hostile_declarations(raw: bytes, text: str) -> None:
    root = parse_xml(raw)
    assert root is not None
    assert root.text == text


def test_what_is_no_xml_is_told() -> None:
    whole, broken = (
        article_of(raw) for raw in (b"<article><body><p>a</p></body></article>", b"<article><p>a</b></p></article>")
    )
    assert whole is not None
    assert whole.damage is None
    assert broken is not None
    assert "line 1" in str(broken.damage)
