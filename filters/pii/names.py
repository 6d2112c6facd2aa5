"""Names of persons, places and organisations, by a spaCy pipeline that the user has; nothing is found without one.

Names are no patterns: how many are found, and how many wrongly, is the model's (`benchmarks/pii.py quality --model`).
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from gristmill.filters.pii.reserved import blanked
from gristmill.filters.pii.window import Found
from gristmill.schemas.errors import ModelError

KINDS = {
    "PERSON": "person",
    "PER": "person",
    "GPE": "location",
    "LOC": "location",
    "FAC": "location",
    "ORG": "organization",
}
SCORE = 0.85  # presidio's for what a model of this kind finds
MAX_CHARACTERS = 100_000  # texts are read in pieces of whole lines


def named_entities(text: str, path: str) -> Iterator[Found]:
    """The model's names in a text; placeholders and pseudonyms are blank to it."""
    offset = 0
    for piece in _pieces(blanked(text)):
        for entity in model(path)(piece).ents:
            if entity.label_ in KINDS and any(map(str.isalpha, entity.text)):
                yield Found(KINDS[entity.label_], offset + entity.start_char, offset + entity.end_char, SCORE)
        offset += len(piece)


def _pieces(text: str) -> Iterator[str]:
    piece = ""
    for line in text.splitlines(keepends=True):
        while len(line) > MAX_CHARACTERS:
            yield piece + line[: MAX_CHARACTERS - len(piece)]
            line, piece = line[MAX_CHARACTERS - len(piece) :], ""
        if len(piece) + len(line) > MAX_CHARACTERS:
            yield piece
            piece = ""
        piece += line
    if piece:
        yield piece


@cache
def model(path: str) -> Any:
    """The pipeline in a folder; ModelError when it is none or finds no names."""
    if not (Path(path) / "config.cfg").is_file():
        raise ModelError("no spaCy pipeline (config.cfg)", where=path, expected="the folder of a spaCy pipeline")
    import spacy

    try:
        loaded = spacy.load(path)
    except (OSError, ValueError, ImportError, KeyError) as error:
        raise ModelError(f"unreadable spaCy pipeline: {error}", where=path) from error
    if "ner" not in loaded.pipe_names:
        raise ModelError("a pipeline without `ner`", where=path, expected="a pipeline that finds names")
    return loaded
