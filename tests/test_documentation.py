"""What the documentation says is run: README's blocks, the recipes in docs/, the generated pages, every docstring example."""

import doctest
import importlib
import json
import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gristmill
import pytest
import yaml
from gristmill import load_recipe
from gristmill.console import Console
from gristmill.filters.registry import SIGNAL_LIST, signal_list
from gristmill.pipelines.cli.listing import profiles_page, signals_page
from gristmill.pipelines.cli.main import app, main
from gristmill.schemas.errors import INCOMPLETE_EXIT_CODE
from gristmill.schemas.recipe.corpus import Recipe
from gristmill.schemas.recipe.load import load_policy
from gristmill.schemas.rows.registry import row_kind
from gristmill.training.kinds.registry import load_training_recipe
from typer.core import TyperGroup
from typer.main import get_command

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
PROSE = (
    "The river and its banks have moved with every flood that came down to the valley of the mills. "
    "People there say that the water keeps a memory of each wheel it has turned with its own hands. "
    "In the autumn of the year {0} they built a new dam, and the house of the miller had to be moved. "
    "Nobody could say what would happen to the garden number {0}, to the trees or to the old bridge. "
)


def blocks(page: Path, language: str) -> list[str]:
    return [body for name, body in _BLOCK.findall(page.read_text(encoding="utf-8")) if name == language]


@pytest.fixture(scope="module")
def small_recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("readme")
    (folder / "texts").mkdir()
    for number in range(12):
        (folder / "texts" / f"{number}.txt").write_text(PROSE.format(number).strip() if number % 3 else "Too short.")
    recipe = folder / "recipe.yaml"
    recipe.write_text(
        "name: readme\nsources:\n  - {name: texts, path: texts}\npolicy:\n  profiles: [web-en]\n  languages: [en]\n"
    )
    return recipe


@pytest.fixture(scope="module")
def small_run(small_recipe: Path) -> Path:
    out = small_recipe.parent / "demo"
    gristmill.build(small_recipe, out, console=Console(quiet=True), report=False)
    return out


