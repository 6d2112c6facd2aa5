"""A build that ends before any of its stages begins goes on there: nothing that was finished is made again."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gristmill.console import Console
from gristmill.pipelines.build import build
from gristmill.pipelines.dedup import exact
from gristmill.pipelines.dedup.near import buckets, outcome
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.run.stages import Stage
from gristmill.pipelines.sources import colliding_ids

from tests.builds import COLUMNS, datasets, digests, rows, write_jsonl, write_recipe
from tests.engines.several_builds import LastingEngine

QUIET = Console(quiet=True)
EXACT = {"normalise": ["case", "whitespace"], "survivor": ["oldest"]}
EVERYTHING: dict[str, Any] = {
    "embed": {"dimension": 32},
    "dedup": {
        "exact": EXACT,
        "near": {"similarity": 0.9, "shingle": {"words": 1}},
        "lines": {"min_characters": 20},
        "substrings": {"method": "partitioned", "length": 60},
    },
    "decontaminate": {
        "sets": [{"name": "exam", "path": "exam.jsonl", "fields": ["question"], "id": "id"}],
        "ngrams": [4, 6],
    },
}


class EndedError(Exception):
    """What ends a build here."""


class EndsBefore:
    """`Stage.start` that ends the build in place of its `number`-th call; None: counts them."""

    def __init__(self, number: int | None) -> None:
        self.number, self.calls = number, 0
        self._start = Stage.start

    def __call__(self, stage: Stage) -> None:
        if self.calls == self.number:
            raise EndedError(stage.spec.folder)
        self.calls += 1
        self._start(stage)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    lasting = LastingEngine("sail", partitions=2)
    yield lasting
    Engine.stop(lasting)


def recipe(folder: Path, changes: dict[str, Any]) -> Path:
    entries = rows(120)
    for number, row in enumerate(entries):
        row["text"] = row["text"] and row["text"] + (
            "\nEvery mill along this river grinds grain." if number % 2 else ""
        )
    for name, chosen in (("a", entries[::2]), ("b", entries[1::2])):
        write_jsonl(folder / f"{name}.jsonl", chosen)
    texts = sorted(row["text"] for row in rows(30) if row["text"])
    questions = [{"id": number, "question": " ".join(text.split()[:20])} for number, text in enumerate(texts)]
    write_jsonl(folder / "exam.jsonl", questions)
    sources = [{"name": name, "path": f"{name}.jsonl", "columns": COLUMNS} for name in "ab"]
    return write_recipe(folder / "recipe.yaml", sources, **changes)


def made(out: Path) -> dict[str, tuple[str, float]]:
    """When each finished dataset was made and how long it took; what cuts add to decisions later changes neither."""
    return {folder: (manifest.created, manifest.seconds) for folder, manifest in datasets(out).items()}


@pytest.mark.parametrize(
    ("changes", "in_memory"),
    [
        pytest.param({"dedup": {"exact": EXACT}}, True, id="exact"),
        pytest.param(EVERYTHING, True, id="everything", marks=pytest.mark.slow),
        pytest.param(EVERYTHING, False, id="everything-by-engine", marks=pytest.mark.slow),
    ],
)
def test_what_was_finished_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: Engine, changes: dict[str, Any], in_memory: bool
) -> None:
    if not in_memory:
        for module in (colliding_ids, exact, buckets, outcome):
            monkeypatch.setattr(module, "IN_MEMORY_ROWS", 0)
    chosen = recipe(tmp_path, changes)

    def build_until(out: Path, number: int | None) -> int:
        """Returns how many stages began."""
        ends = EndsBefore(number)
        with monkeypatch.context() as patch:
            patch.setattr(Stage, "start", lambda stage: ends(stage))
            build(chosen, out, engine=engine, console=QUIET, report=False)
        return ends.calls

    stages = build_until(tmp_path / "whole", None)
    assert stages > 10
    expected = digests(tmp_path / "whole")
    for number in range(1, stages):
        out = tmp_path / f"run{number}"
        with pytest.raises(EndedError) as ended:
            build_until(out, number)
        before = made(out)
        build_until(out, None)
        after = made(out)
        again = [folder for folder, seen in before.items() if after.get(folder, seen) != seen]
        assert not again, f"made again after the end before {ended.value}: {again}"
        assert digests(out) == expected
