"""What a reader saw in one split, counted where records are framed: the other side of the balance."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Tally:
    """The framing count of one split.

    bytes_consumed: bytes of the stored file this split read; over all splits of a file they add up to bytes_in_file.
    records_framed: records the framing layer met, counted before anything is decided about them.
    skipped: records that hold no document by design, by reason (`warc_request`, `blank_line`).
    forms: records of rows that are no documents, by the form that they were read as (`alpaca`).
    error: what stopped or disturbed the reading (`truncated gzip stream at byte 512`); None: the split was read whole.

    >>> Tally("a.jsonl", 10, 10, records_framed=3, documents=1, quarantined=1, skipped={"blank_line": 1}).balanced
    True
    """

    url: str
    bytes_in_file: int
    bytes_consumed: int
    records_framed: int
    documents: int
    quarantined: int
    skipped: Mapping[str, int] = field(default_factory=dict)
    forms: Mapping[str, int] = field(default_factory=dict)
    error: str | None = None

    @property
    def balanced(self) -> bool:
        """Every framed record became a document, was quarantined or was skipped."""
        return self.records_framed == self.documents + self.quarantined + sum(self.skipped.values())

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)
