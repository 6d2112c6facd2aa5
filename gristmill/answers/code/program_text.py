"""The program in a completion: a fenced block, the whole text, or the continuation of a prompt."""

import ast
import re

from gristmill.answers.final_answer import without_thinking

_FENCE = re.compile(
    r"^[ \t]*(?:```|~~~)[ \t]*([\w+#.-]*)[^\n]*\n(.*?)(?:^[ \t]*(?:```|~~~)[ \t]*$|\Z)", re.DOTALL | re.MULTILINE
)
_PYTHON = ("", "python", "py", "python3", "py3")


def fenced_blocks(text: str) -> list[str]:
    """The contents of the fenced blocks of a text that say they are Python or nothing, from first to last."""
    return [match[2] for match in _FENCE.finditer(text) if match[1].lower() in _PYTHON]


def defines(source: str, name: str) -> bool:
    """Whether Python source binds a name at its top level, as far as its lines tell."""
    return (
        re.search(rf"^(?:async\s+def|def|class)\s+{re.escape(name)}\b|^{re.escape(name)}\s*[:=]", source, re.MULTILINE)
        is not None
    )


def compiles(source: str) -> bool:
    """Whether a text is Python."""
    try:
        ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def program_parts(completion: str, entry_point: str | None, prompt: str) -> list[str]:
    """The pieces of source that a completion stands for, to be executed one after the other; none where there is no code.

    entry_point: the name that the tests call. prompt: the code that the completion was asked to go on with, or nothing. With
    several blocks the last one that defines the entry point counts, or all together where only all do.
    """
    text = without_thinking(completion)
    source = _chosen_block(fenced_blocks(text), entry_point)
    if source is None:
        source = text
    if not source.strip():
        return []
    if not prompt or (entry_point and defines(source, entry_point)):
        return [prompt, source] if prompt and compiles(prompt) else [source]
    return [_continued(prompt, source)]


def _chosen_block(blocks: list[str], entry_point: str | None) -> str | None:
    if not blocks:
        return None
    if entry_point is None:
        return blocks[-1]
    for block in reversed(blocks):
        if defines(block, entry_point) and compiles(block):
            return block
    joined = "\n".join(block for block in blocks if compiles(block))
    return joined if defines(joined, entry_point) else blocks[-1]


def _continued(prompt: str, source: str) -> str:
    """A prompt with its continuation; where that is no Python, up to the first line behind the function's body."""
    whole = prompt + source
    if compiles(whole):
        return whole
    end = re.search(r"\n(?=[^\s#])", source)
    shorter = prompt + source[: end.start() + 1] if end else whole
    return shorter if compiles(shorter) else whole
