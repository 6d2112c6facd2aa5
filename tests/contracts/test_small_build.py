"""What a small build does not do: import what its recipe does not ask for, or start an engine; counted, not timed.

A build of one line took twice as long when every step, family and engine was imported for it.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from gristmill.filters.registry import FAMILIES
from gristmill.pipelines.steps import STEPS
from gristmill.schemas.own_process import NEW_OBJECTS, command_of

MOST_MODULES = 1600  # 1,537 when this was written, of which 265 are gristmill's; 2,067 and 511 before
NOT_FOR_A_SMALL_BUILD = {
    *(
        "datasets",
        "datatrove",
        "fastwarc",
        "grpc",
        "jinja2",
        "psutil",
        "pycld2",
        "pysail",
        "pyspark",
        "sklearn",
        "spacy",
    ),
    *("presidio_analyzer", "sentencepiece", "tokenizers", "torch", "trafilatura", "transformers"),
    *(
        "gristmill.chat",
        "gristmill.filters.language.detectors",
        "gristmill.filters.pii",
        "gristmill.pipelines.dedup.near",
    ),
    *("gristmill.pipelines.cut.spans", "gristmill.pipelines.decontamination", "gristmill.pipelines.embed"),
    *("gristmill.pipelines.select", "gristmill.pipelines.shards"),
}
MEASURED = {
    *("c4_code", "c4_dolma", "content_key", "fineweb_lines"),
    *("gopher_quality", "gopher_repetition", "gopher_repetition_lines"),
}
BUILD = """
import gc, json, sys
before = gc.get_threshold()
from gristmill.pipelines.cli.main import app
app(["build", sys.argv[1], "--out", sys.argv[2], "--quiet", "--allow-incomplete"], standalone_mode=False)
print(json.dumps([gc.get_threshold() == before, sorted(sys.modules)]))
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[bool, list[str]]:
    """Of a small build in a fresh process: whether the garbage collector's settings stayed, and the modules imported."""
    folder = tmp_path_factory.mktemp("small")
    (folder / "one.jsonl").write_text('{"text": "The mill turns when the river is high."}\n')
    (folder / "one.yaml").write_text(
        "name: small\nsources:\n  - {name: one, path: one.jsonl}\npolicy: {profiles: [web-en]}\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", BUILD, str(folder / "one.yaml"), str(folder / "run")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert (folder / "run" / "report.html").exists()
    unchanged, modules = json.loads(done.stdout.splitlines()[-1])
    return unchanged, modules


def test_a_small_build_imports_only_what_its_recipe_asks_for(found: tuple[bool, list[str]]) -> None:
    modules = set(found[1])
    assert NOT_FOR_A_SMALL_BUILD & modules == set()
    assert len(modules) <= MOST_MODULES
    families = {name for name, reference in FAMILIES.items() if reference.partition(":")[0] in modules}
    of_one_module = {"c4_datatrove", "c4_datatrove_any_end", "c4_paper", "fineweb_tokens"}
    assert families - {"url_rules"} == MEASURED | of_one_module  # url_rules: readers of pages know hosts
    steps = {
        entry.reference.rpartition(".")[2].partition(":")[2] for entry in STEPS if _module(entry.reference) in modules
    }
    assert steps == {"MeasureSignals", "FindExactDuplicates", "Decide", "CutSurvivors", "WriteCorpus"}


def _module(reference: str) -> str:
    return reference.partition(":")[0]


def test_a_build_leaves_the_garbage_collector_of_its_process_alone(found: tuple[bool, list[str]]) -> None:
    assert found[0]


def test_a_command_and_our_own_processes_look_for_cycles_seldom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = (
        "import gc\nimport gristmill.pipelines.cli.main as command_line\nfrom gristmill.__main__ import main\n"
        "command_line.main = lambda: print(gc.get_threshold()[0])\nmain()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == str(NEW_OBJECTS)
    (tmp_path / "told.py").write_text("import gc\ndef main():\n    print(gc.get_threshold()[0])\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    done = subprocess.run(command_of("told"), capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(NEW_OBJECTS)]
