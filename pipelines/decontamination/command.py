"""The recipe behind `gristmill decontaminate`."""

import json
import posixpath
import re
from collections.abc import Sequence
from typing import Any

import fsspec
from gristmill.pipelines.run.dataset import iterate_part
from gristmill.pipelines.run.run import Run
from gristmill.schemas import layout
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.recipe.corpus import Recipe
from gristmill.schemas.yaml_files import validated

_SET = re.compile(r"(?:(?P<name>[A-Za-z0-9_-]+)=)?(?P<path>.+):(?P<fields>[^:/]+)")


def recipe_of(
    data: Sequence[str],
    against: Sequence[str],
    text: str,
    id_field: str | None,
    ngrams: str,
    min_overlap: float,
    min_match: int | None,
    action: str,
    kept_fields: Sequence[str] = (),
) -> Recipe:
    """A recipe that does nothing but decontaminate. RecipeError for options that cannot be read.

    kept_fields: fields of the records that the corpus keeps beside the text, for `write_records`.
    """
    fields = _listed(text)
    columns: dict[str, Any] = {"text": fields[0] if len(fields) == 1 and "." not in fields[0] else fields}
    if kept_fields:
        columns["metadata"] = list(kept_fields)
    if id_field is not None:
        columns["id"] = id_field
    lengths = _listed(ngrams)
    if not all(n.isdecimal() for n in lengths):
        raise RecipeError(f"--ngrams {ngrams}", expected="lengths in words, such as 8,13")
    return validated(
        Recipe,
        {
            "name": "decontaminate",
            "sources": [{"name": "data", "path": list(data), "columns": columns}],
            "decontaminate": {
                "sets": [_set(given) for given in against],
                "ngrams": [int(n) for n in lengths],
                "min_overlap": min_overlap,
                "min_match": min_match,
                "action": action,
            },
            "dedup": {"exact": None},
        },
    )


def record_fields(text: str, id_field: str | None, also: str, action: str) -> tuple[str, ...]:
    """The fields of a record that are written, outer ones whole. RecipeError where its text would be cut."""
    if action != "drop":
        raise RecipeError(
            f"--write with --action {action}",
            expected="--action drop: records are written whole",
            next_step="read corpus/",
        )
    named = [*([id_field] if id_field else []), *_listed(text), *_listed(also)]
    return tuple(dict.fromkeys(name.split(".")[0] for name in named))


def write_records(run: Run, path: str, fields: Sequence[str]) -> int:
    """The kept records of a run as JSON Lines, in the order of its documents; returns how many."""
    written = 0
    with fsspec.open(path, "wb") as file:
        for part in run.selected(layout.CORPUS).parts:
            for batch in iterate_part(run.storage, part, ["metadata"]):
                for metadata in batch.column("metadata").to_pylist():
                    found = json.loads(metadata)
                    record = {name: found[name] for name in fields if name in found}
                    file.write(json.dumps(record, ensure_ascii=False).encode() + b"\n")
                    written += 1
    return written


def _set(given: str) -> dict[str, Any]:
    match = _SET.fullmatch(given)
    if match is None:
        raise RecipeError(
            f"--against {given}",
            expected="[NAME=]PATH:FIELD,FIELD, such as gsm8k=test.jsonl.gz:question,answer",
            next_step="name the fields that make an item after a colon",
        )
    stem = posixpath.basename(match["path"]).split(".")[0]
    name = match["name"] or re.sub(r"[^A-Za-z0-9-]+", "-", stem).strip("-") or "set"
    return {"name": name, "path": match["path"], "fields": _listed(match["fields"])}


def _listed(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]
