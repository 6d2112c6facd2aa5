"""The main text of pages, and what pages say about themselves."""

import gc
import weakref
from pathlib import Path
from typing import Any

import gristmill
import numpy as np
import pytest
from gristmill.filters.html import extract as extractor
from gristmill.filters.html.choose import choose_blocks, choose_plainly, keep_code, keep_code_plainly
from gristmill.filters.html.extract import Extraction, extract, extraction_model, label_table
from gristmill.filters.html.features import FEATURES, NAMES
from gristmill.filters.html.layout import BEGIN, BLOCK_COLUMNS, FINISH, PREFORMATTED, STATE
from gristmill.filters.html.page import read_page
from gristmill.filters.html.page_type import PAGE_FEATURES, PAGE_TYPES, most_probable_type, page_row
from gristmill.filters.html.plain_text import join_blocks
from gristmill.filters.html.trees import MAX_LEAVES, parse_trees, sum_of_trees, sum_of_trees_plainly, table_lines
from gristmill.schemas.errors import InputError
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.generated import examples

PARAGRAPHS = [
    "Die alte Mühle am Fluss mahlt seit drei Jahrhunderten Korn, und ihr Rad dreht sich noch immer, wenn das Wasser steigt.",
    "Im vergangenen Winter fror der Bach zu; der Müller wartete sechs Wochen, bis das Eis brach und die Steine liefen.",
    "Heute kommen Besucher, kaufen Mehl und fragen, warum das Brot hier anders schmeckt als in der Stadt am Meer.",
]


def page(body: str, head: str = "") -> str:
    links = "".join(f"<li class=nav-item><a href='/{n}'>Seite {n}</a></li>" for n in range(12))
    return (
        f"<!doctype html><html lang=de><head><title>Die Mühle</title>{head}</head><body>"
        f"<header class=site-header><nav class=main-menu><ul>{links}</ul></nav></header>"
        f"<main id=content><article class=post-content>{body}</article></main>"
        f"<aside class=sidebar><ul>{links}</ul></aside><footer class=footer><p>Impressum, alle Rechte</p></footer></body>"
    )


ARTICLE = page("<h1>Die Mühle</h1>" + "".join(f"<p>{paragraph}</p>" for paragraph in PARAGRAPHS))


def test_the_main_text_is_kept_and_navigation_is_not() -> None:
    found = gristmill.extract(ARTICLE)
    assert str(found).removeprefix("Die Mühle\n\n") == "\n\n".join(PARAGRAPHS)  # a title is main text on some sites
    assert found.text_source == "blocks"
    assert {block.text for block in found.blocks if block.kept} - {"Die Mühle"} == set(PARAGRAPHS)
    by_text = {block.text: block for block in found.blocks}
    assert by_text["Seite 3"].score < 0.3 < 0.7 < by_text[PARAGRAPHS[1]].score
    assert (by_text["Die Mühle"].element, by_text["Seite 3"].element) == ("h1", "li")
    assert found.page_type in PAGE_TYPES


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "windows-1252"])
def test_bytes_are_decoded_as_pages_are(encoding: str) -> None:
    assert str(extract(ARTICLE.encode(encoding))) == str(extract(ARTICLE))


@pytest.mark.parametrize(
    "text",
    [
        "男は川の水車小屋で三百年間穀物を挽いている。冬には小川が凍り、粉屋は六週間待った。" * 3,
        "كانت الطاحونة القديمة تطحن الحبوب " * 9,
    ],
)
def test_scripts_without_latin_words(text: str) -> None:
    found = str(extract(page(f"<p>{text}</p><p>{text[::-1]}</p>")))
    assert found.split("\n\n") == [text.strip(), text[::-1].strip()]


def test_hidden_text_is_left_out_unless_it_is_the_page() -> None:
    hidden = "".join(f"<div {how}>Verborgen {how}</div>" for how in ("hidden", "style='display:none'"))
    found = str(
        extract(page(f"<p>{PARAGRAPHS[0]}</p>{hidden}<noscript><p>Ohne Skript</p></noscript><p>{PARAGRAPHS[1]}</p>"))
    )
    assert found == f"{PARAGRAPHS[0]}\n\n{PARAGRAPHS[1]}"
    revealed = "".join(f"<p>{paragraph}</p>" for paragraph in PARAGRAPHS)
    assert str(extract(page(f"<div style='display:none'>{revealed}</div>"))) == "\n\n".join(PARAGRAPHS)


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>a<p>b", "a\n\nb"),
        ("<div>a</div><div>b</div>", "a\nb"),
        ("<ul><li>a<li>b</ul><div>c", "a\nb\n\nc"),
        ("<table><tr><td>a<td>b<tr><td>c</table>", "a\tb\nc"),
        ("a<br>b<br><br>c", "a\nb\n\nc"),
        ("<div><h2>a</h2><div>b</div></div>", "a\n\nb"),
        ("<div>" * 300 + "a" + "</div>" * 300 + "<div>b", "a\n\nb"),
    ],
)
def test_lines_between_blocks_are_those_of_a_browser(html: str, expected: str) -> None:
    found = read_page(html.encode())
    out = np.empty(len(found.text) + 2 * len(found.blocks), np.uint8)
    size = join_blocks(found.text, found.blocks, found.elements, np.ones(len(found.blocks), bool), out)
    assert out[:size].tobytes().decode() == expected


