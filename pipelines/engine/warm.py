"""Compiling kernels ahead, on every core: once per machine and version, then they come from the cache.

`main`, in a process of its own, reads names, a line each: signals:FAMILY | text:VERSION |
MODULE:FUNCTION, which is called with a few texts. It answers each with the same line once its kernels are compiled, with an
empty one when they could not be.
"""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout, suppress
from pathlib import Path

import pyarrow as pa
from gristmill.console import Console
from gristmill.filters.registry import family
from gristmill.filters.transforms.apply import versioned_text
from gristmill.filters.transforms.versions import split_version
from gristmill.kernels.compile import kernel_folder
from gristmill.schemas.errors import GristmillError
from gristmill.schemas.lookup import load_object
from gristmill.schemas.own_process import command_of
from gristmill.schemas.recipe.rules import ORIGINAL
from gristmill.schemas.signals import Family

# Enough of everything that a kernel may branch on: lines, paragraphs, marks, scripts, repeated and odd characters.
_TEXT = (
    "The river and its banks moved with every flood, and the mill had to follow.\n\nThe river and its banks…\n"
    "- a point of the list\n• another (12 %): see https://example.org/a?b=c or write to me@example.org\r\n"
    "Être ou ne pas être, das ist hier die Frage. \u00c3\u00a9 e\u0301 中文 かな \u200b\t\x07 don't!\n" * 3
)


def kernels_of(families: Sequence[tuple[str, str]], text_versions: Sequence[str]) -> list[str]:
    """What to warm for families measured on text versions, and for text versions written."""
    names = [f"signals:{name}" for name, _ in families if _can_be_warmed(family(name))]
    versions = {split_version(version)[1] for version in {*(version for _, version in families), *text_versions}}
    return sorted(set(names)) + [f"text:{version}" for version in sorted(versions - {ORIGINAL})]


def warm_kernels(wanted: Sequence[str], console: Console) -> None:
    """Compile what this machine has not compiled yet, in as many processes as there are cores.

    A kernel that fails to compile shows again, with its message, where it is used.
    """
    folder = kernel_folder()
    missing = [name for name in wanted if not _marker(folder, name).exists()]
    if not missing:
        return
    console.log(f"compiling kernels, once on this machine: {', '.join(missing)}")
    processes = min(len(missing), len(os.sched_getaffinity(0)))
    waiting = iter(spread_by_prefix(missing))
    with console.progress("compile", len(missing), "kernels") as advance:

        def done(name: str, compiled: bool) -> None:
            if compiled:
                _marker(folder, name).parent.mkdir(parents=True, exist_ok=True)
                _marker(folder, name).touch()
            advance(1)

        with ThreadPoolExecutor(processes) as executor:
            try:
                list(executor.map(lambda _: _compile_in_a_process(waiting, done), range(processes)))
            finally:  # after an interrupt nothing more is begun
                list(waiting)


def spread_by_prefix(names: Sequence[str]) -> list[str]:
    """One name of each prefix first, then the second of each: kernels named alike share parts, so that most parts are
    in the cache before another process wants them."""
    seen: Counter[str] = Counter()
    turns = []
    for name in names:
        prefix = name.partition("_")[0]
        turns.append(seen[prefix])
        seen[prefix] += 1
    return [name for _, name in sorted(zip(turns, names, strict=True), key=lambda turn: turn[0])]


def _compile_in_a_process(waiting: Iterator[str], done: Callable[[str, bool], None]) -> None:
    """Take names one by one and have them compiled; a process that dies is followed by another one."""
    command = command_of("gristmill.pipelines.engine.warm")
    process = None
    for name in waiting:
        if process is None:
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(name + "\n")
            process.stdin.flush()
            answer = process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        done(name, answer == name + "\n")
        if not answer:
            process.communicate()
            process = None
    if process is not None:
        process.communicate()


def _can_be_warmed(chosen: Family) -> bool:
    """Whether a family measures bare texts, and needs no model or list that a recipe must name."""
    if chosen.reads != ("text",) or chosen.inputs:
        return False
    try:
        chosen.check_options({})
    except GristmillError:
        return False
    return True


def _marker(folder: Path, name: str) -> Path:
    return folder / "warm" / name.replace(":", "-")


def warm_one(name: str) -> None:
    """Run one family, one text version, or the function of a step on a few texts."""
    kind, _, what = name.partition(":")
    texts = pa.array([_TEXT, "", "word"], pa.large_string())
    if kind == "text":
        versioned_text(texts, what)
    elif kind == "signals":
        one, batch = family(what), pa.record_batch({"text": texts})
        options = one.complete_options({})
        one.function(one.prepared(batch, options), options)
    else:
        load_object(name)(texts)


def load_kernels(names: Sequence[str]) -> None:
    """Warm each name in this process, so that its kernels are there when they are needed; families that run in workers are
    left out. What fails here shows again, with its message, where it is used."""
    for name in names:
        kind, _, what = name.partition(":")
        if kind != "signals" or not family(what).isolated:
            with suppress(Exception):
                warm_one(name)


def main() -> None:
    """Warm each name on standard input, and say so."""
    answers = sys.stdout
    with redirect_stdout(sys.stderr):
        for line in sys.stdin:
            name = line.strip()
            try:
                warm_one(name)
            except Exception:
                name = ""
            print(name, file=answers, flush=True)
