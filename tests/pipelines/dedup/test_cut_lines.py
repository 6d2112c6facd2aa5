"""Duplicate lines and paragraphs through the pipeline: first copies stay, short repeated lines survive."""

import json
import random
from pathlib import Path
from typing import Any, Literal

import pytest
from gristmill.filters.dedup.line_hash import line_hashes_plainly
from gristmill.pipelines.engine.session import Engine
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.pipelines.dedup.cut_runs import corpus_of, cut_run, digests, in_order, rows_of, source_of, write_source

LINES = [
    "Read 12 more of it",
    "read 34 MORE of it",
    "A) yes",
    "Ärger überall!",
    "arger uberall",
    "",
    " ",
    "漢字漢字漢字",
]
TEXTS = st.lists(st.lists(st.sampled_from(LINES), min_size=1, max_size=8).map("\n".join), min_size=1, max_size=5)


def without_repeats(
    texts: dict[str, str], unit: Literal["line", "paragraph"], least: int, scope: str
) -> dict[str, str]:
    """Each text without the lines that came before, together with their line ends; what that leaves blank is left out."""
    seen: set[tuple[str, int]] = set()
    left = {}
    for name in in_order(texts):
        data, at, kept = texts[name].encode(), 0, b""
        for hashed, start, end, _ in line_hashes_plainly(texts[name], unit, least):
            key = (source_of(name) if scope == "source" else "", hashed)
            if key in seen:
                kept += data[at:start]
                at = end + (data[end : end + 1] == b"\n")
            seen.add(key)
        left[name] = (kept + data[at:]).decode()
    return {name: text for name, text in left.items() if text.strip() or text == texts[name]}


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(["Read 12 more of it\nA) yes\nread 34 MORE of it", "READ 99 more of it"], "line", 7, "global", 3)
@example(["a line of it\nand one\n\na line of it\nand one", "a line of it"], "paragraph", 3, "source", 17)
@given(
    TEXTS, st.sampled_from(["line", "paragraph"]), st.integers(1, 9), st.sampled_from(["global", "source"]), st.just(3)
)
def test_the_corpus_is_the_text_without_lines_that_came_before(
    tmp_path_factory: pytest.TempPathFactory,
    sail: dict[int, Engine],
    texts: list[str],
    unit: Literal["line", "paragraph"],
    least: int,
    scope: str,
    partitions: int,
) -> None:
    named = {f"d{i}": text for i, text in enumerate(texts) if text}
    options = {"unit": unit, "min_characters": least, "scope": scope}
    run = cut_run(named, tmp_path_factory.mktemp("lines"), sail[partitions], lines=options)
    assert corpus_of(run) == without_repeats(named, unit, least, scope)


QUESTION = "{}. What is the capital of the country number {}?\nA) Paris\nB) London\nC) All of the above\nD) None of the above\n"
NOTICE = "We use cookies to improve our site; by going on you accept them.\n"


def test_the_answers_of_multiple_choice_questions_survive_where_the_notice_does_not(
    tmp_path: Path, sail: dict[int, Engine]
) -> None:
    countries = ["France", "Spain", "Italy", "Peru", "Chad"]
    texts = {name: NOTICE + QUESTION.format(name, f"of {name}") for name in countries}
    first = in_order(texts)[0]
    run = cut_run(texts, tmp_path, sail[3], lines={})
    assert corpus_of(run) == {
        name: text if name == first else text.removeprefix(NOTICE) for name, text in texts.items()
    }
    facts = run.dataset("cuts/lines").facts
    assert facts["cut_bytes"] == 4 * len(NOTICE)
    shorter = corpus_of(cut_run(texts, tmp_path / "short", sail[3], lines={"min_characters": 6}))
    assert sum(text.count("All of the above") for text in shorter.values()) == 1  # the danger the default avoids


def test_first_copies_follow_the_preferences_of_the_recipe_and_snapshots_keep_apart(
    tmp_path: Path, sail: dict[int, Engine]
) -> None:
    texts = {"old": NOTICE + "Old words.", "new": NOTICE + "New words.", "other": NOTICE + "Other words."}
    snapshots = {"old": "2020", "new": "2020", "other": "2021"}
    for first, second in (("old", "new"), ("new", "old")):
        sources: list[dict[str, Any]] = [
            write_source(
                name,
                json.dumps({"id": name, "text": text}),
                tmp_path,
                priority=int(name == first),
                snapshot=snapshots[name],
            )
            for name, text in texts.items()
        ]
        run = cut_run(
            texts, tmp_path / first, sail[1], exact=True, lines={"scope": "snapshot"}, recipe={"sources": sources}
        )
        assert corpus_of(run) == {**texts, second: texts[second].removeprefix(NOTICE)}


def test_partitions_and_shuffled_input_give_the_same_rows(tmp_path: Path, sail: dict[int, Engine]) -> None:
    rng = random.Random(3)
    lines = [" ".join(rng.choices(["alpha", "beta", "gamma", "delta"], k=9)) for _ in range(12)]
    texts = {f"d{i}": "\n".join(rng.choices(lines, k=5)) + f"\nend {i}" for i in range(30)}
    answers = set()
    for partitions in (1, 3, 17):
        names = list(texts)
        random.Random(partitions).shuffle(names)
        shuffled = {name: texts[name] for name in names}
        run = cut_run(shuffled, tmp_path / str(partitions), sail[partitions], lines={"min_characters": 10})
        answers.add(digests(run, "lines"))
        assert corpus_of(run) == without_repeats(texts, "line", 10, "global")
    assert len(answers) == 1


def test_a_document_whose_lines_all_came_before_is_dropped_and_its_substrings_are_not_looked_at(
    tmp_path: Path, sail: dict[int, Engine]
) -> None:
    sentences = [f"This is sentence number {word}, and long enough." for word in ("one", "two", "three", "four")]
    texts = {"all": "\n".join(sentences), "first": "\n".join(sentences[:2]), "last": "\n".join(sentences[2:])}
    sources = [
        write_source(name, json.dumps({"id": name, "text": text}), tmp_path, priority=int(name == "all"))
        for name, text in texts.items()
    ]
    run = cut_run(
        texts, tmp_path, sail[3], exact=True, lines={}, substrings={"length": 60}, recipe={"sources": sources}
    )
    decided = {row["name"]: row["failed_rules"] for row in rows_of(run, "decisions")}
    assert decided == {"all": [], "first": ["duplicate/lines"], "last": ["duplicate/lines"]}
    assert rows_of(run, "cuts/substrings") == []
    assert corpus_of(run) == {"all": texts["all"]}
