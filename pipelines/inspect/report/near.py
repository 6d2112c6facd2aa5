"""What a report says of near duplicates: counts from the decision, diffs of the pairs at the similarity edge."""

from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from typing import Any

from gristmill.pipelines.inspect.report.samples import rows_of_part
from gristmill.pipelines.run.run import Run
from gristmill.pipelines.write.pii import shown_texts
from gristmill.schemas.report import Amount, DiffPiece, NearDuplicates, NearPair

DIFF_WORDS = 4000  # of each text: the comparison takes time with the square of its length at worst
CONTEXT_WORDS = 12
MAX_PIECES = 40


def near_duplicates(run: Run, removed: Mapping[str, list[int]]) -> NearDuplicates | None:
    """None when the run did not look for near duplicates. removed: kind -> documents, bytes, tokens."""
    near = run.recipe.dedup.near
    facts = run.decisions.facts.get("near")
    if near is None or facts is None:
        return None
    names = ("documents", "bytes", "tokens")
    amounts = {
        kind: Amount(**dict(zip(names, removed.get(kind, (0, 0, 0)), strict=True)))
        for kind in ("exact_only", "near_only", "both")
    }
    return NearDuplicates(
        similarity=near.similarity,
        link=near.link,
        **{name: facts[name] for name in ("compared", "verified", "refuted", "left_by_cap", "clusters_by_size")},
        chained=facts.get("chained", 0),
        eccentricity=facts.get("eccentricity"),
        **amounts,
        edge=[_pair(run, entry, near.similarity) for entry in facts["edge"]],
    )


def _pair(run: Run, entry: Mapping[str, Any], least: float) -> NearPair:
    similarity = entry["shared"] / entry["total"]
    texts = [_text(run, part, row) for _, part, row in (entry["earlier"], entry["later"])]
    pieces = None if None in texts else word_diff(*(text or "" for text in texts))
    return NearPair(
        similarity=similarity,
        similar=similarity >= least,
        earlier=entry["earlier"][0],
        later=entry["later"][0],
        pieces=pieces,
    )


def _text(run: Run, part: int, row: int) -> str | None:
    found: str | None = rows_of_part(run.storage, run.documents.parts[part], [row], ["text"])[row]["text"]
    return shown_texts(run.recipe)(found)


def word_diff(earlier: str, later: str) -> list[DiffPiece]:
    """How the first DIFF_WORDS words differ; long stretches that are the same keep CONTEXT_WORDS at either end.

    >>> [(piece.kind, piece.text) for piece in word_diff("one two three", "one 2 three")]
    [('same', 'one'), ('earlier', 'two'), ('later', '2'), ('same', 'three')]
    """
    return list(_pieces(earlier.split()[:DIFF_WORDS], later.split()[:DIFF_WORDS]))[:MAX_PIECES]


def _pieces(one: list[str], other: list[str]) -> Iterator[DiffPiece]:
    for tag, i, j, k, m in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        if tag == "equal":
            yield DiffPiece(kind="same", text=_shortened(one[i:j]))
            continue
        if i < j:
            yield DiffPiece(kind="earlier", text=_shortened(one[i:j]))
        if k < m:
            yield DiffPiece(kind="later", text=_shortened(other[k:m]))


def _shortened(words: list[str]) -> str:
    if len(words) <= 2 * CONTEXT_WORDS:
        return " ".join(words)
    left_out = len(words) - 2 * CONTEXT_WORDS
    return " ".join([*words[:CONTEXT_WORDS], f"[… {left_out:,} words …]", *words[-CONTEXT_WORDS:]])
