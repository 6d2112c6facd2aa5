"""Duplicate substrings through the pipeline: the definition's mask, whatever method, partitions, order or interruption."""

import io
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from gristmill.console import Console
from gristmill.filters.dedup.token_units import load_tokenizer
from gristmill.filters.dedup.windows import Policy, mask_by_definition
from gristmill.filters.transforms.apply import apply_edits
from gristmill.pipelines.cut import order, substrings_partitioned
from gristmill.pipelines.cut import spans as cuts
from gristmill.pipelines.decide.reselect import reselect
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.inspect.explain import explain
from gristmill.pipelines.write.corpus import materialise
from gristmill.schemas.errors import ModelError
from gristmill.schemas.recipe.cuts import Substrings
from gristmill.schemas.rows.edits import EDITS
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from tests.cut_text import cut_plainly
from tests.pipelines.dedup.cut_runs import corpus_of, cut_run, digests, in_order, rows_of, without_repeats, write_source

PHRASES = ["the cat sat on ", "the mat, ", "é漢字🎈", "a", "\n", "ab" * 9, "one of the phrases that repeat. "]
TEXTS = st.lists(
    st.one_of(
        st.lists(st.sampled_from(PHRASES), min_size=1, max_size=8).map("".join),
        st.tuples(st.text("abé", min_size=1, max_size=4), st.integers(2, 12)).map(lambda pair: pair[0] * pair[1]),
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(["ab" * 30, "ba" * 30, "ab" * 30], "partitioned", "keep-first", 3, 8)
@example(["ab" * 30, "ba" * 30, "ab" * 30], "memory", "remove-all", 1, 9)
@example(["x漢字漢字", "漢字漢字y", "é漢字漢字"], "partitioned", "remove-all", 17, 8)
@given(
    TEXTS,
    st.sampled_from(["memory", "partitioned"]),
    st.sampled_from(["remove-all", "keep-first"]),
    st.sampled_from([1, 3, 17]),
    st.integers(8, 16),
)
def test_the_corpus_is_the_text_without_the_characters_marked_by_definition(
    tmp_path_factory: pytest.TempPathFactory,
    sail: dict[int, Engine],
    texts: list[str],
    method: str,
    policy: Policy,
    partitions: int,
    length: int,
) -> None:
    named = {f"d{i}": text for i, text in enumerate(texts)}
    options = {"length": length, "policy": policy, "method": method}
    run = cut_run(named, tmp_path_factory.mktemp("cut"), sail[partitions], substrings=options)
    assert corpus_of(run) == without_repeats(named, length, policy)


@pytest.fixture(scope="module")
def repeated() -> dict[str, str]:
    """Documents of shared sentences, some in languages of several bytes a character, and one of a period."""
    rng = random.Random(5)
    sentences = ["".join(rng.choices("abcdefghij klmnop", k=rng.randint(20, 60))) for _ in range(25)]
    sentences += ["Ein Satz, der öfter vorkommt, überall. ", "彼は毎日学校へ行きます。" * 2, "🎈🎉" * 8]
    texts = {f"d{i:02}": "\n".join(rng.choices(sentences, k=6)) + f"\n{rng.random()}" for i in range(40)}
    return {**texts, "periodic": "xyz" * 120}


@pytest.fixture(scope="module")
def answer(
    tmp_path_factory: pytest.TempPathFactory, sail: dict[int, Engine], repeated: dict[str, str]
) -> tuple[str, str, str]:
    run = cut_run(repeated, tmp_path_factory.mktemp("once"), sail[1], substrings={"length": 24, "method": "memory"})
    assert corpus_of(run) == without_repeats(repeated, 24, "keep-first")
    assert run.dataset("cuts/substrings").facts["method"] == "memory"
    return digests(run)


@pytest.mark.parametrize(
    ("method", "partitions"), [("memory", 3), ("partitioned", 1), ("partitioned", 3), ("partitioned", 17)]
)
def test_methods_partitions_and_shuffled_input_give_the_same_rows(
    tmp_path: Path,
    sail: dict[int, Engine],
    repeated: dict[str, str],
    answer: tuple[str, ...],
    method: str,
    partitions: int,
) -> None:
    names = list(repeated)
    random.Random(partitions).shuffle(names)
    options = {"length": 24, "method": method, "max_memory_bytes": 200_000}
    shuffled = {name: repeated[name] for name in names}
    run = cut_run(shuffled, tmp_path, sail[partitions], substrings=options)
    assert digests(run) == answer
    facts = run.dataset("cuts/substrings").facts
    assert facts["method"] == method
    if method == "partitioned":
        assert 4 < facts["shuffle_bytes_per_text_byte"] < 12
        assert facts["passes"] > 1


def test_hot_keys_are_salted_and_buckets_of_the_order_change_nothing(
    tmp_path: Path,
    sail: dict[int, Engine],
    repeated: dict[str, str],
    answer: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(substrings_partitioned, "HOT_WINDOWS", 60)
    monkeypatch.setattr(order, "BUCKET_DOCUMENTS", 7)
    run = cut_run(repeated, tmp_path, sail[3], substrings={"length": 24, "method": "partitioned"})
    assert run.dataset("cuts/substrings").facts["salted_keys"] > 0
    assert digests(run) == answer


def test_auto_takes_the_memory_it_may(tmp_path: Path, sail: dict[int, Engine], repeated: dict[str, str]) -> None:
    size = sum(len(text.encode()) for text in repeated.values())
    for budget, method in ((6 * size, "memory"), (6 * size - 1, "partitioned")):
        log = io.StringIO()
        options = {"length": 24, "max_memory_bytes": budget}
        run = cut_run(repeated, tmp_path / method, sail[1], substrings=options, console=Console(log))
        assert run.dataset("cuts/substrings").facts["method"] == method
        assert "6 bytes a byte" in log.getvalue()


def test_a_broken_off_build_goes_on_and_a_finished_one_does_nothing(
    tmp_path: Path,
    sail: dict[int, Engine],
    repeated: dict[str, str],
    answer: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    options = {"length": 24, "method": "partitioned"}
    finish = cuts.write_part_cuts

    def break_off(task: cuts.CutTask) -> int:
        if task.survivors.number == 2:
            raise KeyboardInterrupt
        return finish(task)

    with monkeypatch.context() as patch:
        patch.setattr(cuts, "write_part_cuts", break_off)
        with pytest.raises(KeyboardInterrupt):
            cut_run(repeated, tmp_path, sail[1], substrings=options)
    marks = next((tmp_path / "run/cuts/substrings/marked").glob("marks-*/manifest.json"))
    before = marks.stat().st_mtime_ns

    def unchanged(*_: Any) -> dict[str, Any]:
        raise AssertionError("marked again")

    with monkeypatch.context() as patch:
        patch.setattr(substrings_partitioned, "mark_pass", unchanged)
        assert marks.stat().st_mtime_ns == before
        run = cut_run(repeated, tmp_path, sail[1], substrings=options)
    assert digests(run) == answer
    assert not marks.exists()
    log = io.StringIO()
    cut_run(repeated, tmp_path, sail[1], substrings={**options, "method": "memory"}, console=Console(log))
    assert "cuts/substrings: up to date" in log.getvalue()
    assert "corpus: up to date" in log.getvalue()


REPEATED = "This sentence stands in two documents, word for word. "
LOSING = {"a-first": REPEATED + "And more of it.", "b-most": REPEATED + "!", "c-half": REPEATED + "Half is new." * 4}


@pytest.mark.parametrize(
    ("limit", "above", "outcomes"),
    [
        (1.0, "drop", {"b-most": "cut", "c-half": "cut"}),
        (0.9, "cut", {"b-most": "cut", "c-half": "cut"}),
        (0.9, "drop", {"b-most": "dropped", "c-half": "cut"}),
        (0.9, "keep", {"b-most": "kept", "c-half": "cut"}),
        (54 / 55, "drop", {"b-most": "cut", "c-half": "cut"}),  # exactly at the limit is not above it
        (0.3, "drop", {"b-most": "dropped", "c-half": "dropped"}),
    ],
)
def test_a_document_that_loses_more_than_its_limit(
    tmp_path: Path, sail: dict[int, Engine], limit: float, above: str, outcomes: dict[str, str]
) -> None:
    texts = LOSING
    run = cut_run(
        texts,
        tmp_path,
        sail[1],
        exact=True,
        substrings={"length": 54, "max_loss_fraction": limit, "above_max_loss": above},
        recipe={"sources": prioritised(texts, list(texts), tmp_path)},
    )
    assert {row["name"]: row["outcome"] for row in rows_of(run, "cuts/substrings")} == outcomes
    decided = {row["name"]: row for row in rows_of(run, "decisions")}
    corpus = corpus_of(run)
    for name, text in texts.items():
        outcome = outcomes.get(name, "kept")
        assert decided[name]["failed_rules"] == (["duplicate/substrings"] if outcome == "dropped" else [])
        assert decided[name]["kept"] == (outcome != "dropped") == (name in corpus)
        if outcome != "dropped":
            assert corpus[name] == (text.removeprefix(REPEATED) if outcome == "cut" else text)
    told = explain(run, decided["b-most"]["doc_id"])
    assert f"substrings: 54 of 55 bytes repeat in 1 spans, {outcomes['b-most']}" in str(told)
    facts = run.dataset("cuts/substrings").facts
    assert facts["cut_documents"] == list(outcomes.values()).count("cut")
    assert facts["dropped_bytes"] == sum(len(texts[name]) for name in outcomes if outcomes[name] == "dropped")
    assert run.summary["totals"]["kept"] == len(corpus)


def prioritised(texts: dict[str, str], first_to_last: list[str], folder: Path) -> list[dict[str, Any]]:
    """A source for each document; the first has the highest priority."""
    folder.mkdir(exist_ok=True)
    return [
        write_source(name, json.dumps({"id": name, "text": text}), folder, priority=-first_to_last.index(name))
        for name, text in texts.items()
    ]


def test_a_document_of_nothing_but_repeats_is_dropped_and_the_survivor_order_says_which(
    tmp_path: Path, sail: dict[int, Engine]
) -> None:
    texts = {"inside": "One. " + REPEATED + "Two.", "alone": REPEATED}
    expected = {"inside": {"inside": texts["inside"]}, "alone": {"alone": REPEATED, "inside": "One. Two."}}
    for first in texts:
        order_of = [first, *(name for name in texts if name != first)]
        sources = prioritised(texts, order_of, tmp_path / first)
        folder = tmp_path / f"{first}-first"
        run = cut_run(texts, folder, sail[1], exact=True, substrings={"length": 54}, recipe={"sources": sources})
        assert corpus_of(run) == expected[first]


@pytest.mark.parametrize("lines", [None, {"min_characters": 20}])
def test_stored_edits_are_spans_on_the_original_text(
    tmp_path: Path, sail: dict[int, Engine], repeated: dict[str, str], lines: dict[str, int] | None
) -> None:
    untidy = {name: "\ufeff" + text.replace(" ", "\u00a0 \x07") for name, text in repeated.items()}
    run = cut_run(untidy, tmp_path, sail[3], substrings={"length": 24}, lines=lines, recipe={"text": "clean"})
    edits = {row["name"]: row["edits"] for row in rows_of(run, "edits")}
    corpus = corpus_of(run)
    originals = {row["name"]: row["text"] for row in rows_of(run, "documents")}
    names = sorted(corpus)
    changed = pa.array([edits.get(name, []) for name in names], EDITS)
    assert apply_edits(pa.array([originals[name] for name in names], pa.large_string()), changed).to_pylist() == [
        corpus[name] for name in names
    ]
    reasons = {atom for row in edits.values() for edit in row for atom in edit["reason"].split("+")}
    assert {"duplicate_substring", *(["duplicate_line"] if lines else [])} < reasons


def test_reselection_says_that_cuts_must_be_redone_and_materialise_redoes_them(
    tmp_path: Path, sail: dict[int, Engine], repeated: dict[str, str]
) -> None:
    options = {"length": 24, "max_loss_fraction": 0.9}
    texts = {**repeated, "short": "abc"}
    run = cut_run(texts, tmp_path, sail[1], substrings=options)
    stricter, same = {"min_text_bytes": 200}, {"min_text_bytes": 2}
    direct = cut_run(texts, tmp_path / "direct", sail[1], substrings=options, recipe={"policy": stricter})
    log = io.StringIO()
    selection = reselect(run, stricter, "stricter", engine=sail[1], console=Console(log))
    assert "the survivors changed, so cuts of repeated lines and substrings must be redone" in log.getvalue()
    materialise(selection, engine=sail[1], console=Console(quiet=True))
    assert corpus_of(selection) == corpus_of(direct)
    assert rows_of(selection, "decisions") == rows_of(direct, "decisions")
    log = io.StringIO()
    reselect(run, stricter, "stricter", engine=sail[1], console=Console(log))
    assert "cuts: up to date with these survivors" in log.getvalue()
    log = io.StringIO()
    reselect(run, same, "same", engine=sail[1], console=Console(log))
    assert "the survivors are the same" in log.getvalue()


def test_another_text_version_or_another_limit_measures_again(
    tmp_path: Path, sail: dict[int, Engine], repeated: dict[str, str]
) -> None:
    texts = {name: text.replace(" ", " \x07") for name, text in repeated.items()}
    for recipe, limit in (({}, 0.9), ({"text": "clean"}, 0.9), ({"text": "clean"}, 0.4), ({}, 0.9)):
        options = {"length": 24, "max_loss_fraction": limit}
        run = cut_run(texts, tmp_path / "changed", sail[1], substrings=options, recipe=recipe)
        fresh = cut_run(texts, tmp_path / f"{len(recipe)}-{limit}", sail[1], substrings=options, recipe=recipe)
        assert digests(run) == digests(fresh)
        assert corpus_of(run) == corpus_of(fresh)


@pytest.mark.java
@pytest.mark.slow
@pytest.mark.parametrize("method", ["memory", "partitioned"])
def test_spark_gives_the_same_rows(
    tmp_path: Path, repeated: dict[str, str], answer: tuple[str, ...], method: str
) -> None:
    engine = Engine("spark", cores=2, partitions=3)
    run = cut_run(repeated, tmp_path, engine, substrings={"length": 24, "method": method})
    assert digests(run) == answer


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory, repeated: dict[str, str]) -> str:
    """A byte-level BPE of the texts of the tests."""
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trained.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trained.train_from_iterator(
        repeated.values(), trainers.BpeTrainer(vocab_size=300, show_progress=False, initial_alphabet=alphabet)
    )
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    trained.save(str(path))
    return str(path)


@pytest.mark.parametrize("method", ["memory", "partitioned"])
@pytest.mark.parametrize("policy", ["keep-first", "remove-all"])
def test_windows_of_tokens_are_those_of_the_definition(
    tmp_path: Path, sail: dict[int, Engine], repeated: dict[str, str], tokenizer: str, method: str, policy: str
) -> None:
    options = {"unit": "tokens", "tokenizer": tokenizer, "length": 8, "method": method, "policy": policy}
    run = cut_run(repeated, tmp_path, sail[3], substrings=options)
    plain = Tokenizer.from_file(tokenizer)
    ordered = {name: repeated[name] for name in in_order(repeated)}
    encoded = [plain.encode(text) for text in ordered.values()]
    ids = [np.array(one.ids, "<i4") for one in encoded]
    offsets = np.concatenate(([0], np.cumsum([4 * len(one) for one in ids])))
    mask = mask_by_definition(np.concatenate(ids).view(np.uint8), offsets, 32, policy, 4)[::4]  # type: ignore[arg-type]
    expected = {}
    for (name, text), one, first in zip(ordered.items(), encoded, offsets // 4, strict=False):
        left = set(range(len(text)))
        for token, (start, end) in enumerate(one.offsets):
            left -= set(range(start, end)) if mask[first + token] else set()
        for token, (start, end) in enumerate(one.offsets):
            left |= set() if mask[first + token] else set(range(start, end))
        expected[name] = cut_plainly(text, [at not in left for at in range(len(text))])
    assert any(mask)
    assert corpus_of(run) == {name: text for name, text in expected.items() if text.strip()}


def test_tokens_and_a_tokenizer_come_together(tmp_path: Path) -> None:
    for options in ({"unit": "tokens"}, {"tokenizer": "t.json"}):
        with pytest.raises(ValidationError, match="given together"):
            Substrings.model_validate(options)
    assert Substrings(unit="tokens", tokenizer="t.json").length == 50
    (tmp_path / "t.json").write_text("{}")
    with pytest.raises(ModelError, match="cannot be read as a tokenizer"):
        load_tokenizer(str(tmp_path / "t.json"))
