"""Removal of characters that are no text: controls, byte order marks, and on request other invisible ones.

Controls that end a line in Unicode (vertical tab, form feed, file to record separator, next line) become a line feed,
so that no words run together. Tab, line feed and carriage return stay.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from gristmill.filters.options import with_defaults
from gristmill.filters.transforms.per_document import ByteOffsets, Span, edits_of_candidates
from gristmill.schemas.errors import RecipeError

LINE_ENDS = "\x0b\x0c\x1c\x1d\x1e\x85"
CLASSES: dict[str, str] = {  # name -> members of a character class, in the syntax that `re` and RE2 share
    "control": r"\x{0}-\x{8}\x{B}\x{C}\x{E}-\x{1F}\x{7F}-\x{9F}",
    "byte_order_mark": r"\x{FEFF}",
    "zero_width_space": r"\x{200B}\x{2060}",  # never the joiners: Persian, Indic scripts and emoji need them
    "soft_hyphen": r"\x{AD}",
    "bidi_control": r"\x{61C}\x{200E}\x{200F}\x{202A}-\x{202E}\x{2066}-\x{2069}",
    "private_use": r"\x{E000}-\x{F8FF}\x{F0000}-\x{FFFFD}\x{100000}-\x{10FFFD}",
    "replacement_character": r"\x{FFFD}",
}
DEFAULT_OPTIONS = {"remove": ("control", "byte_order_mark")}


def edits(texts: pa.Array, options: Mapping[str, Any]) -> pa.Array:
    """Edits that remove the classes of characters named by option `remove`; the reason is the class's name."""
    names = tuple(with_defaults(options, DEFAULT_OPTIONS, "control_characters")["remove"])
    for name in names:
        if name not in CLASSES:
            raise RecipeError(f"class {name!r}", expected=f"one of {', '.join(CLASSES)}", where="control_characters")
    if not names:
        return edits_of_candidates(texts, pa.array([False] * len(texts)), lambda text: iter(()))
    members = "".join(CLASSES[name] for name in names)
    candidate = pc.match_substring_regex(texts, f"[{members}]")
    return edits_of_candidates(texts, candidate, lambda text: _spans(text, names))


def _spans(text: str, names: tuple[str, ...]) -> Iterator[Span]:
    offsets = ByteOffsets(text)
    for run in _runs(names).finditer(text):
        reason = run.lastgroup
        assert reason
        replacement = "\n" if run.group()[0] in LINE_ENDS else ""
        yield offsets[run.start()], offsets[run.end()], replacement, reason


@cache
def _runs(names: tuple[str, ...]) -> re.Pattern[str]:
    """One group for each class; a control that ends a line stands alone."""
    groups = []
    for name in names:
        members = re.sub(r"\\x\{(\w+)\}", lambda m: f"\\U{int(m.group(1), 16):08X}", CLASSES[name])
        one = f"[{members}]"
        groups.append(
            f"(?P<{name}>[{LINE_ENDS}]|(?:(?![{LINE_ENDS}]){one})+)" if name == "control" else f"(?P<{name}>{one}+)"
        )
    return re.compile("|".join(groups))