HEAD = """<meta name=robots content="noindex, noai"><meta name="TDM-Reservation" content=1>
<meta content="Ada &amp; Co" name=author><meta property="article:published_time" content="2024-03-05T10:00:00+01:00">
<link rel="canonical" href="https://muehle.example/alt"><link rel=license href="https://creativecommons.org/licenses/by/4.0/">
<meta property="og:description" content="Von einer Mühle">"""


def test_what_a_page_says_about_itself() -> None:
    about = extract(page(f"<p>{PARAGRAPHS[0]}</p>", HEAD)).metadata
    assert about.title == "Die Mühle"
    assert about.author == "Ada & Co"
    assert about.date == "2024-03-05"
    assert about.canonical_url == "https://muehle.example/alt"
    assert about.language == "de"
    assert about.licence_url == "https://creativecommons.org/licenses/by/4.0/"
    assert about.robots == "robots: noindex, noai; tdm-reservation: 1"
    assert about.description == "Von einer Mühle"
    assert extract("<p>a").metadata.as_dict() == {}
    assert extract("<p>a").metadata.title is None
    assert extract("<title>Wasser&shy;mühle\u00ad</title>").metadata.title == "Wassermühle"
    assert extract("<h1>a <b>b</b></h1>").metadata.title == "a b"


LINKED = """<script type="application/ld+json">{"@graph": [{"@type": "NewsArticle", "datePublished": "2020-1-2",
"author": [{"name": "Bo"}], "license": "https://l.example", "articleBody": "%s"}]}</script>"""


def test_linked_data() -> None:
    body = " ".join(PARAGRAPHS)
    html = page(f"<p>{PARAGRAPHS[0]}</p>", LINKED % body)
    about = extract(html).metadata
    assert (about.date, about.author, about.licence_url) == ("2020-01-02", "Bo", "https://l.example")
    assert extract(html).text == PARAGRAPHS[0]
    used = extract(html, linked_data=True)
    assert (used.text, used.text_source) == (body, "articleBody")


@pytest.mark.parametrize(
    "script", ["{", "[" * 100_000, '{"a": 1' + "0" * 10_000 + "}", "[1, null, {}]", '{"author": {"name": 3}}']
)
def test_linked_data_that_is_none(script: str) -> None:
    about = extract(f"<script type='application/ld+json'>{script}</script><p>a").metadata
    assert (about.author, about.date, about.linked_texts) == (None, None, {})


def test_the_description_of_a_page_without_text_is_no_text() -> None:
    found = extract("<meta name=description content='Von einer Mühle'><script>draw()</script>")
    assert (found.text, found.markdown(), found.blocks, found.page_type) == ("", "", [], None)
    assert found.metadata.description == "Von einer Mühle"
    assert str(extract("")) == ""


def test_what_is_no_page() -> None:
    with pytest.raises(InputError, match="int"):
        extract(3)  # type: ignore[arg-type]
    assert str(extract("<p>a\ud800b " + PARAGRAPHS[0])).startswith("a\ufffdb")


@settings(max_examples=examples(150))
@given(
    st.lists(
        st.sampled_from(
            [
                "<p>",
                "<div class='a bC'>",
                "</div>",
                "<td>",
                "<table>",
                "<h1>",
                "wort ",
                "字",
                "<a>",
                "&",
                "<meta name=author content=",
            ]
        ),
        max_size=40,
    ),
    st.binary(max_size=30),
)
def test_no_page_raises(pieces: list[str], raw: bytes) -> None:
    found = extract("".join(pieces).encode() + raw)
    assert len(found.blocks) == len(found.page.blocks)
    assert isinstance(found.markdown(links=True, emphasis=True), str)
    assert found.metadata.as_dict() is not None
    kept = sum(len(block.text) for block in found.blocks if block.kept)
    assert found.text_source != "blocks" or len(found.text) >= kept


def test_large_pages_are_judged_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = extract(ARTICLE)
    monkeypatch.setattr(extractor, "MAX_BLOCKS", 5)
    pieces = extract(ARTICLE)
    assert [block.text for block in pieces.blocks] == [block.text for block in whole.blocks]
    assert PARAGRAPHS[1] in pieces.text


