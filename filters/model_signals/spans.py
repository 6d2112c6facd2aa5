"""Spans of a text in a signal: `start-end` in characters, end excluded, separated by spaces."""

from collections.abc import Sequence

MAX_SPANS = 1000
Span = tuple[int, int]


def spans_text(spans: Sequence[Span]) -> str | None:
    """The first MAX_SPANS of them, then how many more there are; None when there is none.

    >>> spans_text([(0, 4), (10, 12)])
    '0-4 10-12'
    """
    if not spans:
        return None
    shown = " ".join(f"{start}-{end}" for start, end in spans[:MAX_SPANS])
    return shown if len(spans) <= MAX_SPANS else f"{shown} +{len(spans) - MAX_SPANS}"


def read_spans(written: str | None) -> list[Span]:
    """What `spans_text` wrote, as numbers.

    >>> read_spans("0-4 10-12 +3")
    [(0, 4), (10, 12)]
    """
    pieces = [piece.partition("-") for piece in (written or "").split() if "-" in piece]
    return [(int(start), int(end)) for start, _, end in pieces]
