"""Toxic words by lists the user brings, a list for each language, matched as C4 matches (`bad_words`).

The list is that of the document's language; `other` names one for documents of a language without a list. A word in a
list says nothing of how it is meant: lists drop medical, legal and reclaimed use along with abuse.

Source: TFDS text/c4_utils.py `get_clean_page_fn`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.filters.c4.bad_words import UNFLANKED_LANGUAGES, count_places, places, read_entries
from gristmill.filters.model_signals.spans import spans_text
from gristmill.filters.options import with_defaults
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.signals import Family, Signal

DEFAULT_OPTIONS: dict[str, Any] = {"lists": None, "other": None}
_NO_LIST = "there is no list for the document's language"

FAMILY = Family(
    name="toxic_words",
    version=1,
    signals=(
        Signal("toxic_words", "int", "places", "places where an entry of the language's list stands", _NO_LIST),
        Signal(
            "toxic_word_spans",
            "string",
            "characters",
            "`start-end` of these places, apart by spaces",
            f"{_NO_LIST}, or there is no such place",
        ),
    ),
    measure="gristmill.filters.model_signals.toxic_words:measure",
    source="TFDS, text/c4_utils.py, get_clean_page_fn",
    inputs=("language",),
    default_options=DEFAULT_OPTIONS,
    check="gristmill.filters.model_signals.toxic_words:check",
)


def check(options: Mapping[str, Any]) -> None:
    """RecipeError unless every language's list can be read."""
    chosen = with_defaults(options, DEFAULT_OPTIONS, "toxic_words")
    lists, other = chosen["lists"], chosen["other"]
    if not isinstance(lists, Mapping) or not lists:
        raise RecipeError(f"lists: {lists!r}", where="toxic_words", expected="lists: {en: FILE, ...}")
    for language, path in lists.items():
        if not read_entries(path, language):
            raise RecipeError(f"{path} has no entry", where=f"toxic_words.lists.{language}", expected="an entry a line")
    if other is not None and other not in lists:
        raise RecipeError(f"other: {other!r}", where="toxic_words", expected=f"one of {', '.join(sorted(lists))}")


def measure(batch: pa.RecordBatch, options: Mapping[str, Any]) -> pa.RecordBatch:
    """The signals of `text` by its `language`.

    lists: language -> a text file, an entry a line, or a JSON file `{language: [entries]}`. other: the language whose
    list stands in where there is none.
    """
    chosen = with_defaults(options, DEFAULT_OPTIONS, "toxic_words")
    texts, languages = batch.column("text"), batch.column("language").fill_null("")
    known = sorted(chosen["lists"])
    if chosen["other"] is not None:
        listed = pc.is_in(languages, pa.array(known, languages.type))
        languages = pc.if_else(listed, languages, pa.scalar(chosen["other"], languages.type))
    counts = np.full(batch.num_rows, -1, np.int64)
    spans: list[str | None] = [None] * batch.num_rows
    for language in known:
        rows = pc.indices_nonzero(pc.equal(languages, language))
        if not len(rows):
            continue
        entries, flanked = read_entries(chosen["lists"][language], language), language not in UNFLANKED_LANGUAGES
        some = texts.take(rows)
        found = count_places(some, entries, flanked)
        counts[rows.to_numpy()] = found
        for at in np.flatnonzero(found):
            spans[rows[at].as_py()] = spans_text(places(some[at].as_py(), entries, flanked))
    columns = [pa.array(counts, mask=counts < 0), pa.array(spans, pa.large_string())]
    return pa.RecordBatch.from_arrays(columns, schema=FAMILY.schema)
