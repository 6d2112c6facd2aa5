"""Compiling kernels ahead, on every core: once per machine and version, then they come from the cache.

python -m gristmill.pipelines.engine.warm signals:FAMILY | text:VERSION | near:PART | contamination:all | shards:all
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
from gristmill.filters.registry import family
from gristmill.filters.transforms.apply import versioned_text
from gristmill.pipelines.console import Console
from gristmill.schemas.policy import ORIGINAL
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
    versions = {version for _, version in families} | set(text_versions)
    return sorted(set(names)) + [f"text:{version}" for version in sorted(versions - {ORIGINAL})]


def warm_kernels(wanted: Sequence[str], console: Console) -> None:
    """Compile what this machine has not compiled yet; each in a process of its own, as many at once as there are cores."""
    folder = Path(os.environ["NUMBA_CACHE_DIR"])
    missing = [name for name in wanted if not _marker(folder, name).exists()]
    if not missing:
        return
    console.log(f"compiling kernels, once on this machine: {', '.join(missing)}")
    with console.progress("compile", len(missing), "kernels") as advance:

        def compile_one(name: str) -> None:
            # A failure shows again, with its message, where the kernel is used.
            done = subprocess.run(
                [sys.executable, "-m", "gristmill.pipelines.engine.warm", name], capture_output=True, check=False
            )
            if done.returncode == 0:
                _marker(folder, name).parent.mkdir(parents=True, exist_ok=True)
                _marker(folder, name).touch()
            advance(1)

        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as executor:
            list(executor.map(compile_one, missing))


def _can_be_warmed(chosen: Family) -> bool:
    if chosen.prepare:
        return chosen.reads == ("text",)
    return not chosen.isolated and chosen.reads == ("text",) and chosen.check is None


def _marker(folder: Path, name: str) -> Path:
    return folder / "warm" / name.replace(":", "-")


def warm_one(name: str) -> None:
    """Run one family, text version or part of near-duplicate removal on a small text."""
    kind, _, what = name.partition(":")
    texts = pa.array([_TEXT, "", "word"], pa.large_string())
    if kind == "near":
        from gristmill.pipelines.dedup.near.warm import warm_near

        warm_near(what, texts)
    elif kind == "contamination":
        from gristmill.pipelines.decontaminate.stage import warm_contamination

        warm_contamination(texts)
    elif kind == "shards":
        from gristmill.pipelines.shards.warm import warm_shards

        warm_shards(texts)
    elif kind == "text":
        versioned_text(texts, what)
    else:
        one, batch = family(what), pa.record_batch({"text": texts})
        (one.prepared if one.prepare else one.function)(batch, one.default_options)


if __name__ == "__main__":
    warm_one(sys.argv[1])
