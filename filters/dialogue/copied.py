# mypy: disallow-untyped-defs=False
"""How much of an answer is copied from what it answers: windows of characters that the prompt holds, too.

Both texts are lower-cased, their white space is one space each. A character of the answer is copied when one of the windows
of WINDOW characters that it lies in occurs in the prompt: some five words, so that names and terms are no copies. Tasks that
ask for a copy (correct, shorten, extract) copy for good reason, but not what asks for it: an echo holds that, too.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from gristmill.filters.dialogue.turns import ASSISTANT, turns_of
from gristmill.filters.text.unicode_tables import CLASS, LOWER, SPACE
from gristmill.kernels.compile import helper, kernel
from gristmill.kernels.hashing import murmur64
from gristmill.kernels.utf8 import next_code_point
from gristmill.schemas.signals import Family, Signal

WINDOW = 24
_BASE = np.uint64(0x9E3779B97F4A7C15)
POWER = np.uint64(pow(0x9E3779B97F4A7C15, WINDOW, 1 << 64))  # of the character that leaves a window
CHARACTERS, COPIED, ECHOED, BEFORE, EQUAL, DEFINED = range(6)
COLUMNS = 6

FAMILY = Family(
    name="copied_prompt",
    version=1,
    signals=(
        Signal(
            "copied_character_fraction",
            "float",
            "fraction",
            f"characters of the response in runs of {WINDOW} that the prompt holds",
            f"prompt or response has fewer than {WINDOW} characters",
        ),
        Signal(
            "prompt_echo_fraction",
            "float",
            "fraction",
            "the lesser of two shares: of the response that is copied, and of the message before it that the response repeats; "
            "0 where it repeats not both its first and its last characters, as a correction leaves out what asks for it",
            f"prompt, response or the message before it has fewer than {WINDOW} characters",
        ),
        Signal(
            "response_equals_prompt",
            "bool",
            "",
            "the response is the message before it, but for case and white space",
            "there is no response or nothing before it",
        ),
    ),
    measure="gristmill.filters.dialogue.copied:measure",
    source="this file",
    reads=("text", "pieces"),
    rows=("conversation",),
)


@helper
def _normalised(data, start, end, classes, lower, out):
    """data[start:end] as code points, lower-cased, runs of white space as one space, none at the ends; their number."""
    n, i, space = 0, start, False
    while i < end:
        cp, i = next_code_point(data, i)
        if classes[cp] & SPACE:
            space = n > 0
            continue
        if space:
            out[n] = 32
            n, space = n + 1, False
        out[n] = lower[cp]
        n += 1
    return n


@helper
def _rolled(key, cps, at):
    """The hash of the window that ends with cps[at], from that of the one before."""
    key = key * _BASE + np.uint64(cps[at] + 1)
    if at >= WINDOW:
        key -= POWER * np.uint64(cps[at - WINDOW] + 1)
    return key


@kernel
def _copied(prompt, n, answer, m, table):
    """(characters of `answer` in windows that `prompt` holds, whether its first and its last window are among them).

    table: scratch, a power of two of at least 2 n entries.
    """
    size = 2
    while size < 2 * n:
        size *= 2
    table[:size] = 0
    mask = np.uint64(size - 1)
    key = np.uint64(0)
    for at in range(n):
        key = _rolled(key, prompt, at)
        if at >= WINDOW - 1:
            mixed = murmur64(key) | np.uint64(1)  # 0 is an empty place
            slot = np.int64((mixed >> np.uint64(1)) & mask)
            while table[slot] != 0 and table[slot] != mixed:
                slot = (slot + 1) & np.int64(mask)
            table[slot] = mixed
    copied, reached, key, first = 0, 0, np.uint64(0), False
    for at in range(m):
        key = _rolled(key, answer, at)
        if at >= WINDOW - 1:
            mixed = murmur64(key) | np.uint64(1)
            slot = np.int64((mixed >> np.uint64(1)) & mask)
            while table[slot] != 0 and table[slot] != mixed:
                slot = (slot + 1) & np.int64(mask)
            if table[slot] == mixed:
                copied += at + 1 - max(reached, at + 1 - WINDOW)
                reached = at + 1
                first = first or at == WINDOW - 1
    return copied, first and reached == m


@kernel
def copies(data, prompts, befores, answers, classes, lower, longest, out):
    """Fill out (rows, COLUMNS). prompts, befores, answers: int64 (2, rows), where their bytes lie; longest: of them all."""
    prompt, answer = np.empty(longest + 1, np.int32), np.empty(longest + 1, np.int32)
    size = 2
    while size < 2 * longest:
        size *= 2
    table = np.empty(size, np.uint64)
    for row in range(prompts.shape[1]):
        m = _normalised(data, answers[0, row], answers[1, row], classes, lower, answer)
        out[row, CHARACTERS] = m
        n = _normalised(data, befores[0, row], befores[1, row], classes, lower, prompt)
        out[row, BEFORE] = n
        out[row, ECHOED] = -1
        if n >= WINDOW and m >= WINDOW:
            echoed, is_whole = _copied(answer, m, prompt, n, table)
            out[row, ECHOED] = echoed if is_whole else 0
        if n and m:
            out[row, DEFINED] = 1
            out[row, EQUAL] = n == m and np.array_equal(prompt[:n], answer[:m])
        n = _normalised(data, prompts[0, row], prompts[1, row], classes, lower, prompt)
        out[row, COPIED] = _copied(prompt, n, answer, m, table)[0] if n >= WINDOW and m >= WINDOW else -1


def measure(batch: pa.RecordBatch, options: Mapping[str, Any]) -> pa.RecordBatch:
    """How much the last assistant's turn copies; see FAMILY for the columns."""
    turns = turns_of(batch)
    prompts, answers = np.stack(turns.prompt()), np.stack(turns.response())
    last = turns.last(ASSISTANT)
    befores = np.stack(turns.span(np.where(last > turns.edges[:-1], last - 1, -1)))
    longest = int(max((spans[1] - spans[0]).max(initial=0) for spans in (prompts, befores, answers)))
    out = np.zeros((batch.num_rows, COLUMNS), np.int64)
    copies(turns.data, prompts, befores, answers, CLASS, LOWER, longest, out)
    undefined, unechoed = out[:, COPIED] < 0, (out[:, COPIED] < 0) | (out[:, ECHOED] < 0)
    copied = out[:, COPIED] / np.maximum(out[:, CHARACTERS], 1)
    echoed = out[:, ECHOED] / np.maximum(out[:, BEFORE], 1)
    columns = [
        pa.array(copied, mask=undefined),
        pa.array(np.minimum(copied, echoed), mask=unechoed),
        pa.array(out[:, EQUAL] == 1, mask=out[:, DEFINED] == 0),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=FAMILY.schema)


def copied_plainly(prompt: str, answer: str) -> float | None:
    """The share of `answer` that is copied from `prompt`, by comparing every window with every other."""
    prompt, answer = (" ".join(_lower_case(text).split()) for text in (prompt, answer))
    if len(prompt) < WINDOW or len(answer) < WINDOW:
        return None
    windows = {prompt[at : at + WINDOW] for at in range(len(prompt) - WINDOW + 1)}
    copied = {
        at + k for at in range(len(answer) - WINDOW + 1) if answer[at : at + WINDOW] in windows for k in range(WINDOW)
    }
    return len(copied) / len(answer)


def _lower_case(text: str) -> str:
    """The text with each character in its one-to-one lower case, as the kernel reads it."""
    return "".join(chr(LOWER[ord(char)]) for char in text)
