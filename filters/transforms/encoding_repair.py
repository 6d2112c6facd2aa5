"""Repair of text decoded with the wrong encoding ("cafÃ©" -> "café"), by ftfy, as spans of the words that change.

ftfy looks at each line on its own and repairs what no writer would have typed. Only its encoding steps run here; quotes,
ligatures, widths and entities are the writer's. Source: Speer, ftfy (2019).
"""

import re
from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from functools import cache
from typing import Any

import pyarrow as pa
from gristmill.filters.options import with_defaults
from gristmill.filters.transforms.per_document import ByteOffsets, Span, edits_of_candidates, not_ascii, shared_prefix

REASON = "wrong_encoding"
DEFAULT_OPTIONS: dict[str, Any] = {"unescape_html": False}
MAX_DIFF_TOKENS = 500  # the diff is quadratic; a longer stretch of changes is one span
_TOKEN = re.compile(r"\s+|\S+")


def edits(texts: pa.Array, options: Mapping[str, Any]) -> pa.Array:
    """Edits that repair wrongly decoded text. Option unescape_html: also read entities in lines without a tag."""
    unescape = bool(with_defaults(options, DEFAULT_OPTIONS, "encoding_repair")["unescape_html"])
    candidate = not_ascii(texts).fill_null(False)
    if unescape:
        candidate = pa.array([True] * len(texts))
    return edits_of_candidates(texts.fill_null(""), candidate, lambda text: _spans(text, unescape))


def _spans(text: str, unescape: bool) -> Iterator[Span]:
    offsets = ByteOffsets(text)
    start = 0
    for line in text.split("\n"):
        if unescape or not line.isascii():
            fixed = _fixed(line, unescape)
            if fixed != line:
                for a, b, replacement in changed_words(line, fixed):
                    yield offsets[start + a], offsets[start + b], replacement, REASON
        start += len(line) + 1


def _fixed(line: str, unescape: bool) -> str:
    from ftfy import fix_text

    fixed = fix_text(line, _config(unescape))
    try:
        fixed.encode()
    except UnicodeEncodeError:  # half a surrogate pair is no text
        return line
    return fixed


@cache
def _config(unescape: bool) -> Any:
    from ftfy import TextFixerConfig

    return TextFixerConfig(
        unescape_html="auto" if unescape else False,
        remove_terminal_escapes=False,
        fix_latin_ligatures=False,
        fix_character_width=False,
        uncurl_quotes=False,
        fix_line_breaks=False,
        remove_control_chars=False,
        normalization=None,
        max_decode_length=1 << 30,
    )


def changed_words(before: str, after: str) -> Iterator[tuple[int, int, str]]:
    """(start, end, replacement) in characters of `before`, by words and gaps, that turn it into `after`."""
    old, new = _TOKEN.findall(before), _TOKEN.findall(after)
    same_head = shared_prefix(old, new)
    same_tail = shared_prefix(old[same_head:][::-1], new[same_head:][::-1])
    position = sum(map(len, old[:same_head]))
    old, new = old[same_head : len(old) - same_tail], new[same_head : len(new) - same_tail]
    if max(len(old), len(new)) > MAX_DIFF_TOKENS:
        yield position, position + sum(map(len, old)), "".join(new)
        return
    for tag, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        size = sum(map(len, old[a:b]))
        if tag != "equal":
            yield position, position + size, "".join(new[c:d])
        position += size