def test_python_blocks_run(
    repository: Path, small_recipe: Path, small_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    decided = gristmill.open_run(small_run).decisions.parts[0]
    doc_id = gristmill.open_run(small_run).storage
    from gristmill.pipelines.run.dataset import read_part

    names = {
        "recipe": small_recipe,
        "out": small_run,
        "doc_id": read_part(doc_id, decided, ["doc_id"]).column(0)[0].as_py(),
    }
    found = blocks(repository / "README.md", "python")
    assert found
    for block in found:
        exec(compile(block, "README.md", "exec"), names)
    printed = capsys.readouterr().out
    assert "documents decided alike" in printed
    assert "rules (margin" in printed


def test_strings_in_hand(repository: Path) -> None:
    """The first block of the page on Python, as written."""
    names: dict[str, Any] = {}
    code = blocks(repository / "docs/python.md", "python")[0].replace(".to_pandas()", "")
    code = code.replace("gristmill.near_duplicates", "pairs = gristmill.near_duplicates")
    exec(compile(code, "docs/python.md", "exec"), names)
    assert [row["kept"] for row in names["pairs"]] == [True, False, True, True]


def test_what_extends_it(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The signal and the step of the page, as modules of their own."""
    monkeypatch.syspath_prepend(str(tmp_path))
    modules = ("my_links", "my_marks", "my_kind", "my_form")
    for name, code in zip(modules, blocks(repository / "docs/extending.md", "python"), strict=True):
        (tmp_path / f"{name}.py").write_text(code)
    (tmp_path / "in").mkdir()
    for number in range(3):
        (tmp_path / f"in/{number}.txt").write_text("See http://example.org? " * number + "Is it so?")
    recipe = {
        "name": "own",
        "sources": [{"name": "texts", "path": str(tmp_path / "in")}],
        "signals": {"my_links:FAMILY": {}},
        "steps": [{"use": "my_marks:CountMarks"}],
        "policy": {"rules": [{"name": "few_links", "signal": "link_count", "keep": ">= 1"}]},
    }
    run = gristmill.build(recipe, tmp_path / "run", console=Console(quiet=True))
    assert len(run.corpus) == 2
    assert sorted(row["marks"] for row in run.table("marks")) == [1, 2, 3]
    assert "marks" in (tmp_path / "run/report.html").read_text()
    (tmp_path / "pairs.jsonl").write_text(
        '{"source": "Die M\\u00fchle steht.", "target": "The mill stands.", "score": 1}\n'
    )
    recipe = {
        "name": "translations",
        "rows": "my_kind:KIND",
        "sources": [{"name": "pairs", "path": str(tmp_path / "pairs.jsonl")}],
        "policy": {"rules": [{"name": "english", "signal": "word_count@target", "keep": "== 3"}]},
        "dedup": {"exact": {"view": "source"}},
    }
    run = gristmill.build(recipe, tmp_path / "translations", console=Console(quiet=True))
    gristmill.export_rows(run, tmp_path / "out", format="jsonl", console=Console(quiet=True))
    row = json.loads((tmp_path / "out/train-00000-of-00001.jsonl").read_text())
    assert (row["source"], row["target"], row["score"]) == ("Die Mühle steht.", "The mill stands.", 1)
    form = importlib.import_module("my_form").FORM
    record = {"question": "Is the mill open?", "answer": "It is."}
    assert form.matches(record)
    assert row_kind("conversation").encode(form.rows(record, "conversation", None)[0]).text.endswith(b"It is.")


def command_lines(repository: Path, block: int) -> list[list[str]]:
    """The commands of a shell block of README, without `.venv/bin/gristmill`; make targets exist."""
    targets = re.findall(r"^(\w[\w-]*):", (repository / "Makefile").read_text(), re.MULTILINE)
    lines = []
    for line in blocks(repository / "README.md", "sh")[block].splitlines():
        program, *words = shlex.split(line, comments=True)
        if program == "make":
            assert words[0] in targets
            continue
        assert program == ".venv/bin/gristmill"
        lines.append(words)
    return lines


RunLines = Callable[[list[list[str]], Path], list[str]]


@pytest.fixture
def run_lines(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> RunLines:
    """What enters at gristmill's entry point with each list of words, in a folder; its answer is what they print."""

    def run(lines: list[list[str]], folder: Path) -> list[str]:
        monkeypatch.chdir(folder)
        printed = []
        for words in lines:
            monkeypatch.setattr(sys, "argv", ["gristmill", *words])
            with pytest.raises(SystemExit) as leaving:
                main()
            done = capsys.readouterr()
            # None of these short texts has the 200 words that the strict policy of the example wants: nothing is kept.
            assert leaving.value.code == (INCOMPLETE_EXIT_CODE if words[0] == "reselect" else 0), done.err
            printed.append(done.out)
        return printed

    return run


def test_shell_commands_run(repository: Path, small_recipe: Path, small_run: Path, run_lines: RunLines) -> None:
    """Each gristmill line as written, on a small run named `demo`."""
    lines = command_lines(repository, 0)
    assert len(lines) == 4
    named = {"examples/demo.yaml": str(small_recipe), "examples/strict.yaml": str(repository / "examples/strict.yaml")}
    run_lines([[named.get(word, word) for word in words] for words in lines], small_run.parent)


def test_training_commands_run(repository: Path, small_recipe: Path, tmp_path: Path, run_lines: RunLines) -> None:
    """From the corpus to a model as written, but for the number of steps and of sequences."""
    recipe = (repository / "examples" / "pretrain.yaml").read_text()
    for written, smaller in (("\nsteps: 60\n", "\nsteps: 4\n"), ("sequences: 16", "sequences: 2"), (": 8\n", ": 2\n")):
        assert written in recipe
        recipe = recipe.replace(written, smaller)
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples" / "pretrain.yaml").write_text(recipe)
    source = {"name": "texts", "path": str(small_recipe.parent / "texts")}
    gristmill.build({"name": "all", "sources": [source]}, tmp_path / "demo", console=Console(quiet=True), report=False)
    lines = command_lines(repository, 1)
    assert [words[0] for words in lines] == ["tokenizer", "shards", "train", "trace"]
    *_, traced = run_lines(lines, tmp_path)
    assert "texts" in traced  # the source of the documents of that step


def test_curation_commands_run(repository: Path, tmp_path: Path, run_lines: RunLines) -> None:
    """Conversations as written; each fault that was planted in the example is found by the rule for it."""
    for name in ("talks.yaml", "talks.jsonl"):
        (tmp_path / "examples").mkdir(exist_ok=True)
        (tmp_path / "examples" / name).write_text((repository / "examples" / name).read_text())
    _, exported = run_lines(command_lines(repository, 2), tmp_path)
    run = gristmill.open_run(tmp_path / "talks")
    failed = [rule for row in run.table("decisions") for rule in row["failed_rules"]]
    assert sorted(failed) == [
        *("duplicate/exact", "duplicate/exact", "reader/unknown_form", "sft/assistant_speaks_of_itself"),
        *("sft/empty_turn", "sft/ends_with_other_role", "sft/loop", "sft/many_loop_repeats"),
        *("sft/no_assistant_turn", "sft/no_json_answer", "sft/refusal", "sft/refusal"),
        *("sft/response_in_other_language", "sft/template_tokens", "sft/truncated_by_length"),
        *("sft/unclosed_code_fence", "sft/unparsed_python"),
    ]
    page = (repository / "README.md").read_text()
    assert exported.partition(": ")[0] in page
    assert f"talks (main): {len(run.corpus)} of 40 documents kept" in page


@pytest.mark.parametrize(
    "page", ["README.md", "docs/recipes.md", "docs/decontamination.md", "docs/mixing.md", "docs/pii.md"]
)
def test_recipes_in_the_pages_are_valid(repository: Path, page: str) -> None:
    found = [yaml.safe_load(block) for block in blocks(repository / page, "yaml")]
    assert found
    shortest = {"name": "page", "sources": [{"name": "texts", "path": "texts"}]}  # of pages that show one key
    for recipe in found:
        Recipe.model_validate(shortest | recipe)


def test_examples_are_valid(repository: Path) -> None:
    for path in (repository / "examples").rglob("*.yaml"):
        trains = re.search(r"^(kind|steps):", path.read_text(encoding="utf-8"), re.MULTILINE)
        load = load_policy if path.name == "strict.yaml" else load_training_recipe if trains else load_recipe
        assert load(path)


def test_generated_pages_are_up_to_date(repository: Path) -> None:
    assert (repository / "filters" / SIGNAL_LIST).read_text(encoding="utf-8") == signal_list(), "run `make docs`"
    for name, page in {"signals.md": signals_page(), "profiles.md": profiles_page()}.items():
        assert (repository / "docs" / name).read_text(encoding="utf-8") == page, f"run `make docs` for {name}"


def test_links_between_pages_lead_somewhere(repository: Path) -> None:
    for page in [repository / "README.md", *(repository / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+\.md)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_docstring_examples(repository: Path) -> None:
    attempted = 0
    for folder in ("schemas", "filters", "pipelines"):
        for path in sorted((repository / folder).rglob("*.py")):
            if ">>>" not in path.read_text(encoding="utf-8"):
                continue
            name = ".".join(["gristmill", *path.relative_to(repository).with_suffix("").parts]).removesuffix(
                ".__init__"
            )
            results = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
            assert results.failed == 0, name
            attempted += results.attempted
    assert attempted > 10


def test_every_public_name_stands_on_the_page_on_python(repository: Path) -> None:
    page = (repository / "docs" / "python.md").read_text(encoding="utf-8")
    assert [name for name in gristmill.__all__ if name != "__version__" and not re.search(rf"`{name}\b", page)] == []


def test_every_command_stands_in_the_table(repository: Path) -> None:
    table = (repository / "docs" / "recipes.md").read_text(encoding="utf-8").partition("## Commands")[2]
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    assert len(group.commands) > 20
    assert [name for name in group.commands if f"`gristmill {name}" not in table] == []
    for name, command in group.commands.items():
        for below in command.commands if isinstance(command, TyperGroup) else ():
            assert re.search(rf"`gristmill {name} [^|]*\b{below}\b", table), (name, below)


def test_links_of_the_pages_lead_somewhere(repository: Path) -> None:
    pages = [repository / "README.md", repository / "CONTRIBUTING.md", *sorted((repository / "docs").glob("*.md"))]
    for page in pages:
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
            if "://" in target:
                continue
            path, _, heading = target.partition("#")
            found = (page.parent / path).resolve() if path else page
            assert found.exists(), (page.name, target)
            if heading:
                text = found.read_text(encoding="utf-8")
                titles = re.findall(r"^#+ (.*)$", text, re.M)
                slugs = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
                assert heading in slugs, (page.name, target)
