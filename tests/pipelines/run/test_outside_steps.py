"""A step, a signal and a reader from outside the package, named in a recipe: found by everything that walks the steps."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml
from gristmill import build, explain, forget, open_run
from gristmill.console import Console
from gristmill.pipelines.scrub.keep_text import purge_raw
from gristmill.schemas.errors import GristmillError, RecipeError

QUIET = Console(quiet=True)

MODULE = '''
"""Question marks of documents, counted by a step that gristmill does not bring."""

import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from gristmill import DatasetSpec, Family, Life, Signal, Step, StrictOptions, layout_fingerprint

SCHEMA = pa.schema([pa.field("doc_id", pa.large_string(), nullable=False), pa.field("marks", pa.int64())])
MARKS = DatasetSpec("toy/marks", SCHEMA, ("doc_id", "marks"), life=Life.ALIGNED)
FIRST = DatasetSpec(
    "toy/first", SCHEMA.append(pa.field("first", pa.large_string())), ("doc_id",), life=Life.DECIDED, holds_text=True
)


def count_marks(batch, mark):
    journal = Path(os.environ["TOY_JOURNAL"])
    with journal.open("a") as file:
        file.write("part\\n")
    if os.environ.get("TOY_FAILS") and journal.read_text().count("part") > 2:
        raise OSError("the disk went away")
    return pa.record_batch([batch.column("doc_id"), pc.count_substring(batch.column("text"), mark)], schema=SCHEMA)


def first_words(batch, mark):
    marks = pc.count_substring(batch.column("text"), mark)
    words = pc.utf8_slice_codeunits(batch.column("text"), 0, 12)
    return pa.record_batch([batch.column("doc_id"), marks, words], schema=FIRST.schema)


def warm(texts):
    Path(os.environ["TOY_JOURNAL"] + ".warmed").touch()


class CountMarks(Step):
    """How often a mark stands in each document."""

    name = "toy"
    phase = "measure"

    class Options(StrictOptions):
        """mark: what is counted."""

        mark: str = "?"

    def kernels(self, context):
        return ("toy_step:warm",)

    def datasets(self):
        return (MARKS, FIRST)

    def update(self, context):
        inputs = {"documents": layout_fingerprint(context.documents)}
        for spec, function in ((MARKS, count_marks), (FIRST, first_words)):
            stage = context.stage(spec, {"mark": self.options.mark}, inputs)

            def work(stage=stage, function=function):
                context.need_texts("marks must be counted")
                context.map_documents(stage, function, ["doc_id", "text"], self.options.mark, label="marks")
                return {}

            context.add(spec, stage.run(work, context.console.log))

    def explain(self, run, place):
        part = run.dataset(MARKS.folder).parts[place.part]
        with run.storage.open(part.path) as file:
            marks = pq.read_table(file).column("marks")[place.row].as_py()
        return (f"{marks} question\\tmarks",)

    def report(self, run):
        tables = [pq.read_table(run.storage.address(part.path)) for part in run.dataset(MARKS.folder).parts]
        marks = pa.concat_tables(tables).column("marks")
        return {"all marks": pc.sum(marks).as_py(), "<b>rows</b>": [{"marks": 1, "text": "<script>"}]}

    def examine(self):
        yield "the toy is here", False


class MarkOptions(StrictOptions):
    mark: str = "!"


FAMILY = Family(
    name="toy_marks",
    version=1,
    signals=(Signal("toy_mark_count", "int", "marks", "Exclamation marks."),),
    measure="toy_step:measure",
    source="this test",
    options=MarkOptions,
)


def measure(batch, options):
    return pa.record_batch([pc.count_substring(batch.column("text"), options["mark"])], names=["toy_mark_count"])
'''
READER = '''
"""Files of sentences: a document for every line that begins with a dash."""

from gristmill.pipelines.sources.readers.whole_file import content, splits


class LINES:
    splits = staticmethod(splits)

    @staticmethod
    def read(source, split, rows, isolate):
        raw = content(split, rows) or b""
        rows.framed -= rows.framed  # the file is no record of its own
        for number, line in enumerate(raw.decode().splitlines()):
            rows.frame()
            if line.startswith("- "):
                rows.add(line[2:].encode(), number, metadata={})
            else:
                rows.skip("no_dash")
        yield from ()
'''


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the modules, importable here and in processes, and documents in several parts."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules/toy_step.py").write_text(MODULE)
    (tmp_path / "modules/toy_reader.py").write_text(READER)
    monkeypatch.syspath_prepend(str(tmp_path / "modules"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "modules"))
    monkeypatch.setenv("TOY_JOURNAL", str(tmp_path / "journal"))
    for name in ("toy_step", "toy_reader"):
        sys.modules.pop(name, None)
    for source in range(4):
        (tmp_path / f"in/{source}").mkdir(parents=True)
        for number in range(5):
            text = f"Is this document {number} of source {source}? " * (number + 1) + "Yes! "
            (tmp_path / f"in/{source}/{number}.txt").write_text(text)
    return tmp_path


def recipe(folder: Path, **more: Any) -> dict[str, Any]:
    sources = [{"name": f"s{number}", "path": str(folder / f"in/{number}")} for number in range(4)]
    return {"name": "toy", "sources": sources, "steps": [{"use": "toy_step:CountMarks"}], **more}


def parts_done(folder: Path) -> int:
    return (folder / "journal").read_text().count("part") if (folder / "journal").exists() else 0


def marks(out: Path) -> dict[str, int | None]:
    run = open_run(out)
    rows = [row for part in run.dataset("toy/marks").parts for row in pq.read_table(out / part.path).to_pylist()]
    return {row["doc_id"]: row["marks"] for row in rows}


def test_a_step_is_found_by_all_that_walks_the_steps(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = toy / "run"
    monkeypatch.setenv("TOY_FAILS", "1")
    with pytest.raises((GristmillError, OSError), match="disk"):
        build(recipe(toy), out, console=QUIET)
    monkeypatch.delenv("TOY_FAILS")
    before = parts_done(toy)
    run = build(recipe(toy), out, console=QUIET)
    assert parts_done(toy) - before < 4  # what had been done before the failure was kept
    counted = marks(out)
    assert sorted(counted.values()) == sorted([1, 2, 3, 4, 5] * 4)  # type: ignore[type-var]
    assert {"toy/marks", "toy/first"} <= set(run.summary["digests"])
    done = parts_done(toy)
    build(recipe(toy), out, console=QUIET)
    assert parts_done(toy) == done  # up to date
    build(recipe(toy, steps=[{"use": "toy_step:CountMarks", "options": {"mark": "!"}}]), out, console=QUIET)
    assert set(marks(out).values()) == {1}  # its options are part of its key
    run = build(recipe(toy), out, console=QUIET)

    chosen = next(doc_id for doc_id, count in counted.items() if count == 3)
    assert "3 question marks" in str(explain(run, chosen))
    page = (out / "report.html").read_text()
    assert "Step toy" in page
    assert "all marks" in page
    assert "&lt;script&gt;" in page
    assert "&lt;b&gt;rows&lt;/b&gt;" in page

    first = parts_done(toy)
    forget(run, [chosen], "record", console=QUIET)
    left = marks(out)
    assert left == {**counted, chosen: None}  # its row stays, without its value
    assert parts_done(toy) == first  # nothing was measured again
    made_again = [pq.read_table(out / part.path) for part in open_run(out).dataset("toy/first").parts]
    assert chosen in [row for table in made_again for row in table.column("doc_id").to_pylist()]
    assert [row["first"] for t in made_again for row in t.to_pylist() if row["doc_id"] == chosen] == [None]
    purge_raw(out, console=QUIET)
    assert not (out / "toy/first").exists()
    assert marks(out) == left


def test_doctor_and_warming_know_it(toy: Path) -> None:
    (toy / "recipe.yaml").write_text(yaml.safe_dump(recipe(toy)))
    command = [sys.executable, "-m", "gristmill", "doctor", str(toy / "recipe.yaml")]
    environment = {**os.environ, "PYTHONPATH": f"{toy / 'modules'}"}
    shown = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert "step toy: the toy is here" in shown.stdout, shown.stderr
    from gristmill.pipelines.engine.warm import warm_one

    warm_one("toy_step:warm")
    assert (toy / "journal.warmed").exists()


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ({"use": "toy_step:CountMark"}, "cannot be loaded"),
        ({"use": "toy_step:FAMILY"}, "is no step"),
        ({"use": "toy_steps"}, "is unknown"),
        ({"use": "toy_step:CountMarks", "options": {"marks": "!"}}, "did you mean `mark`"),
    ],
)
def test_a_wrong_step_starts_no_run(toy: Path, step: dict[str, Any], expected: str) -> None:
    with pytest.raises(RecipeError, match=expected):
        build(recipe(toy, steps=[step]), toy / "run", console=QUIET)
    assert not (toy / "run").exists()


def test_two_steps_of_one_name_are_refused(toy: Path) -> None:
    with pytest.raises(RecipeError, match="two steps have the name 'toy'"):
        build(recipe(toy, steps=[{"use": "toy_step:CountMarks"}] * 2), toy / "run", console=QUIET)


def test_a_signal_and_a_reader_from_outside(toy: Path) -> None:
    (toy / "lines.lst").write_text("- one!\n- two!!\nno document\n- three!!!\n")
    chosen = {
        "name": "toy",
        "sources": [{"name": "lines", "path": str(toy / "lines.lst"), "format": "toy_reader:LINES"}],
        "signals": {"toy_step:FAMILY": {"mark": "!!"}},
        "policy": {"rules": [{"name": "loud", "signal": "toy_mark_count", "keep": ">= 1"}]},
        "dedup": {"exact": None},
    }
    run = build(chosen, toy / "run", console=QUIET)
    rows = list(run.corpus)
    assert sorted(row["text"] for row in rows) == ["three!!!", "two!!"]
    assert run.documents.facts["skipped"] == {"no_dash": 1}
    kept = next(row["doc_id"] for row in rows if row["text"] == "two!!")
    assert "toy_mark_count = 1" in str(explain(run, kept))
    with pytest.raises(RecipeError, match="unknown key `marks`; did you mean `mark`"):
        build({**chosen, "signals": {"toy_step:FAMILY": {"marks": "!"}}}, toy / "other", console=QUIET)
    with pytest.raises(RecipeError, match="did you mean 'warc'"):
        build({**chosen, "sources": [{**chosen["sources"][0], "format": "warcs"}]}, toy / "other", console=QUIET)
