"""C4's page facts and line rules, in the four definitions that go by that name; which one decides is named.

`datatrove` keeps lines of >= 3 words, counted before citation marks go, that end in . ? ! " or ' but not in an
ellipsis, with no word above 1000 characters; >= 5 sentences by spaCy's sentencizer. `lorem ipsum` and `{` drop a page
only where the earlier line rules let the line through. `datatrove_any_end` is the same without the end mark, as FineWeb
runs it. `code` has >= 5 words, counted after citation marks go, the end marks . ? ! " and >= 3 sentences. `paper` has
>= 3 words, the end marks . ? ! " and >= 5 sentences; `lorem ipsum` and `{` anywhere drop the page.

All remove lines with `javascript` or one of six policy phrases, and Wikipedia's citation marks. Lines are those of
`str.splitlines()`. `code` and `paper` count sentences with `filters/text/sentence_rule.py`, because the trained Punkt
model of the original is not part of any package; `paper` names no ellipsis and no long-word rule and has none.
Dolma's tagger (`c4_v2`) removes nothing and flags: its facts are in family `c4_dolma`.

Sources: datatrove 0.10.1 `C4QualityFilter`; TFDS `text/c4_utils.py` `clean_page`; Raffel et al. 2020 (JMLR 21:140),
section 2.2; Dolma 1.2.1 `taggers/c4.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from gristmill.filters.c4 import scan as c4_scan
from gristmill.filters.options import SpacyOptions
from gristmill.filters.text.scratch import longest_document_bytes
from gristmill.filters.text.sentence_rule import ABBREVIATION_KEYS
from gristmill.filters.text.unicode_tables import CLASS, LOWER
from gristmill.kernels.buffers import string_buffers
from gristmill.schemas.recipe.rules import Profile, Rule
from gristmill.schemas.signals import Family, NoOptions, Signal


@dataclass(frozen=True)
class C4Definition:
    """The switches in which the definitions of C4's line rules differ; -1 is off.

    end_marks: 0 none, 1 `. ? ! "`, 2 also `'`.
    """

    end_marks: int
    ellipsis_fails: bool
    max_word_length: int
    min_words: int
    words_after_citations: bool
    phrases_anywhere: bool
    sentences: str

    @property
    def switches(self) -> np.ndarray:
        """The definition as the kernels read it."""
        numbers = (
            self.end_marks,
            self.ellipsis_fails,
            self.max_word_length,
            self.min_words,
            self.words_after_citations,
            self.phrases_anywhere,
            self.sentences == "rule",
        )
        return np.array(numbers, dtype=np.int64)


DEFINITIONS: dict[str, C4Definition] = {
    "datatrove": C4Definition(2, True, 1000, 3, False, False, "spacy"),
    "datatrove_any_end": C4Definition(0, False, 1000, 3, False, False, "spacy"),
    "code": C4Definition(1, True, 1000, 5, True, False, "rule"),
    "paper": C4Definition(1, False, -1, 3, True, True, "rule"),
}


def _measure(name: str, batch: pa.RecordBatch, options: Mapping[str, Any]) -> pa.RecordBatch:
    """The page facts of `text` in the definition `name`. options: see SpacyOptions, of datatrove's definitions.

    Columns: lines, kept lines, kept sentences (int), lorem ipsum, curly bracket (bool).
    """
    texts = batch.column(0)
    facts = page_facts(texts, DEFINITIONS[name])
    if DEFINITIONS[name].sentences == "spacy":
        facts[:, c4_scan.SENTENCES] = _spacy_sentences(
            texts, DEFINITIONS[name], SpacyOptions.model_validate(options).exact
        )
    columns = [
        pa.array(facts[:, c4_scan.LINES]),
        pa.array(facts[:, c4_scan.KEPT_LINES]),
        pa.array(facts[:, c4_scan.SENTENCES]),
        pa.array(facts[:, c4_scan.LOREM_IPSUM] != 0),
        pa.array(facts[:, c4_scan.CURLY_BRACKET] != 0),
    ]
    return pa.RecordBatch.from_arrays(columns, [signal.name for signal in _signals(name)])


measure_datatrove = partial(_measure, "datatrove")
measure_datatrove_any_end = partial(_measure, "datatrove_any_end")
measure_code = partial(_measure, "code")
measure_paper = partial(_measure, "paper")


def page_facts(texts: pa.Array, definition: C4Definition) -> np.ndarray:
    """int64 (rows, c4_scan.FACTS) of the page facts, sentences by the compiled rule."""
    data, offsets = string_buffers(texts)
    facts = np.zeros((len(texts), c4_scan.FACTS), dtype=np.int64)
    space = c4_scan.workspace(longest_document_bytes(offsets))
    c4_scan.page_facts(data, offsets, space, CLASS, LOWER, ABBREVIATION_KEYS, definition.switches, facts)
    return facts


def _spacy_sentences(texts: pa.Array, definition: C4Definition, exact: bool) -> np.ndarray:
    """int64 (rows,): sentences of the kept lines, each line split on its own, as datatrove counts them."""
    from gristmill.filters.text.sentences import sentence_counts

    data, offsets = string_buffers(texts)
    out = np.empty(int(offsets[-1] - offsets[0]), dtype=np.uint8)
    out_offsets = np.zeros(len(texts) + 1, dtype=np.int64)
    space = c4_scan.workspace(longest_document_bytes(offsets))
    c4_scan.lines_for_sentences(
        data, offsets, space, CLASS, LOWER, ABBREVIATION_KEYS, definition.switches, out, out_offsets
    )
    out = out[: out_offsets[-1]]
    edges = np.concatenate([out_offsets, np.flatnonzero(out == ord("\n")) + 1])
    edges.sort(kind="stable")  # two ascending runs: merged, not sorted
    edges = edges[np.diff(edges, prepend=-1) != 0]
    lines = pa.LargeStringArray.from_buffers(len(edges) - 1, pa.py_buffer(edges), pa.py_buffer(out))
    totals = np.concatenate([[0], np.cumsum(sentence_counts(lines, exact))])
    return np.diff(totals[np.searchsorted(edges, out_offsets)])


def _signals(name: str) -> tuple[Signal, ...]:
    prefix = f"c4_{name}"
    where = "anywhere on the page" if DEFINITIONS[name].phrases_anywhere else "on a line the earlier line rules kept"
    return (
        Signal(f"{prefix}_lines", "int", "lines", "lines of the page, blank ones too"),
        Signal(f"{prefix}_kept_lines", "int", "lines", f"lines that C4's line rules keep ({name})"),
        Signal(f"{prefix}_sentences", "int", "sentences", f"sentences on the kept lines ({name})"),
        Signal(f"{prefix}_lorem_ipsum", "bool", "", f"`lorem ipsum` in any case, {where}"),
        Signal(f"{prefix}_curly_bracket", "bool", "", f"a `{{`, {where}"),
    )


def _family(name: str, source: str) -> Family:
    spacy = DEFINITIONS[name].sentences == "spacy"
    return Family(
        name=f"c4_{name}",
        version=1,
        signals=_signals(name),
        measure=f"gristmill.filters.c4.lines:measure_{name}",
        source=source,
        options=SpacyOptions if spacy else NoOptions,
        libraries=("spacy",) if spacy else (),
    )


_DATATROVE_SOURCE = "datatrove 0.10.1, pipeline/filters/c4_filters.py, C4QualityFilter"
_CODE_SOURCE = "TFDS, text/c4_utils.py, clean_page"
_PAPER_SOURCE = "Raffel et al. 2020, JMLR 21:140, section 2.2"

DATATROVE = _family("datatrove", _DATATROVE_SOURCE)
DATATROVE_ANY_END = _family("datatrove_any_end", f"{_DATATROVE_SOURCE}, filter_no_terminal_punct=False")
CODE = _family("code", _CODE_SOURCE)
PAPER = _family("paper", _PAPER_SOURCE)


def _profile(name: str, min_sentences: int, source: str, description: str) -> Profile:
    return Profile(
        name=f"c4@{name}",
        description=description,
        source=source,
        languages=("en",),
        text_version=f"c4_lines_{name}",
        rules=(
            Rule(name="lorem_ipsum", signal=f"c4_{name}_lorem_ipsum", keep="== false", source=source),
            Rule(name="curly_bracket", signal=f"c4_{name}_curly_bracket", keep="== false", source=source),
            Rule(name="few_sentences", signal=f"c4_{name}_sentences", keep=f">= {min_sentences}", source=source),
        ),
    )


C4_DATATROVE = _profile(
    "datatrove", 5, _DATATROVE_SOURCE, "C4 as datatrove runs it by default; sentences as spaCy's sentencizer cuts them."
)
C4_CODE = _profile(
    "code", 3, _CODE_SOURCE, "C4 as the code that made the data set has it; sentences by our rule instead of Punkt."
)
C4_PAPER = _profile("paper", 5, _PAPER_SOURCE, "C4 as the journal article describes it, without what it does not name.")