def test_the_learned_tables() -> None:
    model = extraction_model()
    assert len(model.block_trees.leaves) >= 50
    assert len(model.page_trees.leaves) % len(PAGE_TYPES) == 0
    table = table_lines(Path(extractor.__file__).with_name(extractor.BLOCK_TREES))
    rows = np.random.default_rng(0).normal(1, 3, (20, FEATURES)).astype(np.float32)
    rows[3, 5:9] = np.nan
    sums = np.empty((1, 20))
    sum_of_trees(rows, *model.block_trees, sums)
    assert sums.tolist() == sum_of_trees_plainly(rows, table, NAMES)


def test_the_type_of_a_page_is_that_of_its_means() -> None:
    dice = np.random.default_rng(0)
    rows = dice.normal(1, 3, (40, FEATURES)).astype(np.float32)
    sizes, scores = dice.integers(0, 30, 40).astype(float), dice.random(40, np.float32)
    row = page_row(rows, sizes, scores)
    main = sizes * scores
    means = [*(sizes @ rows / sizes.sum()), *(main @ rows / main.sum()), main.sum() / sizes.sum()]
    assert np.allclose(row[0], means, rtol=1e-5, atol=1e-6)
    table = table_lines(Path(extractor.__file__).with_name(extractor.PAGE_TREES))
    sums = [total for (total,) in sum_of_trees_plainly(row, table, PAGE_FEATURES, len(PAGE_TYPES))]
    assert most_probable_type(row, extraction_model().page_trees) == PAGE_TYPES[sums.index(max(sums))]
    assert not page_row(rows, np.zeros(40), scores).any()  # blocks without a word


def test_a_table_of_trees() -> None:
    table = ["depth\t1.5\t1\t2", "leaf\t-1", "words\t3\t3\t4", "leaf\t2", "leaf\t5", "leaf\t0.5"]
    trees = parse_trees(table, NAMES)
    assert len(trees.leaves) == 2
    rows = np.zeros((3, FEATURES), np.float32)
    rows[1:, NAMES.index("depth")] = 2
    rows[2, NAMES.index("words")] = 9
    for wanted in ([[-0.5, 2.5, 5.5]], [[-1.0, 2.0, 5.0], [0.5, 0.5, 0.5]]):
        assert sum_of_trees_plainly(rows, table, NAMES, len(wanted)) == wanted
        sums = np.empty((len(wanted), 3))
        sum_of_trees(rows, *trees, sums)
        assert sums.tolist() == wanted


@given(st.lists(st.integers(0, 40), max_size=MAX_LEAVES - 1), st.integers(0, 2**32 - 1))
def test_any_tree_gives_each_row_its_leaf(places: list[int], seed: int) -> None:
    """A tree grown by splitting leaves at random, against a walk in plain Python."""
    dice = np.random.default_rng(seed)
    table = ["leaf\t0"]
    for place in places:
        leaf = [n for n, line in enumerate(table) if line.startswith("leaf")][
            place % (1 + sum(map(len, table)) % 3) - 1
        ]
        at, limit = len(table), dice.integers(-2, 3)
        table[leaf] = f"{NAMES[dice.integers(FEATURES)]}\t{limit}\t{at}\t{at + 1}"
        table += [f"leaf\t{dice.normal():.6g}", f"leaf\t{dice.normal():.6g}"]
    rows = dice.integers(-3, 4, (9, FEATURES)).astype(np.float32)
    sums = np.empty((1, 9))
    sum_of_trees(rows, *parse_trees(table, NAMES), sums)
    assert sums.tolist() == sum_of_trees_plainly(rows, table, NAMES)


def test_a_tree_with_too_many_leaves_is_refused() -> None:
    table = [line for n in range(MAX_LEAVES) for line in (f"depth\t{n}\t{2 * n + 1}\t{2 * n + 2}", "leaf\t1")] + [
        "leaf\t1"
    ]
    with pytest.raises(ValueError, match=f"a tree of {MAX_LEAVES + 1} leaves, in line 1"):
        parse_trees(table, NAMES)


@given(st.dictionaries(st.integers(1, 2**32 - 1), st.floats(-4, 4, width=32), max_size=50))
def test_a_table_of_labels_holds_every_score(scores: dict[int, float]) -> None:
    keys, values = label_table(scores)
    assert {int(key): float(value) for key, value in zip(keys, values, strict=True) if key} == scores
    assert 2 * len(scores) <= len(keys)


BLOCKS = st.lists(st.tuples(st.floats(-6, 6), st.integers(0, 50), st.booleans()), max_size=30)


