"""Finding personal data and secrets: the pre-scan's candidates, asked of the recognisers, overlaps resolved."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from gristmill.filters.pii import kinds
from gristmill.filters.pii.accounts import crypto_addresses, emails, ibans
from gristmill.filters.pii.cards import cards
from gristmill.filters.pii.identities import named_identities, strict_identities
from gristmill.filters.pii.names import named_entities
from gristmill.filters.pii.network import ip_addresses, url_credentials
from gristmill.filters.pii.phones.find import phones
from gristmill.filters.pii.prescan.scan import PrescanCandidates, candidates
from gristmill.filters.pii.reserved import blanked
from gristmill.filters.pii.secrets.headers import header_tokens
from gristmill.filters.pii.secrets.keys import keys, named_secrets
from gristmill.filters.pii.secrets.passwords import passwords
from gristmill.filters.pii.window import AFTER_BYTES, BEFORE_BYTES, Found, Window
from gristmill.kernels.buffers import string_buffers
from gristmill.schemas.paths import RecipePath
from gristmill.schemas.strict import Strict
from pydantic import Field

LIKELY_SCORE = 0.4
PRIVATE_KEY_BYTES = 20_000
_RECOGNISERS: tuple[tuple[int, Callable[[Window], Iterator[Found]]], ...] = (
    (kinds.MAY_BE_EMAIL, emails),
    (kinds.MAY_BE_URL_CREDENTIALS, url_credentials),
    (kinds.MAY_BE_CARD, cards),
    (kinds.MAY_BE_PHONE, phones),
    (kinds.MAY_BE_NAMED_IDENTITY, named_identities),
    (kinds.MAY_BE_SOCIAL_SECURITY | kinds.MAY_BE_FISCAL_CODE, strict_identities),
    (kinds.MAY_BE_IPV4 | kinds.MAY_BE_IPV6, ip_addresses),
    (kinds.MAY_BE_IBAN, ibans),
    (kinds.MAY_BE_CRYPTO, crypto_addresses),
    (kinds.MAY_BE_KEY, keys),
    (kinds.MAY_BE_NAMED_SECRET, named_secrets),
    (kinds.MAY_BE_NAMED_SECRET, header_tokens),
    (kinds.MAY_BE_NAMED_SECRET, passwords),
)
FINDINGS = pa.large_list(
    pa.struct(
        [
            pa.field("start", pa.int64(), nullable=False),  # UTF-8 bytes
            pa.field("end", pa.int64(), nullable=False),
            pa.field("kind", pa.large_string(), nullable=False),
            pa.field("score", pa.float64(), nullable=False),
        ]
    )
)


class PiiOptions(Strict):
    """Options of the family `pii`: how values are found."""

    min_score: float = Field(
        LIKELY_SCORE,
        gt=0,
        le=1,
        description=f"what a value needs; below {LIKELY_SCORE} every row of numbers is judged, which is slow",
    )
    model: RecipePath | None = Field(
        None, description="the folder of a spaCy pipeline that finds names; by default none are found"
    )


class PiiFinding(NamedTuple):
    """One value in a text: UTF-8 bytes, its kind, how sure it is (0-1)."""

    start: int
    end: int
    kind: str
    score: float


def find(texts: pa.Array, options: Mapping[str, Any]) -> list[list[PiiFinding]]:
    """For each text its values, sorted, not overlapping: of two that overlap, the surer, then the longer one.

    options: see PiiOptions. A null text has none.
    """
    data, offsets = string_buffers(texts)
    found = _candidates(texts, options)
    min_score = _min_score(options)
    answers: list[list[PiiFinding]] = [[] for _ in range(len(texts))]
    for row, start, end, classes in zip(*(column.tolist() for column in found), strict=True):
        base = offsets[row]
        answers[row] += _ask(data[base : offsets[row + 1]], start, end, classes, min_score)
    if options.get("model"):
        for row, text in enumerate(texts.to_pylist()):
            answers[row] += [f for f in _in_bytes(text or "", named_entities(text or "", options["model"]))
                             if f.score >= min_score]  # fmt: skip
    return [_resolved(values) for values in answers]


def find_batch(batch: pa.RecordBatch, options: Mapping[str, Any]) -> pa.RecordBatch:
    """`find` as a function of batches, for a worker process: column `findings` (FINDINGS) of column `text`."""
    rows = [[value._asdict() for value in values] for values in find(batch.column("text"), options)]
    return pa.record_batch({"findings": pa.array(rows, FINDINGS)})


def has_candidates(texts: pa.Array, options: Mapping[str, Any]) -> pa.Array:
    """bool: the pre-scan saw something; the others hold nothing that a pattern finds."""
    seen = np.zeros(len(texts), np.bool_)
    seen[_candidates(texts, options).rows] = True
    return pa.array(seen)


def _candidates(texts: pa.Array, options: Mapping[str, Any]) -> PrescanCandidates:
    return candidates(texts, every_number=_min_score(options) < LIKELY_SCORE)


def _min_score(options: Mapping[str, Any]) -> float:
    return float(options.get("min_score", LIKELY_SCORE))


def _ask(document: np.ndarray, start: int, end: int, classes: int, min_score: float) -> Iterator[PiiFinding]:
    """The recognisers of the candidate's classes, over the text around it."""
    after = PRIVATE_KEY_BYTES if classes & kinds.MAY_BE_KEY and _is_key_block(document, start) else AFTER_BYTES
    first = _boundary(document, max(0, start - BEFORE_BYTES))
    last = _boundary(document, min(len(document), end + after))
    text = document[first:last].tobytes().decode()
    is_ascii = len(text) == last - first
    lowest = start - first if is_ascii else len(document[first:start].tobytes().decode())
    highest = end - first if is_ascii else lowest + len(document[start:end].tobytes().decode())
    window = Window(blanked(text), lowest, highest, classes)
    for wanted, recogniser in _RECOGNISERS:
        if not classes & wanted:
            continue
        for value in recogniser(window):
            if value.score < min_score:
                continue
            if is_ascii:
                yield PiiFinding(first + value.start, first + value.end, value.kind, value.score)
            else:
                begin = first + len(text[: value.start].encode())
                size = len(text[value.start : value.end].encode())
                yield PiiFinding(begin, begin + size, value.kind, value.score)


def _is_key_block(document: np.ndarray, start: int) -> bool:
    return bytes(document[start : start + 5]) == b"BEGIN" and bytes(document[max(0, start - 5) : start]) == b"-----"


def _boundary(document: np.ndarray, at: int) -> int:
    """The start of the character that byte `at` is in."""
    while 0 < at < len(document) and document[at] & 0xC0 == 0x80:
        at -= 1
    return at


def _in_bytes(text: str, values: Iterable[Found]) -> Iterator[PiiFinding]:
    for value in values:
        start = len(text[: value.start].encode())
        end = start + len(text[value.start : value.end].encode())
        yield PiiFinding(start, end, value.kind, value.score)


def _resolved(values: list[PiiFinding]) -> list[PiiFinding]:
    """Sorted and without overlaps: n values cost n log n, however many a document has."""
    chosen: list[PiiFinding] = []
    for value in sorted(set(values), key=lambda v: (-v.score, v.start - v.end, v.start, v.kind)):
        place = bisect_left(chosen, value)
        ends_before = place == 0 or chosen[place - 1].end <= value.start
        if ends_before and (place == len(chosen) or value.end <= chosen[place].start):
            chosen.insert(place, value)
    return chosen
