"""One ledger of evaluation items over a corpus, conversations and preferences."""

from pathlib import Path
from typing import Any

import pytest
from gristmill import build, contamination
from gristmill.console import Console
from gristmill.pipelines.cli.main import app
from gristmill.schemas.errors import RunError

from tests.builds import write_jsonl

QUIET = Console(quiet=True)
ITEM = "how many sacks of wheat does the miller of Elmstead grind between dawn and noon on a windy day in March"
OTHER = "which of the seven bridges over the river was the last one that the old king crossed before the great flood"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    write_jsonl(folder / "eval.jsonl", [{"question": ITEM}, {"question": OTHER}])
    texts = [
        {"text": f"It was asked: {ITEM}? Nobody knew."},
        {"text": "A text about something else entirely, in prose."},
    ]
    write_jsonl(folder / "texts.jsonl", texts)
    asked = [{"role": "user", "content": ITEM + "?"}, {"role": "assistant", "content": "Nineteen of them."}]
    said = [{"role": "user", "content": "Tell me a riddle."}, {"role": "assistant", "content": OTHER + "?"}]
    write_jsonl(folder / "talks.jsonl", [{"messages": asked}, {"messages": said}])
    for name, more in (("texts", {}), ("talks", {"rows": "conversation"})):
        options: dict[str, Any] = {
            "sets": [{"name": "mill", "path": str(folder / "eval.jsonl"), "fields": ["question"]}]
        }
        if name == "talks":
            options["view"] = "prompt"
        recipe = {"name": name, "sources": [{"name": name, "path": str(folder / f"{name}.jsonl")}], **more}
        build({**recipe, "decontaminate": options}, folder / name, console=QUIET)
    return folder


def test_items_are_found_in_every_run(project: Path) -> None:
    found = contamination([project / "texts", project / "talks"])
    assert [Path(hit["run"]).name for hit in found.hits] == ["talks", "texts"]
    assert {hit["item"] for hit in found.hits} == {found.hits[0]["item"]}  # the answer is no part of the prompt
    assert [(hit["view"], hit["kept"], hit["source"]) for hit in found.hits] == [
        ("prompt", False, "talks"),
        ("whole", False, "texts"),
    ]
    assert [(hit["starts"], hit["ends"]) for hit in found.hits] == [
        ([0], [len(ITEM)]),
        ([len("It was asked: ")], [len("It was asked: ") + len(ITEM)]),
    ]
    assert "1 evaluation items contaminate 2 rows of 2 runs; 0 of these rows are kept" in str(found)
    assert found.to_arrow().num_rows == 2


def test_the_command_prints_it(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    app(["decontaminate", str(project / "texts"), str(project / "talks")], standalone_mode=False)
    assert f"longest match {len(ITEM.split())} words" in capsys.readouterr().out


def test_a_run_without_evaluation_sets_is_named(project: Path, tmp_path: Path) -> None:
    recipe = {"name": "t", "sources": [{"name": "t", "path": str(project / "texts.jsonl")}]}
    build(recipe, tmp_path / "run", console=QUIET)
    with pytest.raises(RunError, match="was not compared with any evaluation set"):
        contamination([project / "texts", tmp_path / "run"])
