"""Word lists by language: the counts of C4's rule, the places of it, and documents without a list."""

import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from gristmill.filters.c4.bad_words import places
from gristmill.filters.model_signals.spans import read_spans
from gristmill.filters.registry import family
from gristmill.schemas.errors import RecipeError
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.generated import examples

ENTRIES = ("bad", "very bad", "ba", "μίσος", "i̇x", "b.d")


def measured(texts: list[str], languages: list[str | None], **options: Any) -> list[dict[str, Any]]:
    columns = {"text": texts, "language": languages}
    batch = pa.record_batch({name: pa.array(values, pa.large_string()) for name, values in columns.items()})
    family("toxic_words").check_options(options)
    return family("toxic_words").function(batch, options).to_pylist()


@settings(max_examples=examples(200))
@given(st.text(st.sampled_from("bad very.İxμίσος_Σ!😀"), max_size=30), st.booleans())
def test_places_are_those_of_the_expression(text: str, flanked: bool) -> None:
    lowered = "".join("i̇" if c == "İ" else c.lower().replace("ς", "σ") if c != "ς" else c for c in text)
    origin = [n for n, c in enumerate(text) for _ in range(2 if c == "İ" else 1)]
    expected = []
    for start in range(len(lowered)):
        ends = []
        for entry in ENTRIES:
            pattern = rf"(?<!\w){re.escape(entry)}(?!\w)" if flanked else re.escape(entry)
            match = re.compile(pattern).match(lowered, start)
            if match:
                ends.append(match.end())
        if ends:
            expected.append((origin[start], origin[min(ends) - 1] + 1))
    assert places(text, ENTRIES, flanked) == expected


def test_lists_by_language(tmp_path: Path) -> None:
    (tmp_path / "en.txt").write_text("bad\nvery bad\n\n")
    (tmp_path / "lists.json").write_text(json.dumps({"de": ["übel"], "ja": ["悪"]}))
    lists = {"en": str(tmp_path / "en.txt"), "de": str(tmp_path / "lists.json"), "ja": str(tmp_path / "lists.json")}
    texts = ["A very BAD day, badly.", "Mir ist übel. bad", "極悪人", "bad", "bad", "none here"]
    languages = ["en", "de", "ja", "fr", None, "en"]
    rows = measured(texts, languages, lists=lists)
    assert [row["toxic_words"] for row in rows] == [2, 1, 1, None, None, 0]
    spans = [[text[a:b] for a, b in read_spans(row["toxic_word_spans"])] for text, row in zip(texts, rows, strict=True)]
    assert spans == [["very BAD", "BAD"], ["übel"], ["悪"], [], [], []]
    rows = measured(texts, languages, lists=lists, other="en")
    assert [row["toxic_words"] for row in rows] == [2, 1, 1, 1, 1, 0]


@pytest.mark.parametrize("options", [{}, {"lists": ["x"]}, {"lists": {"en": "nowhere.txt"}}, {"lists": {"en": "empty.txt"}},
                                     {"lists": {"en": "one.txt"}, "other": "de"}])  # fmt: skip
def test_lists_that_cannot_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty.txt").write_text("\n \n")
    Path("one.txt").write_text("bad")
    with pytest.raises(RecipeError):
        family("toxic_words").check_options(options)
