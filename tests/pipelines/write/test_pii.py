"""Personal data in a run: what is written, dropped and shown, and that no value stands anywhere but in documents/."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gristmill
import pyarrow.parquet as pq
import pytest
from gristmill import load_recipe
from gristmill.console import Console
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.run.run import Run, open_run
from gristmill.pipelines.scrub.keep_text import purge_raw
from gristmill.pipelines.write.pii import PiiHandling, pii_handling
from gristmill.schemas.errors import ModelError, RecipeError, RunError

from tests.builds import build_process, digests, table, write_jsonl, write_recipe

MAIL, PHONE, CARD, SSN, PASSWORD = (
    "jo.doe@corp-mail.de",
    "+1 212 664 7665",
    "4111 1111 1111 1111",
    "536-22-8145",
    "pa55w0rt",
)
VALUES = (MAIL, PHONE, CARD, SSN, PASSWORD, "jo.doe", "664 7665")
PROSE = "The mill turns when the river is high, and of all that grain we keep what weighs enough to be bread. " * 3
ROWS: list[dict[str, Any]] = [
    {"id": "a", "text": f"{PROSE} Write to {MAIL} or call {PHONE}.", "url": f"https://u:{PASSWORD}@corp-mail.de/a"},
    {
        "id": "b",
        "text": f"{PROSE} Write to {MAIL.upper()}  or call {PHONE} soon.",
        "note": {"by": MAIL, "n": 2126647665},
    },
    {"id": "c", "text": f"Paid with {CARD} at the mill.\u0007", "note": {"by": "nobody"}},
    {"id": "d", "text": f"The number {SSN} is written there."},
    {"id": "e", "text": "Nobody could say what would happen to the garden, to the trees or to the old bridge."},
    {"id": "f", "text": None, "note": {"by": MAIL}},
]
PII = {"email": "pseudonym", "national_id": "drop", "key_file": "key"}


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine() as running:
        yield running


def recipe_in(folder: Path, rows: list[dict[str, Any]], **changes: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    write_jsonl(folder / "rows.jsonl", [{"url": None, "note": None, **row} for row in rows])
    (folder / "key").write_text("a key of the tests, not secret")
    columns = {"id": "id", "url": "url", "metadata": ["note"]}
    source = {"name": "web", "path": "rows.jsonl", "columns": columns}
    options = {"policy": {}, "pii": PII, "dedup": {"near": {"similarity": 0.5}}, "text": "clean"} | changes
    return write_recipe(folder / "recipe.yaml", [source], **options)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, engine: Engine) -> Run:
    folder = tmp_path_factory.mktemp("pii")
    return gristmill.build(recipe_in(folder, ROWS), folder / "run", engine=engine, console=Console(quiet=True))


def corpus_of(run: Run) -> list[dict[str, Any]]:
    return table(Path(run.storage.url), "corpus").to_pylist()


def contents(folder: Path) -> dict[str, str]:
    """Everything in a run folder as text, by its path; tables are read."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".parquet":
            found[path.relative_to(folder).as_posix()] = json.dumps(pq.read_table(path).to_pylist(), default=str)
        elif path.is_file():
            found[path.relative_to(folder).as_posix()] = path.read_bytes().decode("utf-8", "replace")
    return found


def raw_values_in(folder: Path, *but: str) -> list[tuple[str, str]]:
    return [
        (name, value)
        for name, content in contents(folder).items()
        if not name.startswith(but)
        for value in VALUES
        if value in content
    ]


def test_the_corpus_holds_placeholders_and_pseudonyms(built: Run) -> None:
    rows = corpus_of(built)
    texts = [row["text"] for row in rows]
    (first,) = [text for text in texts if "<PHONE>" in text]
    assert "@mail.example.org or call <PHONE>" in first
    assert "Paid with <CREDIT_CARD> at the mill." in texts
    by_id = {row["doc_id"] for row in rows}
    decided = table(Path(built.storage.url), "decisions").to_pylist()
    (dropped,) = [row for row in decided if row["failed_rules"] == ["pii/national_id"]]
    assert dropped["doc_id"] not in by_id


def test_edits_say_kind_and_place_and_never_the_value(built: Run) -> None:
    edits = [edit for row in table(Path(built.storage.url), "edits").to_pylist() for edit in row["edits"]]
    assert {"pii_email", "pii_phone", "pii_credit_card"} <= {edit["reason"] for edit in edits}


def test_values_stand_in_documents_alone(built: Run) -> None:
    assert {value for _, value in raw_values_in(Path(built.storage.url))} >= {MAIL, PHONE, CARD, SSN, PASSWORD}
    assert raw_values_in(Path(built.storage.url), "documents/data/") == []
    assert "<EMAIL>" in (Path(built.storage.url) / "report.html").read_text(encoding="utf-8").replace(
        "&lt;", "<"
    ).replace("&gt;", ">")


