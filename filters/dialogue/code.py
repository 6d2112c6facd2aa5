"""Code fences of a text: fences that are never closed, and Python and JSON in them that does not parse.

Fences are CommonMark's: three or more backticks or tildes, closed by at least as many of the same; indented as far as a
list indents them. Python is read by `ast.parse` of the running Python, never run; sessions (`>>>`) are read for what was
typed, and a notebook's `%` and `!` lines are left out. Python 2 does not parse. What a fence calls itself is believed.

Runs in worker processes with limits of time and memory: `ast` holds the interpreter lock, and may overflow on made-up code.
"""

import ast
import json
import re
import textwrap
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from gristmill.schemas.signals import Family, Signal

MAX_CODE_BYTES = 100_000  # longer code is not parsed, and counts as code that does
PYTHON = frozenset({"python", "py", "python3", "py3"})
JSON = frozenset({"json"})
_FENCE = re.compile(r"^[ \t>]*(`{3,}|~{3,})[ \t]*([^\s`{]*)(.*)$")
_MAGIC = re.compile(r"^\s*[%!]", re.M)

FAMILY = Family(
    name="code_fences",
    version=1,
    signals=(
        Signal("code_fence_count", "int", "fences", "fenced blocks of code"),
        Signal("unclosed_code_fence_count", "int", "fences", "fences that nothing closes: 0 or 1"),
        Signal("python_fence_count", "int", "fences", "closed fences that call themselves Python"),
        Signal("unparsed_python_fence_count", "int", "fences", "of these, those that are no Python 3"),
        Signal("json_fence_count", "int", "fences", "closed fences that call themselves JSON"),
        Signal("unparsed_json_fence_count", "int", "fences", "of these, those that are no JSON"),
    ),
    measure="gristmill.filters.dialogue.code:measure",
    prepare="gristmill.filters.dialogue.code:prepare",
    source="CommonMark 0.31, fenced code blocks; Python's ast and json",
    isolated=True,
)


def fences(text: str) -> Iterator[tuple[str, str, bool]]:
    """(language, code, whether it is closed) of each fence."""
    mark, language = "", ""
    lines: list[str] = []
    for line in text.split("\n"):
        found = _FENCE.match(line)
        if not mark:
            if found and not (found[1][0] == "`" and "`" in found[3]):
                mark, language, lines = found[1], found[2].lower(), []
        elif found and found[1][0] == mark[0] and len(found[1]) >= len(mark) and not (found[2] + found[3]).strip():
            yield language, "\n".join(lines), True
            mark = ""
        else:
            lines.append(line)
    if mark:
        yield language, "\n".join(lines), False


def parses_as_python(code: str) -> bool:
    """Whether `code` is Python of this interpreter's grammar."""
    code = textwrap.dedent(code.replace("\r\n", "\n").replace("\r", "\n"))
    if re.search(r"^>>> ?", code, re.M):
        typed = [line[4:] for line in code.split("\n") if line.startswith((">>> ", "... ", ">>>", "..."))]
        code = "\n".join(typed)
    code = "\n".join(
        "pass" if _MAGIC.match(line) and "=" not in line.split("#")[0][:1] else line for line in code.split("\n")
    )
    if len(code.encode("utf-8", "replace")) > MAX_CODE_BYTES:
        return True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def parses_as_json(code: str) -> bool:
    """Whether `code` is one JSON value, or one for each line (JSON Lines)."""
    if len(code) > MAX_CODE_BYTES:
        return True
    return _is_json(code) or all(_is_json(line) for line in code.split("\n") if line.strip())


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def prepare(batch: pa.RecordBatch, options: Mapping[str, Any]) -> pa.RecordBatch:
    """The texts that hold a fence; of the others nothing is sent to a worker."""
    texts = batch.column("text").fill_null("")
    fenced = pc.match_substring_regex(texts, r"(?m)^[ \t>]*(?:```|~~~)")
    return batch.set_column(
        batch.schema.get_field_index("text"), "text", pc.if_else(fenced, texts, pa.scalar("", pa.large_string()))
    )


def measure(batch: pa.RecordBatch, options: Mapping[str, Any]) -> pa.RecordBatch:
    """The fences of `text`; see FAMILY for the columns."""
    rows = [_counts(text) if text else (0,) * 6 for text in batch.column("text").to_pylist()]
    columns = [pa.array([row[number] for row in rows], pa.int64()) for number in range(6)]
    return pa.RecordBatch.from_arrays(columns, schema=FAMILY.schema)


def _counts(text: str) -> tuple[int, ...]:
    found = list(fences(text))
    python = [code for language, code, closed in found if closed and language in PYTHON]
    as_json = [code for language, code, closed in found if closed and language in JSON]
    return (
        *(len(found), sum(not closed for _, _, closed in found)),
        *(len(python), sum(not parses_as_python(code) for code in python)),
        *(len(as_json), sum(not parses_as_json(code) for code in as_json)),
    )
