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
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.paths import RecipePath
from gristmill.schemas.signals import Family, Signal
from gristmill.schemas.strict import LanguageName, Strict
from pydantic import Field, model_validator

_NO_LIST = "there is no list for the document's language"


class ToxicWordsOptions(Strict):
    """Options of the family `toxic_words`."""

    lists: dict[LanguageName, RecipePath] = Field(
        min_length=1,
        description="language -> a text file, an entry a line, or a JSON file `{language: [entries]}`",
        examples=[{"en": "words.txt"}],
    )
    other: LanguageName | None = Field(
        None, description="the language whose list stands in for documents of a language without one"
    )

    @model_validator(mode="after")
    def _other_has_a_list(self) -> "ToxicWordsOptions":
        if self.other is not None and self.other not in self.lists:
            raise ValueError(f"other: {self.other!r} has no list; expected one of {', '.join(sorted(self.lists))}")
        return self


FAMILY = Family(
    name="toxic_words",
    version=1,
    signals=(
        Signal("toxic_words", "int", "places", "places where an entry of the language's list stands", _NO_LIST),
        Signal(
            "toxic_word_spans",
            "string",
            "characters",
            "`start-end` of these places, separated by spaces",
            f"{_NO_LIST}, or there is no such place",
        ),
    ),
    measure="gristmill.filters.model_signals.toxic_words:measure",
    source="TFDS, text/c4_utils.py, get_clean_page_fn",
    inputs=("language",),
    options=ToxicWordsOptions,
    check="gristmill.filters.model_signals.toxic_words:check",
)


def check(options: Mapping[str, Any]) -> None:
    """RecipeError unless every language's list can be read."""
    for language, path in ToxicWordsOptions.model_validate(options).lists.items():
        if not read_entries(path, language):
            raise RecipeError(f"{path} has no entry", where=f"toxic_words.lists.{language}", expected="an entry a line")


def measure(batch: pa.RecordBatch, options: Mapping[str, Any]) -> pa.RecordBatch:
    """The signals of `text` by its `language`. options: see ToxicWordsOptions."""
    chosen = ToxicWordsOptions.model_validate(options)
    texts, languages = batch.column("text"), batch.column("language").fill_null("")
    known = sorted(chosen.lists)
    if chosen.other is not None:
        listed = pc.is_in(languages, pa.array(known, languages.type))
        languages = pc.if_else(listed, languages, pa.scalar(chosen.other, languages.type))
    counts = np.full(batch.num_rows, -1, np.int64)
    spans: list[str | None] = [None] * batch.num_rows
    for language in known:
        rows = pc.indices_nonzero(pc.equal(languages, language))
        if not len(rows):
            continue
        entries, flanked = read_entries(chosen.lists[language], language), language not in UNFLANKED_LANGUAGES
        some = texts.take(rows)
        found = count_places(some, entries, flanked)
        counts[rows.to_numpy()] = found
        for at in np.flatnonzero(found):
            spans[rows[at].as_py()] = spans_text(places(some[at].as_py(), entries, flanked))
    columns = [pa.array(counts, mask=counts < 0), pa.array(spans, pa.large_string())]
    return pa.RecordBatch.from_arrays(columns, schema=FAMILY.schema)
