"""Documents a policy names one by one: ids, or JSON Lines files of them such as a training run's blame.jsonl."""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

from gristmill.schemas.errors import RecipeError
from gristmill.schemas.paths import base_of, resolve_path
from pydantic import AfterValidator, ValidationInfo

_DOC_ID = re.compile(r"[0-9a-f]{32}")
LISTS = ".jsonl"


def _check(entries: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    """Entries that are ids or lists; the lists of a policy that is loaded from a file are replaced by their ids."""
    for entry in entries:
        if not _DOC_ID.fullmatch(entry) and not entry.endswith(LISTS):
            raise ValueError(
                f"found {entry!r}; expected a doc_id (32 hex digits) or a {LISTS} file with doc_id in each line"
            )
    base = base_of(info)
    if base is None:
        return entries
    return tuple(read_excluded(resolve_path(entry, base) if entry.endswith(LISTS) else entry for entry in entries))


ExcludedIds = Annotated[tuple[str, ...], AfterValidator(_check)]


def read_excluded(entries: Iterable[Any]) -> list[Any]:
    """Files replaced by the ids in them, each id once; a run's policy then stays what it was if a file changes later."""
    return list(dict.fromkeys(found for entry in entries for found in _ids(entry)))


def _ids(entry: Any) -> Iterator[Any]:
    if not isinstance(entry, str) or not entry.endswith(LISTS):
        yield entry
        return
    try:
        lines = Path(entry).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(
            f"cannot read it: {error}", where=entry, expected="JSON lines with `doc_id`", next_step="check exclude_ids"
        ) from error
    for number, line in enumerate(lines, 1):
        try:
            found = json.loads(line)["doc_id"]
        except (ValueError, KeyError, TypeError):
            found = None
        if not isinstance(found, str) or not _DOC_ID.fullmatch(found):
            raise RecipeError(
                f"found {line[:60]!r}", where=f"{entry}:{number}", expected='{"doc_id": "32 hex digits", ...}'
            )
        yield found
