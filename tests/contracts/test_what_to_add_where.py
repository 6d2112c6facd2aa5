"""The table "What to add where" of docs/how-it-works.md: each thing is added here as it says, one file and one line.

The file is a module of the test, the line what the table names: an entry put into a registry, a command put to the others. What
must be true besides, that a format or form stands in a type, or that every command has its import, is compared for all that are
there.
"""

import ast
import json
import re
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import gristmill
import pytest
from gristmill.answers import registry as answers
from gristmill.filters import profiles, registry
from gristmill.filters.transforms import registry as transforms
from gristmill.filters.transforms.apply import versioned_text
from gristmill.pipelines import steps
from gristmill.pipelines.cli import main as commands
from gristmill.pipelines.cli.schema import json_schema
from gristmill.pipelines.policy.compile import compile_policy
from gristmill.pipelines.sources.forms import registry as forms
from gristmill.pipelines.sources.readers import registry as readers
from gristmill.schemas import layout
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.recipe.corpus import Recipe
from gristmill.schemas.recipe.policy import Floor, Policy
from gristmill.schemas.recipe.source import RecordForm, SourceFormat
from gristmill.schemas.rows import registry as rows
from gristmill.training.kinds import registry as kinds
from gristmill.training.objectives import registry as objectives
from typer.testing import CliRunner

from tests.pipelines.sources.forms.made_records import read as read_records
from tests.pipelines.sources.forms.made_records import user as asked

SHORT: dict[str, Any] = {"name": "r", "sources": [{"name": "a", "path": "a.jsonl"}]}
ADDED = '''
"""One file for each row of the table, in one."""

from types import SimpleNamespace

import pyarrow as pa
from gristmill import AnswerKind, Family, Form, RowError, RowKind, Signal, Step, StrictOptions, Verdict, View
from gristmill.filters.transforms.edit_arrays import no_edits
from gristmill.pipelines.sources.readers.whole_file import content, splits
from gristmill.schemas.recipe.rules import Profile, Rule


class AddedOptions(StrictOptions):
    mark: str = "!"


MARKS = Signal("added_marks", "int", "marks", "marks")
FAMILY = Family("added", 1, (MARKS,), "added:measure", "this test", options=AddedOptions)
PROFILE = Profile(name="added", description="", rules=(Rule(name="loud", signal="added_marks", keep="<= 1"),))
CHECKER = AnswerKind("added", AddedOptions, lambda completion, reference, options: Verdict(1.0, options.mark))
FORM = Form(
    "added",
    ("prompt",),
    matches=lambda record: "riddle" in record,
    rows=lambda record, kind, source: [solved(record)],
)
KIND = RowKind("added", texts=("source",), required=("source",), views={"source": View(("source",))})


def measure(batch, options):
    counts = [(text or "").count(options["mark"]) for text in batch.column(0).to_pylist()]
    return pa.record_batch([pa.array(counts)], names=["n"])


def solved(record):
    if not record.get("riddle") or not record.get("solution"):
        raise RowError("unsolved", "a riddle without solution")
    return {"prompt": [{"role": "user", "content": record["riddle"]}], "answer": record["solution"]}


def command(text: str, loud: bool = False) -> None:
    """Say a text."""
    print(text.upper() if loud else text)


def edits(texts, options):
    return no_edits(len(texts))


def read(source, split, rows, isolate):
    raise NotImplementedError


class Added(Step):
    name = "added"
    phase = "measure"

    def update(self, context):
        pass
'''


@pytest.fixture(autouse=True)
def _file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "added.py").write_text(ADDED)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "added", raising=False)


def a_signal_family(line: pytest.MonkeyPatch) -> None:
    line.setitem(registry.FAMILIES, "added", "added")
    assert gristmill.measure(["one!", "!!", None], ["added"]).column("added_marks").to_pylist() == [1, 2, None]
    assert registry.find_signal("added_marks") is not None
    assert "AddedOptions" in json_schema("recipe")["$defs"]


def a_profile(line: pytest.MonkeyPatch) -> None:
    line.setitem(registry.FAMILIES, "added", "added")
    line.setitem(profiles.PROFILES, "added", "added:PROFILE")
    assert [one.name for one in compile_policy(Policy(profiles=("added",)), Floor()).rules] == ["added/loud"]


def a_text_transform(line: pytest.MonkeyPatch) -> None:
    import pyarrow as pa

    line.setitem(transforms.TRANSFORMS, "added", "added:edits")
    line.setitem(transforms.TEXT_VERSIONS, "added", (("added", {}),))
    assert versioned_text(pa.array(["one"], pa.large_string()), "added")[0].to_pylist() == ["one"]


def a_reader(line: pytest.MonkeyPatch) -> None:
    line.setitem(readers.READERS, "added", "added")
    assert readers.reader("added").read.__module__ == "added"


def a_row_kind(line: pytest.MonkeyPatch) -> None:
    line.setitem(rows.ROW_KINDS, "added", "added")
    assert Recipe.model_validate({**SHORT, "rows": "added"}).sources[0].rows == "added"