def test_explanations_are_masked(built: Run) -> None:
    for row in table(Path(built.storage.url), "documents").to_pylist():
        told = str(gristmill.explain(built, row["doc_id"]))
        assert not [value for value in VALUES if value in told]


def test_the_manifest_keeps_a_fingerprint_of_the_key(built: Run) -> None:
    manifest = json.loads((Path(built.storage.url) / "corpus/manifest.json").read_text())
    chosen = pii_handling(built.recipe)
    assert chosen is not None
    assert manifest["config"]["pii"]["key"] == chosen.pseudonyms.fingerprint  # type: ignore[union-attr]
    assert not [name for name, content in contents(Path(built.storage.url)).items() if "key of the tests" in content]
    assert "key of the tests" not in repr(chosen)


def test_metadata_and_addresses_are_edited() -> None:
    import pyarrow as pa

    mask = PiiHandling({"email": "mask", "phone": "mask", "url_credentials": "mask"}, {})
    values = pa.array(['{"note": {"by": "jo@corp.de", "n": 5, "s": ["x"]}}', '{"a":  "b"}', None], pa.large_string())
    assert mask.edited_metadata(values).to_pylist() == [
        '{"note": {"by": "<EMAIL>", "n": 5, "s": ["x"]}}',
        '{"a":  "b"}',
        None,
    ]
    assert mask.edited(pa.array([None, "http://u:pa55@h.de/x"])).to_pylist() == [None, "http://<CREDENTIALS>@h.de/x"]


def test_purge_leaves_nothing_raw(tmp_path: Path, engine: Engine) -> None:
    console = Console(quiet=True)
    run = gristmill.build(recipe_in(tmp_path, ROWS), tmp_path / "run", engine=engine, console=console, report=False)
    gristmill.reselect(run, {"min_text_bytes": 60}, "longer", engine=engine, console=console)
    with pytest.raises(RunError, match="selection longer is not written"):
        purge_raw(run, engine=engine, console=console)
    gristmill.materialise(f"{run.storage.url}:longer", engine=engine, console=console)
    before = digests(tmp_path / "run")
    assert purge_raw(run, engine=engine, console=console) > 0
    assert raw_values_in(tmp_path / "run") == []
    after = digests(tmp_path / "run")
    assert {name: after[name] for name in before if name in after and "purged" not in name} == {
        name: digest for name, digest in before.items() if name in after
    }
    assert purge_raw(open_run(run.storage.url), engine=engine, console=console) == 0
    assert str(gristmill.explain(run.storage.url, table(tmp_path / "run", "documents")["doc_id"][0].as_py()))


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"pii": {"email": "pseudonym", "key_env": "PII_NO_SUCH_KEY"}}, RecipeError, "PII_NO_SUCH_KEY is not set"),
        ({"pii": {"email": "pseudonym", "key_file": "none"}}, RecipeError, "cannot read the key"),
        ({"pii": {"e-mail": "mask"}}, RecipeError, "did you mean `email`"),
        ({"pii": {"email": "hide"}}, RecipeError, "'mask', 'pseudonym'"),
        ({"pii": {"email": "mask", "key_file": "key"}}, RecipeError, "no kind has the action pseudonym"),
        ({"pii": {"person": "pseudonym"}}, RecipeError, "person"),
        ({"pii": {"person": "mask"}}, RecipeError, "without a model"),
        (
            {"signals": {"pii": {"min_score": 2}}},
            RecipeError,
            "min_score: Input should be less than or equal to 1; found 2",
        ),
        ({"signals": {"pii": {"model": "nowhere"}}}, ModelError, "no spaCy pipeline"),
    ],
)
def test_what_cannot_be_done_is_an_error_before_the_run(
    tmp_path: Path, changes: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        gristmill.build(
            load_recipe(recipe_in(tmp_path, ROWS, **changes)), tmp_path / "run", console=Console(quiet=True)
        )
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
@pytest.mark.java
def test_the_same_rows_on_every_engine_under_any_hash_seed(tmp_path: Path) -> None:
    rows = [
        {**row, "id": f"{row['id']}{n}", "text": row["text"] and f"{row['text']} {n}"}
        for n in range(40)
        for row in ROWS
    ]
    found = []
    for number, options in enumerate((("--partitions", "1"), ("--partitions", "5"), ("--engine", "spark"))):
        recipe = recipe_in(tmp_path / str(number), rows[::-1] if number else rows, dedup={})
        done = build_process(
            recipe,
            tmp_path / str(number) / "run",
            "--allow-incomplete",
            *options,
            environment={"PYTHONHASHSEED": str(number)},
        )
        assert done.returncode == 0, done.stderr
        found.append({name: digests(tmp_path / str(number) / "run")[name] for name in ("corpus", "signals/pii@clean")})
    assert found[0] == found[1] == found[2]
