"""Whether a text stops in the middle: what an answer looks like that ran into a limit of length.

A text ends in the middle where its last line is prose and ends with a word that wants another one, a comma, an open
bracket or a hyphen; or with no mark at all although the lines of prose before it all end with one. An answer of one line
without a mark ("Paris") is whole, as are lists, tables, code, headings and addresses.
Words that want another one are English, German, French, Spanish, Italian and Portuguese; the rest holds in any script with
sentence marks. `truncated_by_length` of `conversation_structure` says it for sure where the data does.
"""

import re
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from gristmill.schemas.signals import Family, Signal

# Articles, prepositions and conjunctions that no sentence ends with.
_OPEN_WORDS = {
    "en": "a an and as at because between but for from if into of or that than the their to toward which while with without",
    "de": "und oder der die das dem den des ein eine einer eines mit von vom zum zur für weil dass sowie durch zwischen",
    "fr": "et ou le la les du des un une avec pour dans sur par que qui dont",
    "es": "y o el los las del una con para por en",
    "it": "e il lo gli della dei di da per che",
    "pt": "os do dos das um uma com",
}
OPEN_WORDS = frozenset(word for words in _OPEN_WORDS.values() for word in words.split())
OPEN_MARKS = ",;:([{–—-/&+=«“‘"
ENDS = ".!?…。！？؟।።」』”\"'’)]}»*`|>~"
_LIST = re.compile(r"\s*(?:[-*+•‣◦#>|]|\d{1,3}[.)]|[a-zA-Z][.)]\s|\[|```|~~~|\$\$|\\)")
_ADDRESS = re.compile(r"\S*(?:://|www\.|@)\S*$")
_LAST_CHARACTERS = 2000  # what is looked at

FAMILY = Family(
    name="truncation",
    version=1,
    signals=(
        Signal("ends_mid_sentence", "bool", "", "the text stops in the middle of a sentence", "the text is blank"),
    ),
    measure="gristmill.filters.dialogue.truncation:measure",
    source="this file",
)


def ends_mid_sentence(text: str) -> bool | None:
    """Whether a text (its last characters are enough) stops in the middle of a sentence; None of a blank one."""
    text = text.rstrip()
    if not text:
        return None
    lines = [line for line in text.split("\n") if line.strip()]
    last = lines[-1]
    if text.count("```") % 2 or _ADDRESS.search(last):
        return False  # code, which `unclosed_code_fence_count` tells, or an address
    words = last.split()
    if _LIST.match(last):
        return len(words) > 4 and words[-1].lower() in OPEN_WORDS
    if last[-1] in ENDS or (last[-1] == ":" and len(words) < 8):
        return False
    if len(words) > 3 and (words[-1].lower() in OPEN_WORDS or last[-1] in OPEN_MARKS):
        return True
    prose = [line.rstrip() for line in lines[:-1] if len(line.split()) > 5 and not _LIST.match(line)]
    sentences = len(re.findall(r"[.!?]\s", last)) + last.count("。") + last.count("！") + last.count("？")
    marked = sum(line[-1] in ENDS + ":" for line in prose)
    is_prose = len(words) > 5 or sum(char > "\u2e80" for char in last) > 15
    return is_prose and marked == len(prose) and marked + sentences >= 2


def measure(batch: pa.RecordBatch, options: Mapping[str, Any]) -> pa.RecordBatch:
    """How `text` ends; see FAMILY for the column."""
    texts = pc.utf8_slice_codeunits(
        pc.utf8_rtrim_whitespace(batch.column("text").fill_null("")), -_LAST_CHARACTERS, None
    )
    ends = [ends_mid_sentence(text) for text in texts.to_pylist()]
    return pa.RecordBatch.from_arrays([pa.array(ends, pa.bool_())], schema=FAMILY.schema)
