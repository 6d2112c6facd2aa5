"""A build that lost its input says so: in its log, in the head of the report, and by an exit code of its own."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from gristmill.console import Console
from gristmill.pipelines.build import build
from gristmill.pipelines.cli.main import app
from gristmill.pipelines.decide.reselect import reselect
from gristmill.pipelines.run.run import open_run
from typer.testing import CliRunner

from tests.builds import build_process, prose, write_recipe

QUIET = Console(quiet=True)
PLAIN: dict[str, Any] = {"policy": {}, "dedup": {"exact": None}, "text": None}


def lines(count: int, bad: int = 0) -> bytes:
    import random

    dice = random.Random(3)
    good = [json.dumps({"text": prose(dice, "en", 4)}) for _ in range(count)]
    return "\n".join([*good, *(["{broken"] * bad)]).encode() + b"\n"


def good(folder: Path) -> None:
    (folder / "a.jsonl").write_bytes(lines(40))


def truncated_parquet(folder: Path) -> None:
    good(folder)
    pq.write_table(pa.table({"text": ["some text"] * 50}), folder / "b.parquet")
    (folder / "b.parquet").write_bytes((folder / "b.parquet").read_bytes()[:-100])


def wrong_type(folder: Path) -> None:
    good(folder)
    (folder / "b.parquet").write_text("<html>404 not found</html>")


def truncated_gzip(folder: Path) -> None:
    good(folder)
    (folder / "b.jsonl.gz").write_bytes(gzip.compress(lines(400))[:-400])


def empty_file(folder: Path) -> None:
    good(folder)
    (folder / "b.jsonl.gz").write_bytes(b"")


def quarantined(folder: Path) -> None:
    (folder / "a.jsonl").write_bytes(lines(40, bad=6))


def nothing_read(folder: Path) -> None:
    (folder / "a.jsonl").write_bytes(b"\n\n")


def all_quarantined(folder: Path) -> None:
    (folder / "a.jsonl").write_bytes(b"{broken\n" * 5)


CASES: dict[str, tuple[Callable[[Path], None], list[str]]] = {
    "truncated Parquet": (truncated_parquet, ["1 file was not read whole: .*b.parquet: no Parquet file"]),
    "wrong type": (wrong_type, ["1 file was not read whole: .*b.parquet: no Parquet file"]),
    "truncated gzip": (truncated_gzip, ["1 file was not read whole: .*truncated gzip stream"]),
    "empty file": (empty_file, ["1 file was not read whole: .*b.jsonl.gz: a file of no bytes"]),
    "quarantined": (quarantined, ["source in: 6 of 46 records are quarantined"]),
    "nothing read": (nothing_read, ["no document was kept of 0", "source in: no document was read .*2 skipped"]),
    "all quarantined": (all_quarantined, ["no document was kept of 5", "source in: no document was read .5 records"]),
}


def recipe_for(folder: Path, write: Callable[[Path], None], **changes: Any) -> Path:
    (folder / "in").mkdir()
    write(folder / "in")
    return write_recipe(folder / "r.yaml", [{"name": "in", "path": "in"}], **(PLAIN | changes))


@pytest.mark.parametrize("name", CASES)
def test_what_was_lost_is_told(tmp_path: Path, name: str) -> None:
    import re

    write, sentences = CASES[name]
    run = build(recipe_for(tmp_path, write), tmp_path / "run", console=QUIET, report=False)
    assert len(run.incomplete) == len(sentences)
    for found, expected in zip(run.incomplete, sentences, strict=True):
        assert re.match(expected, found), found


def test_a_whole_run_is_not_incomplete(tmp_path: Path) -> None:
    recipe = recipe_for(tmp_path, lambda folder: (folder / "a.jsonl").write_bytes(lines(40, bad=4)))
    assert build(recipe, tmp_path / "run", console=QUIET, report=False).incomplete == ()


def command(*words: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, [str(word) for word in words])
    return done.exit_code, done.stdout, done.stderr


def test_the_exit_code_the_log_and_the_report(tmp_path: Path) -> None:
    recipe = recipe_for(tmp_path, truncated_parquet)
    done = build_process(recipe, tmp_path / "run")
    assert done.returncode == 8
    assert "Traceback" not in done.stderr
    assert "INCOMPLETE: 1 file was not read whole" in done.stderr
    assert "Next: mend the input and build again, or accept it with --allow-incomplete" in done.stderr
    assert "40 of 40 documents kept" in done.stdout
    code, _, told = command(
        "build", recipe, "--out", tmp_path / "run", "--quiet"
    )  # nothing is done, and it is said again
    assert code == 8
    assert "INCOMPLETE: 1 file was not read whole" in told
    page = (tmp_path / "run" / "report.html").read_text()
    assert "Incomplete: 1 file was not read whole" in page[: page.index("<nav>")]
    assert "- Incomplete: 1 file was not read whole" in (tmp_path / "run" / "README.md").read_text()
    code, _, told = command("build", recipe, "--out", tmp_path / "run", "--allow-incomplete", "--quiet")
    assert code == 0
    assert "INCOMPLETE" in told


def test_a_policy_that_keeps_nothing(tmp_path: Path) -> None:
    strict = {"rules": [{"name": "long", "signal": "text_bytes", "keep": ">= 100000"}]}
    recipe = recipe_for(tmp_path, good, policy=strict)
    assert command("build", recipe, "--out", tmp_path / "run", "--no-report", "--quiet")[0] == 8
    run = open_run(tmp_path / "run")
    assert run.incomplete == ("no document was kept of 40",)
    assert reselect(run, {}, "all", console=QUIET).incomplete == ()
    (tmp_path / "strict.yaml").write_text(json.dumps(strict))
    again = ("reselect", tmp_path / "run", "--policy", tmp_path / "strict.yaml", "--quiet")
    assert [command(*again)[0], command(*again, "--allow-incomplete")[0]] == [8, 0]


def test_a_sample_says_it_too(tmp_path: Path) -> None:
    code, printed, _ = command("build", recipe_for(tmp_path, truncated_gzip), "--sample", "50%", "--quiet")
    assert code == 8
    assert "INCOMPLETE: 1 file was not read whole" in printed
