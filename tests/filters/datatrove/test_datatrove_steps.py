"""datatrove's steps in our hands: parity with datatrove itself, changes as edits, what is refused, what is warned of."""

import random
from typing import Any

import pyarrow as pa
import pytest
from datatrove.data import Document
from datatrove.pipeline.filters import C4QualityFilter, FineWebQualityFilter, GopherQualityFilter
from datatrove.pipeline.formatters import FTFYFormatter, SymbolLinesFormatter
from gristmill.filters.datatrove.steps import KEPT, check_steps, run_steps
from gristmill.filters.transforms.apply import apply_edits
from gristmill.filters.transforms.edit_arrays import edits_array
from gristmill.filters.transforms.moved import moved
from gristmill.schemas.errors import ModelError, RecipeError
from gristmill.schemas.recipe.corpus import Recipe
from gristmill.schemas.recipe.datatrove_steps import DatatroveStep
from gristmill.schemas.yaml_files import validated
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builds import rows
from tests.generated import examples


def batch_of(texts: list[str]) -> pa.RecordBatch:
    none = [None] * len(texts)
    names = ["doc_id", "text", "url", "timestamp", "metadata"]
    columns = [[f"d{n}" for n in range(len(texts))], texts, none, none, ["{}"] * len(texts)]
    return pa.RecordBatch.from_arrays([pa.array(column, pa.large_string()) for column in columns], names=names)


def config(*steps: DatatroveStep) -> dict[str, Any]:
    return {"steps": [step.model_dump_json() for step in steps]}


def texts() -> list[str]:
    dice = random.Random(3)
    made = [row["text"] for row in rows(60, seed=8) if row["text"]]
    made += [f"{text} {text} | cafÃ© {{ }} [1] javascript\n• point\n" for text in made[:20]]
    made += ["|\nline of text that ends well.\n| |\n" * 3, "lorem ipsum dolor", "", " "]
    made += ["\n".join(dice.sample(text.split(), len(text.split()))) for text in made[:10]]
    return made


def test_verdicts_and_texts_are_those_of_datatrove() -> None:
    chain: list[tuple[DatatroveStep, Any]] = [
        (DatatroveStep(datatrove="formatters.FTFYFormatter"), FTFYFormatter()),
        (
            DatatroveStep(datatrove="filters.GopherQualityFilter", options={"min_doc_words": 12}),
            GopherQualityFilter(min_doc_words=12),
        ),
        (
            DatatroveStep(datatrove="filters.C4QualityFilter", options={"min_num_sentences": 2}),
            C4QualityFilter(min_num_sentences=2),
        ),
        (
            DatatroveStep(datatrove="formatters.SymbolLinesFormatter", options={"symbols_to_remove": ["|"]}),
            SymbolLinesFormatter(["|"]),
        ),
        (DatatroveStep(datatrove="filters.FineWebQualityFilter"), FineWebQualityFilter()),
    ]
    made = texts()
    answer = run_steps(batch_of(made), config(*(step for step, _ in chain)))
    edited = apply_edits(pa.array(made, pa.large_string()), answer.column("edits")).to_pylist()
    kept_all = 0
    for number, text in enumerate(made):
        document = Document(text=text, id="d")
        for step, theirs in chain:
            before = document.text
            mine = answer.column(step.name)[number].as_py()
            error = answer.column(f"{step.name} error")[number].as_py()
            if not step.is_filter:
                document.text = theirs.format(document.text)
                assert (mine, error) == (KEPT, None)
                continue
            result = theirs.filter(document)
            kept, reason = result if isinstance(result, tuple) else (result, "dropped")
            assert error is None
            assert mine == (KEPT if kept else reason)
            if not kept:
                document.text = before
        assert edited[number] == document.text
        kept_all += all(answer.column(step.name)[number].as_py() == KEPT for step, _ in chain)
    reasons = {value for step, _ in chain for value in answer.column(step.name).to_pylist()}
    assert len(reasons - {KEPT, None}) >= 5
    assert kept_all > 0


