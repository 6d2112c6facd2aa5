"""The place of a character in its source: sections, answers, chapters, files, and what only looks like a heading."""

import json

import pytest
from gristmill.filters.threads.text import question_text
from gristmill.pipelines.inspect.source_place import SourcePlace, headings_of, places_in_source

WIKI = """# Mill

A mill grinds.

## Stones

Hard ones.

### Dressing

```
# no heading
```

With a bill.

## Sails #

Four.

## Stones

Again."""
WIKI_ABOUT = json.dumps({"title": "Mill", "wiki": "enwiki"})
WIKI_URL = "https://en.wikipedia.org/wiki/Mill"


def place(text: str, words: str, **about: object) -> SourcePlace:
    (found,) = places_in_source(text, text.index(words), text.index(words) + len(words), **about)  # type: ignore[arg-type]
    return found


@pytest.mark.parametrize(
    ("words", "section", "anchor"),
    [
        ("A mill grinds", (), ""),
        ("Hard ones", ("Stones",), "#Stones"),
        ("no heading", ("Stones", "Dressing"), "#Dressing"),
        ("With a bill", ("Stones", "Dressing"), "#Dressing"),
        ("## Sails", ("Sails",), "#Sails"),
        ("Four", ("Sails",), "#Sails"),
        ("Again", ("Stones",), "#Stones_2"),
    ],
)
def test_a_section_of_an_article(words: str, section: tuple[str, ...], anchor: str) -> None:
    found = place(WIKI, words, metadata=WIKI_ABOUT, url=WIKI_URL)
    assert found == SourcePlace("Mill", None, section, url=WIKI_URL + anchor)


def test_a_span_over_several_sections_names_all_of_them() -> None:
    found = places_in_source(WIKI, WIKI.index("ones."), WIKI.index("Four"), metadata=WIKI_ABOUT)
    assert [one.section for one in found] == [("Stones",), ("Stones", "Dressing"), ("Sails",)]
    assert str(found[1]) == '"Mill", section "Stones" > "Dressing"'
    assert len(places_in_source(WIKI, len(WIKI), len(WIKI))) == 1  # the token that ends a document


QUESTION = question_text(
    "How?", "I ask.\n\n## Details\n\nMore of it.", ["## First\n\nLike so.", "Or so.\n\n~~~\n## Answer\n~~~"]
)
ANSWERS = [{"id": "7", "url": "https://x.example/a/7"}, {"id": "9", "url": "https://x.example/a/9"}]
QUESTION_ABOUT = json.dumps({"title": "How?", "answers": ANSWERS})


@pytest.mark.parametrize(
    ("words", "post", "section", "url"),
    [
        ("I ask", "question", (), "https://x.example/q/1"),
        ("More of it", "question", ("Details",), "https://x.example/q/1"),
        ("Like so", "answer 7", ("First",), "https://x.example/a/7"),
        ("Or so", "answer 9", (), "https://x.example/a/9"),
    ],
)
def test_an_answer_of_a_question(words: str, post: str, section: tuple[str, ...], url: str) -> None:
    found = place(QUESTION, words, metadata=QUESTION_ABOUT, url="https://x.example/q/1")
    assert (found.title, found.post, found.section, found.url) == ("How?", post, section, url)


def test_answers_that_cannot_be_told_apart_are_numbered() -> None:
    """One of them wrote the heading itself: then no address is claimed."""
    text = question_text("How?", "I ask.", ["So.\n\n## Answer\n\nTo all.", "Or so."])
    found = place(text, "Or so", metadata=QUESTION_ABOUT, url="https://x.example/q/1")
    assert (found.post, found.url) == ("answer number 3", "https://x.example/q/1")


def test_a_file_and_its_line() -> None:
    text = "# no heading\ndef grind():\n    return 1\n"
    url = "https://github.com/a/b/blob/1234/src/mill.py"
    found = place(text, "return", metadata='{"path": "src/mill.py"}', url=url)
    assert found == SourcePlace(file="src/mill.py", line=3, url=url + "#L3")
    assert str(found) == f"file src/mill.py, line 3, {url}#L3"
    stack = place(text, "def", metadata='{"max_stars_repo_path": "a.py"}')
    assert stack == SourcePlace(file="a.py", line=2)
    notebook = place("# Title\n\nwords", "words", metadata='{"path": "a.ipynb"}')
    assert (notebook.file, notebook.section) == ("a.ipynb", ("Title",))


def test_a_file_of_a_whole_repository() -> None:
    text = "// a.c //\nint a;\n\n// b/c.c //\nint b;\nint c;\n"
    about = {"metadata": '{"files": 2}', "file_header": "// {path} //"}
    assert place(text, "int a", **about) == SourcePlace(file="a.c", line=1)
    assert place(text, "int c", **about) == SourcePlace(file="b/c.c", line=2)
    over_both = places_in_source(text, text.index("int a"), text.index("int b"), **about)  # type: ignore[arg-type]
    assert [one.file for one in over_both] == ["a.c", "b/c.c"]


def test_chapters_of_plain_books() -> None:
    text = "CHAPTER I\n\nIt turned.\n\nChapters are long.\n\nCHAPTER II. The Wind\n\nIt stood."
    assert place(text, "long", metadata='{"title": "Mill"}').section == ("CHAPTER I",)
    assert place(text, "stood").section == ("CHAPTER II. The Wind",)
    assert place("No chapter at all.", "all") == SourcePlace()
    assert str(SourcePlace()) == "no place in it is known"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("#no\n# yes\n####### no\n#\n  ## two", ["yes", "two"]),
        ("````\n```\n# no\n````\n# yes", ["yes"]),
        ("``` a`b\n# yes", ["yes"]),
        ("~~~\n# never closed", []),
        ("    # code\n# C#\n", ["C#"]),
        ("## Mill ##  ", ["Mill"]),
        ("# Mill" + " " * 300_000 + "x", ["Mill" + " " * 300_000 + "x"]),
        ("# " + "\t" * 300_000, []),
    ],
)
def test_what_a_heading_is(text: str, expected: list[str]) -> None:
    assert [heading.text for heading in headings_of(text)] == expected


def test_metadata_that_are_none_harm_nothing() -> None:
    for metadata in (None, "", "[1]", "{", '{"answers": {}}', '{"answers": [3], "title": 4}', '{"path": 5}'):
        assert places_in_source("# A\n\nb", 5, 6, metadata=metadata)
    broken = question_text("A", "b", ["c"])
    assert (
        places_in_source(broken, len(broken) - 1, len(broken), metadata='{"answers": [3]}')[0].post == "answer number 1"
    )
