"""Texts with labelled personal data, in three formats, for pii.py quality.

- presidio-research (JSON, plain or gzip): `full_text` and `spans`.
- eds-pseudo (text): paragraphs with `[text](TYPE)` in them.
- brat (a tar of `.txt` with `.ann`): MEDDOCAN's names of types.
"""

import gzip
import json
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

KINDS = {
    "EMAIL_ADDRESS": "email",
    "PHONE_NUMBER": "phone",
    "CREDIT_CARD": "credit_card",
    "IBAN_CODE": "iban",
    "IP_ADDRESS": "ip_address",
    "US_SSN": "national_id",
    "US_DRIVER_LICENSE": "national_id",
    "US_ITIN": "national_id",
    "US_PASSPORT": "national_id",
    "UK_NHS": "national_id",
    "CRYPTO": "crypto_address",
}
_OF_EDS = {"MAIL": "email", "TEL": "phone"}
_OF_MEDDOCAN = {"CORREO_ELECTRONICO": "email", "NUMERO_TELEFONO": "phone", "NUMERO_FAX": "phone"}
_LABELLED = re.compile(r"\[([^\]\[]*)\]\(([A-Z_]+)\)")
Span = tuple[int, int, str]  # characters, kind
LabelledText = tuple[str, list[Span]]


def labelled_texts(path: Path) -> list[LabelledText]:
    """Texts with the spans of our kinds that are labelled in them."""
    if path.suffix == ".txt":
        return list(_eds(path.read_text("utf-8")))
    if ".tar" in path.suffixes:
        return list(_brat(path))
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as file:
        rows = json.load(file)
    return [
        (
            row["full_text"],
            [
                (span["start_position"], span["end_position"], KINDS[span["entity_type"]])
                for span in row["spans"]
                if span["entity_type"] in KINDS
            ],
        )
        for row in rows
    ]


def _eds(content: str) -> Iterator[LabelledText]:
    for paragraph in content.split("\n\n"):
        text, spans, at = "", [], 0
        for found in _LABELLED.finditer(paragraph):
            text += paragraph[at : found.start()]
            if found[2] in _OF_EDS:
                spans.append((len(text), len(text) + len(found[1]), _OF_EDS[found[2]]))
            text, at = text + found[1], found.end()
        yield text + paragraph[at:], spans


def _brat(path: Path) -> Iterator[LabelledText]:
    with tarfile.open(path) as archive:
        files = {one.name: archive.extractfile(one).read().decode() for one in archive if one.isfile()}  # type: ignore[union-attr]
    for name, text in sorted(files.items()):
        if name.endswith(".txt"):
            rows = (line.split("\t") for line in files[f"{name[:-4]}.ann"].splitlines() if line.startswith("T"))
            places = (place.split() for _, place, _ in rows)
            yield (
                text,
                [(int(start), int(end), _OF_MEDDOCAN[kind]) for kind, start, end in places if kind in _OF_MEDDOCAN],
            )