@pytest.mark.parametrize(
    ("step", "error", "said"),
    [
        ({"datatrove": "filters.GopherQualtyFilter"}, RecipeError, "did you mean 'filters.GopherQualityFilter'"),
        ({"datatrove": "filters.c4_filters"}, RecipeError, "is unknown"),
        ({"datatrove": "filters.GopherQualityFilter", "options": {"min_words": 3}}, RecipeError, "min_doc_words"),
        ({"datatrove": "filters.GopherQualityFilter", "options": {"exclusion_writer": "x"}}, RecipeError, "exclusion_writer"),
        ({"datatrove": "filters.GopherQualityFilter", "options": {"min_doc_words": "many"}}, RecipeError, "TypeError"),
        ({"datatrove": "filters.RegexFilter", "options": {"regex_exp": "("}}, RecipeError, "steps: filters.RegexFilter"),
        ({"datatrove": "filters.LambdaFilter", "options": {"filter_function": "print"}}, RecipeError, "takes a function"),
        ({"datatrove": "filters.C4BadWordsFilter"}, ModelError, "download|requests"),
    ],
)  # fmt: skip
def test_steps_that_cannot_run(step: dict[str, Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        check_steps([DatatroveStep(**step)])


@pytest.mark.parametrize(
    "reference", ["readers.JsonlReader", "filters.base_filter.BaseFilter", "os.system", "filters."]
)
def test_nothing_outside_filters_and_formatters(reference: str) -> None:
    data = {"name": "r", "sources": [{"name": "a", "path": "x"}], "datatrove_steps": [{"datatrove": reference}]}
    with pytest.raises(RecipeError, match="datatrove"):
        validated(Recipe, data)


def test_two_steps_of_one_name_are_refused() -> None:
    step = DatatroveStep(datatrove="filters.GopherQualityFilter")
    with pytest.raises(RecipeError, match="two steps are named"):
        check_steps([step, step])


def test_state_is_warned_of() -> None:
    one = {"email_replacement": "a@example.org", "ip_replacement": ["192.0.2.1"]}
    assert check_steps([DatatroveStep(datatrove="filters.GopherQualityFilter")]) == []
    assert "keeps state" in check_steps([DatatroveStep(datatrove="filters.SamplerFilter", options={"rate": 0.5})])[0]
    assert "keeps state" in check_steps([DatatroveStep(datatrove="formatters.PIIFormatter")])[0]
    (said,) = check_steps([DatatroveStep(datatrove="formatters.PIIFormatter", options=one)])
    assert "not known to be stateless" in said


def deletions(spans: list[tuple[int, int, str]]) -> pa.Array:
    starts, ends, texts = zip(*spans, strict=True) if spans else ((), (), ())
    import numpy as np

    return edits_array(
        np.array([0, len(spans)]), np.array(starts, np.int64), np.array(ends, np.int64),
        pa.array(texts, pa.large_string()), pa.array(["r"] * len(spans), pa.large_string()),
    )  # fmt: skip


@st.composite
def spans(draw: st.DrawFn, replaced: bool) -> list[tuple[int, int, str]]:
    edges = sorted(draw(st.lists(st.integers(0, 12), min_size=0, max_size=6, unique=True)))
    pairs = list(zip(edges[::2], edges[1::2], strict=False))
    return [(a, b, draw(st.sampled_from(["", "X", "YZ"])) if replaced else "") for a, b in pairs]


@settings(max_examples=examples(300))
@given(first=spans(replaced=True), later=spans(replaced=False))
def test_deletions_move_with_the_text(first: list[tuple[int, int, str]], later: list[tuple[int, int, str]]) -> None:
    text = "abcdefghijkl"
    middle = apply_edits(pa.array([text], pa.large_string()), deletions(first))
    found = apply_edits(middle, moved(deletions(later), deletions(first)))[0].as_py()
    gone = {k for a, b, _ in later for k in range(a, b)}
    expected, k = "", 0
    while k < len(text) + 1:
        edit = next(((a, b, t) for a, b, t in first if a == k), None)
        if edit is not None:  # a replacement stays unless a deletion overlaps what it replaced
            expected += "" if any(n in gone for n in range(edit[0], edit[1])) else edit[2]
            k = edit[1]
            continue
        expected += "" if k in gone or k == len(text) else text[k]
        k += 1
    assert found == expected


def test_a_step_that_fails_leaves_the_document_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def format_some(self: FTFYFormatter, text: str) -> str:
        if "bad" in text:
            raise ValueError("no such text")
        return text.upper() if "half" not in text else "\ud800"

    monkeypatch.setattr(FTFYFormatter, "format", format_some)
    answer = run_steps(
        batch_of(["good", "bad", "half"]), config(DatatroveStep(datatrove="formatters.FTFYFormatter", name="f"))
    )
    assert answer.column("f").to_pylist() == [KEPT, None, None]
    assert answer.column("f error")[1].as_py() == "ValueError: no such text"
    assert answer.column("f error")[2].as_py().startswith("UnicodeEncodeError")
    made = apply_edits(pa.array(["good", "bad", "half"], pa.large_string()), answer.column("edits"))
    assert made.to_pylist() == ["GOOD", "bad", "half"]