def a_form_of_records(line: pytest.MonkeyPatch) -> None:
    """Records that no form knows become rows by the added one; named, it is one of those that the kind of rows allows."""
    Path("made.jsonl").write_text(
        "".join(
            json.dumps(record) + "\n"
            for record in (
                {"riddle": "What turns?", "solution": "The mill."},
                {"riddle": "What stands?"},
                {"text": "no"},
            )
        )
    )
    assert [reason for reason, _ in read_records(Path("made.jsonl"), "prompt").quarantined] == ["unknown_form"] * 3
    line.setitem(forms.FORMS, "added", "added")
    line.setattr("gristmill.schemas.recipe.source.get_args", lambda of: (*get_args(of), "added"))  # in RecordForm
    for cached in (forms.form, forms.forms_of):
        cached.cache_clear()
    try:
        for options in ({}, {"format": "added"}):
            found = read_records(Path("made.jsonl"), "prompt", **options)
            assert found.records == [{"prompt": [asked("What turns?")], "answer": "The mill."}]
            assert found.quarantined[0] == ("unsolved", "a riddle without solution")
        with pytest.raises(RecipeError, match="its records become prompt"):
            read_records(Path("made.jsonl"), "conversation", format="added")
    finally:
        for cached in (forms.form, forms.forms_of):
            cached.cache_clear()
    assert set(forms.FORMS) - {"added"} == set(get_args(RecordForm))  # the second place that the table names


def a_step(line: pytest.MonkeyPatch) -> None:
    line.setattr(steps, "STEPS", (*steps.STEPS, steps.BroughtStep("added:Added", lambda recipe: recipe.mix is None)))
    assert "added" in [step.name for step in steps.steps_of(Recipe.model_validate(SHORT))]


def a_dataset_of_a_step(line: pytest.MonkeyPatch) -> None:
    line.setattr(layout, "ADDED", replace(layout.EDITS, folder="added"), raising=False)
    assert "added" in [spec.folder for spec in layout.datasets()]


def an_objective_of_pre_training(line: pytest.MonkeyPatch) -> None:
    line.setitem(objectives.OBJECTIVES, "added", objectives.OBJECTIVES["clm"])
    tokenizer: Any = SimpleNamespace(vocab_size=10, pad_id=0, eos_id=0, bos_id=None, mask_id=None, sentinel_ids=())
    assert objectives.make("added", tokenizer, 16, {}).shapes == objectives.make("clm", tokenizer, 16, {}).shapes


def a_kind_of_training(line: pytest.MonkeyPatch) -> None:
    kind, model = kinds.KINDS["pretrain"]
    line.setitem(kinds.KINDS, "added", (kind, model))
    assert kinds.load_kind("added") is kinds.load_kind("pretrain")
    assert kinds.recipe_model("added") is kinds.recipe_model("pretrain")


def a_checker_of_answers(line: pytest.MonkeyPatch) -> None:
    line.setitem(answers.KINDS, "added", "added:CHECKER")
    assert gristmill.checker({"kind": "added", "mark": "?"}).check("text").why == "?"


def a_command(line: pytest.MonkeyPatch) -> None:
    """The added one is called, listed and refused as the others are; each file that is there has its import and line."""
    line.setattr(commands.app, "registered_commands", list(commands.app.registered_commands))
    commands.app.command("added")(import_module("added").command)
    runner = CliRunner()
    assert runner.invoke(commands.app, ["added", "mill", "--loud"]).output == "MILL\n"
    assert re.search(r"added +Say a text\.", runner.invoke(commands.app, ["--help"]).output)
    assert "--loud" in runner.invoke(commands.app, ["added", "--help"]).output
    refused = runner.invoke(commands.app, ["added", "mill", "--lout"])
    assert refused.exit_code == 2
    assert "--loud" in refused.output
    folder = Path(gristmill.__file__).parents[1] / "pipelines" / "cli"
    main = ast.parse((folder / "main.py").read_text(encoding="utf-8"))
    imported: dict[str, list[str]] = {}
    for node in main.body:
        module = getattr(node, "module", "") or ""
        if (
            isinstance(node, ast.ImportFrom)
            and module.startswith("gristmill.pipelines.cli.")
            and not module.endswith(("options", "renamed"))
        ):
            imported.setdefault(module.rpartition(".")[2], []).extend(alias.name for alias in node.names)
    registered = [
        argument.id
        for node in main.body
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
        for argument in node.value.args
        if isinstance(argument, ast.Name)
    ]
    assert sorted(name for names in imported.values() for name in names) == sorted(registered)
    helpers = {"main", "options", "renamed", "listing", "schema", "doctor", "__init__"}  # not commands
    assert set(imported) == {path.stem for path in folder.glob("*.py")} - helpers


PROOFS: tuple[Callable[[pytest.MonkeyPatch], None], ...] = (
    *(
        a_signal_family,
        a_profile,
        a_text_transform,
        a_reader,
        a_row_kind,
        a_form_of_records,
        a_step,
        a_dataset_of_a_step,
    ),
    *(an_objective_of_pre_training, a_kind_of_training, a_checker_of_answers, a_command),
)


@pytest.mark.parametrize("proof", PROOFS, ids=lambda proof: proof.__name__)
def test_one_line_adds(proof: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch) -> None:
    proof(monkeypatch)


def test_every_format_has_its_reader() -> None:
    assert set(readers.READERS) == set(get_args(SourceFormat)) - {"auto"}


def test_the_table_names_what_is_there_and_every_row_is_proved(repository: Path) -> None:
    page = (repository / "docs" / "how-it-works.md").read_text(encoding="utf-8")
    table = page.partition("## What to add where")[2].partition("\n\nFrom another package")[0]
    lines = [line.strip("|").split("|") for line in table.splitlines() if line.startswith("|")][2:]
    assert [re.sub(r"\W+", "_", what.strip()) for what, _, _ in lines] == [proof.__name__ for proof in PROOFS]
    for _, write, line in lines:
        folders = re.findall(r"`([a-z_]+/[a-z_/]*(?:\.py)?)", write)
        for path in [*folders, *re.findall(r"`([a-z_]+/[a-z_/]*\.py)`", line)]:
            assert (repository / path).exists(), path
