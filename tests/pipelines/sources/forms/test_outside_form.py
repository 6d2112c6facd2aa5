"""A form of records that an installed package brings: named in a recipe or told by each record, checked as the others are."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from gristmill import build, load_recipe
from gristmill.console import Console
from gristmill.pipelines.sources.forms import registry
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.lookup import installed_entry_points, installed_names

from tests.builds import write_jsonl
from tests.pipelines.sources.forms.made_records import read

MODULE = """
from gristmill import Form, RowError


def rows(record, kind, source):
    if not record["reply"]:
        raise RowError("no_reply", "a letter without reply")
    turns = [{"role": "user", "content": record["letter"]}, {"role": "assistant", "content": record["reply"]}]
    return [{"messages": turns, "stamp": record.get("stamp")}]


FORM = Form("letters", ("conversation",), matches=lambda record: "letter" in record and "reply" in record, rows=rows)
"""
LETTERS = [
    {"letter": "Is the mill open?", "reply": "It is, every day.", "stamp": 3},
    {"letter": "Does it turn?", "reply": ""},
    {"letter": "When does it close?", "reply": "At nightfall."},
    {"text": "no letter at all"},
]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package with an entry point, as pip installs it."""
    (tmp_path / "site/letters-1.dist-info").mkdir(parents=True)
    (tmp_path / "site/letter_form.py").write_text(MODULE)
    (tmp_path / "site/letters-1.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: letters\nVersion: 1\n")
    (tmp_path / "site/letters-1.dist-info/entry_points.txt").write_text(
        "[gristmill.forms]\nletters = letter_form:FORM\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    caches = (installed_entry_points, installed_names, registry.form, registry.forms_of)
    for cached in caches:
        cached.cache_clear()
    write_jsonl(tmp_path / "in/letters.jsonl", LETTERS)
    yield tmp_path
    for cached in caches:
        cached.cache_clear()


def recipe(folder: Path, **source: Any) -> dict[str, Any]:
    sources = [{"name": "letters", "path": str(folder / "in"), **source}]
    return {"name": "letters", "rows": "conversation", "sources": sources}


@pytest.mark.parametrize("named", [{}, {"format": "letters"}])
def test_a_recipe_builds_rows_of_it(package: Path, named: dict[str, str]) -> None:
    run = build(recipe(package, **named), package / "run", report=False, console=Console(quiet=True))
    kept = sorted((row["text"], row["fields"]) for row in run.corpus)
    assert [text for text, _ in kept] == [
        "Is the mill open?\n\nIt is, every day.",
        "When does it close?\n\nAt nightfall.",
    ]
    assert '"stamp": 3' in kept[0][1] or '"stamp":3' in kept[0][1]
    lost = {row["reason"]: row["detail"] for row in run.table("documents") if row["status"] == "quarantined"}
    if named:
        assert lost == {
            "no_reply": "a letter without reply",
            "form_failed": "the form letters raised KeyError: 'reply'",
        }
    else:
        assert set(lost) == {"no_reply", "unknown_form"}


@pytest.mark.parametrize(
    ("old", "new", "detail"),
    [
        ('"letter" in record and "reply" in record', 'record["letter"]', "the form letters raised KeyError: 'letter'"),
        ("return [{", "return {}.missing or [{", "AttributeError: 'dict' object has no attribute 'missing'"),
        ('return [{"messages": turns', 'return {"messages": turns}; [{"x": turns', "gave a str, not a row"),
    ],
)
def test_a_form_that_fails_loses_its_record_alone(package: Path, old: str, new: str, detail: str) -> None:
    """Whatever it raises, or gives instead of rows: the record is quarantined, and the run goes on with the next."""
    (package / "site/letter_form.py").write_text(MODULE.replace(old, new))
    sys.modules.pop("letter_form", None)
    found = read(package / "in/letters.jsonl", "conversation")
    assert found.tally.balanced
    assert "form_failed" in [reason for reason, _ in found.quarantined]
    assert any(detail in told for _, told in found.quarantined)


def test_what_does_not_fit_is_said_before_a_run(package: Path) -> None:
    (package / "r.yaml").write_text(yaml.safe_dump(recipe(package, format="leters")))
    with pytest.raises(RecipeError, match="did you mean 'letters'"):
        load_recipe(package / "r.yaml")
    with pytest.raises(RecipeError, match="its records become conversation"):
        build({**recipe(package, format="letters"), "rows": "pair"}, package / "run", console=Console(quiet=True))
    assert not (package / "run").exists()
