"""The texts of a pair: its prompt, its chosen and its rejected answer."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
from gristmill.schemas.rows.kind import SEPARATOR

ROWS = ("pair",)
NAMES = ("prompt", "chosen", "rejected")


class Sides(NamedTuple):
    """The texts of a pair, several messages of one side joined as in the view of that name; None: it has none."""

    prompt: str | None
    chosen: str | None
    rejected: str | None


def sides_of(batch: pa.RecordBatch) -> Iterator[Sides]:
    """The texts of each row of a batch with the columns `text` and `pieces`."""
    pieces = batch.column("pieces")
    for text, found in zip(batch.column("text"), pieces, strict=True):
        data = (text.as_py() or "").encode()
        places = found.as_py() or ()
        yield Sides(*(_text(data, places, f"{name}.") for name in NAMES))


def _text(data: bytes, places: Sequence[Mapping[str, Any]], beginning: str) -> str | None:
    texts = [data[place["start"] : place["end"]].decode() for place in places if place["label"].startswith(beginning)]
    return SEPARATOR.join(texts) if texts else None