@given(BLOCKS)
def test_blocks_are_chosen_as_in_plain_python(found: list[tuple[Any, ...]]) -> None:
    sums, sizes = np.array([one[0] for one in found], float), np.array([one[1] for one in found], float)
    allowed = np.array([one[2] for one in found], bool)
    scores, kept = np.zeros(len(found), np.float32), np.zeros(len(found), bool)
    choose_blocks(sums, sizes, allowed, scores, kept)
    assert kept.tolist() == choose_plainly(sums, sizes, allowed)
    assert not (kept & ~allowed).any()


@pytest.mark.parametrize(("probability", "kept"), [(0.1, [True, False]), (0.35, [True, False]), (0.5, [True, True])])
def test_a_short_text_does_not_drown_in_doubtful_blocks(probability: float, kept: list[bool]) -> None:
    probabilities, sizes = np.array([0.95] + [probability] * 6), np.full(7, 100.0)
    found, scores = np.zeros(7, bool), np.zeros(7, np.float32)
    choose_blocks(np.log(probabilities / (1 - probabilities)), sizes, np.ones(7, bool), scores, found)
    assert scores == pytest.approx(probabilities, abs=1e-6)
    assert found[:2].tolist() == kept


@pytest.mark.parametrize(
    ("probability", "words", "kept"), [(0.14, 20, False), (0.16, 20, True), (0.14, 19, True), (0.001, 3, True)]
)
def test_nothing_is_kept_where_nothing_is_probable_but_of_scraps(probability: float, words: int, kept: bool) -> None:
    sums, sizes = np.log(np.array([probability / (1 - probability), 0.0005])), np.full(2, float(words))
    found, scores = np.zeros(2, bool), np.zeros(2, np.float32)
    choose_blocks(sums, sizes, np.ones(2, bool), scores, found)
    assert found.any() == kept


CODES = st.sampled_from([None, None, "12\n3 {}", "a=1", "Ω", "@[", "z"])
CODE = st.lists(st.tuples(CODES, st.integers(0, 4), st.booleans(), st.booleans(), st.booleans()), max_size=12)


@given(CODE)
def test_code_is_kept_as_in_plain_python(found: list[tuple[Any, ...]]) -> None:
    code, sizes = [one[0] for one in found], [float(one[1]) for one in found]
    allowed, kept = [one[2] for one in found], [one[2] and one[3] for one in found]
    blocks, text = np.zeros((len(found), BLOCK_COLUMNS), np.int32), b""
    for block, one in zip(blocks, code, strict=True):
        block[BEGIN], text = len(text), text + (one or "prose").encode()
        block[FINISH], block[STATE] = len(text), 0 if one is None else PREFORMATTED
    inline = np.array([one[0] is not None and one[4] for one in found], bool)
    blocks[inline, STATE] = 0
    out = np.array(kept, bool)
    keep_code(np.frombuffer(text, np.uint8), blocks, inline, np.array(sizes), np.array(allowed, bool), out)
    assert out.tolist() == keep_code_plainly(code, sizes, allowed, kept)


def test_code_between_paragraphs_that_are_kept_is_kept() -> None:
    """By trees that hold no code for main text: numbers of its lines are not, nor is code behind the text."""
    trees = parse_trees(["words\t9\t1\t2", "leaf\t-3", "leaf\t3"], NAMES)
    prose = "<p>The miller opens the gate at dawn, and the water turns the wheel.</p>"
    numbered = "<table><tr><td><pre>1\n2</pre><td><pre>gate.open()\nwheel.turn()</pre></table><p>Copy</p>"
    page = Extraction(
        f"<article>{prose}{numbered}{prose}</article><pre>trace</pre>".encode(),
        model=extraction_model()._replace(block_trees=trees),
    )
    sentence = "The miller opens the gate at dawn, and the water turns the wheel."
    assert [(block.text, block.kept) for block in page.blocks] == [
        (sentence, True),
        ("1\n2", False),
        ("gate.open()\nwheel.turn()", True),
        ("Copy", False),
        (sentence, True),
        ("trace", False),
    ]


def test_it_prints_what_it_is() -> None:
    assert repr(Extraction(b"<p>a")).startswith("<Extraction of ")


def test_a_page_goes_when_nobody_holds_it() -> None:
    """Without waiting for a collection of cycles, before which a reading process would gather hundreds of pages."""
    found = extract("<title>a</title><article><h1>a</h1>" + "<p>A mill turns when the river is high.</p>" * 9)
    assert found.text
    assert found.markdown()
    assert found.blocks
    assert found.metadata.title == "a"
    assert found.metadata.author is None
    held = weakref.ref(found.page.source)
    gc.disable()
    try:
        del found
        assert held() is None
    finally:
        gc.enable()
