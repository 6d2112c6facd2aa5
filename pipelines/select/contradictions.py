"""Contradictions: prompts that are nearly the same, with final answers of one kind that differ.

In: embeddings/vectors, the signal `final_answer` of the answers. Out: `contradictions`, a row for each pair, and
`signals/contradictions`, aligned with documents/: how many rows of the same prompt say otherwise, and whether more of them
do than say so, of all rows, however many they are. Rows with a final
answer are walked in the order of their ids; each stands with the kept row that it is most similar to, and pairs are looked for
among those that stand together, so that equal prompts always meet. Every pair is verified.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.filters.dialogue.contradictions import FAMILY
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.measure.families import signals_spec, write_signals
from gristmill.pipelines.policy.compile import answers_family
from gristmill.pipelines.run.context import RunContext
from gristmill.pipelines.run.dataset import read_part
from gristmill.pipelines.run.run import Run
from gristmill.pipelines.run.stages import layout_fingerprint
from gristmill.pipelines.run.step import Place, Step
from gristmill.pipelines.run.units import UnitWriter
from gristmill.pipelines.select.walk import walk
from gristmill.schemas import layout
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.layout import DatasetSpec
from gristmill.schemas.manifest import DatasetManifest
from gristmill.schemas.recipe.corpus import Recipe
from gristmill.schemas.recipe.curate import Contradictions
from gristmill.schemas.recipe.rules import ORIGINAL
from gristmill.schemas.rows.embedding import CONTRADICTION

MAX_PAIRS = 20  # of each row: of a prompt asked a thousand times, not all half a million
SHOWN = 50


class FindContradictions(Step):
    """Pairs of rows that answer nearly the same prompt differently."""

    name = "contradictions"
    phase = "measure"

    def check(self, recipe: Recipe) -> None:
        answers_family(recipe)
        if recipe.embed is None:
            raise RecipeError(
                "prompts are compared by vectors, and none are made",
                where="contradictions",
                expected="`embed: {view: prompt}` in the recipe",
            )

    def datasets(self) -> Sequence[DatasetSpec]:
        return (layout.CONTRADICTIONS,)

    def update(self, context: RunContext) -> None:
        options, key = context.recipe.contradictions, answers_family(context.recipe)
        assert options is not None
        assert key is not None
        vectors, answers = context.made(layout.EMBEDDINGS), context.signals[key]
        inputs = {"documents": layout_fingerprint(context.documents), "embeddings": layout_fingerprint(vectors)}
        inputs[f"signals/{key[0]}@{key[1]}"] = answers.digest
        stage = context.stage(layout.CONTRADICTIONS, options.model_dump(), inputs)
        given = _Given(context.storage, vectors, answers, options)

        def work() -> dict[str, Any]:
            rows = _contradicting(given.names, given.said, given.ordered, given.groups, options.min_similarity)
            with UnitWriter(context.storage, stage.spec, "pairs") as unit:
                unit.write(rows)
            return {"answers": len(given.names)}

        context.add(layout.CONTRADICTIONS, stage.run(work, context.console.log))
        context.signals[FAMILY.name, ORIGINAL] = self._signals(context, options, inputs, given)

    def _signals(
        self, context: RunContext, options: Contradictions, inputs: Mapping[str, str], given: "_Given"
    ) -> DatasetManifest:
        spec = signals_spec(FAMILY.name, ORIGINAL)
        stage = context.stage(spec, {**options.model_dump(), "revision": 1}, inputs)

        def work() -> dict[str, Any]:
            answered, found = given.answered, standing(given.said, given.groups, given.order)
            first = 0
            for part, own, rows in zip(context.documents.parts, answered.all_ids, answered.rows, strict=True):
                places = np.full(len(own), -1, np.int64)
                places[rows] = np.arange(first, first + len(rows))
                first += len(rows)
                taken = pa.array(places, mask=places < 0)
                columns = [found.counts.take(taken), found.minority.take(taken)]
                write_signals(context.storage, spec, part.key, own, columns)
            return {"rows": int((found.counts.to_numpy() > 0).sum())}

        return stage.run(work, context.console.log)

    def explain(self, run: Run, place: Place) -> Sequence[str]:
        lines = []
        for row in _pairs(run):
            mine, other = ("", "other_") if row["doc_id"] == place.doc_id else ("other_", "")
            if place.doc_id == row[f"{mine}doc_id"]:
                said = f"{row[f'{mine}answer']}, and {row[f'{other}doc_id']} says {row[f'{other}answer']}"
                lines.append(f"says {said} to a prompt of similarity {row['similarity']:.4f}")
        return lines

    def report(self, run: Run) -> Mapping[str, Any] | None:
        manifest = run.find(layout.CONTRADICTIONS)
        if manifest is None:
            return None
        return {
            "rows with a final answer": manifest.facts["answers"],
            "pairs that contradict": manifest.rows,
            "pairs": _pairs(run)[:SHOWN],
        }


class _Answered(NamedTuple):
    """Rows with a final answer and a vector, part after part. all_ids: of each part; rows: those of it, places in the part."""

    ids: pa.Array
    answers: pa.Array
    vectors: np.ndarray
    all_ids: list[pa.Array]
    rows: list[np.ndarray]


def _answered(storage: Storage, vectors: DatasetManifest, answers: DatasetManifest) -> _Answered:
    ids, answered, found, all_ids, rows = [], [], [], [], []
    for of_vectors, of_answers in zip(vectors.parts, answers.parts, strict=True):
        table = read_part(storage, of_vectors, ["doc_id", "vector"]).combine_chunks()
        values = read_part(storage, of_answers, ["final_answer"]).column(0).combine_chunks()
        both = pc.and_(values.is_valid(), table.column("vector").combine_chunks().is_valid())
        all_ids.append(table.column("doc_id").combine_chunks())
        rows.append(np.flatnonzero(both.to_numpy(zero_copy_only=False)))
        table, values = table.filter(both), values.filter(both)
        ids.append(table.column("doc_id").combine_chunks())
        answered.append(values)
        flat = pc.list_flatten(table.column("vector")).to_numpy()
        found.append(flat.reshape(len(values), -1) if len(values) else np.zeros((0, 0), np.float32))
    there = [one for one in found if len(one)]
    return _Answered(
        pa.concat_arrays(ids) if ids else pa.array([], pa.large_string()),
        pa.concat_arrays(answered) if answered else pa.array([], pa.large_string()),
        np.concatenate(there) if there else np.zeros((0, 1), np.float32),
        all_ids,
        rows,
    )


class Standing(NamedTuple):
    """counts: int64 array, rows of the same prompt that say otherwise. minority: bool array, null where none does."""

    counts: pa.Array
    minority: pa.Array


def standing(said: Sequence[str], groups: Iterable[Sequence[int]], order: np.ndarray) -> Standing:
    """How each row's answer stands among those to the same prompt.

    said: the answers, rows in the order of their ids; groups: rows of one prompt each. order: int64, the place of each row of
    that order in the order that the result has. A row is in the majority when more rows of its prompt give its answer than
    any other one of its kind.
    """
    counts, minority = np.zeros(len(order), np.int64), np.full(len(order), -1, np.int64)
    for group in groups:
        tally = Counter(said[row] for row in group)
        of_kind: dict[str, list[int]] = {}
        for answer, count in tally.items():
            of_kind.setdefault(_kind(answer), []).append(count)
        for row in group:
            mine, others = tally[said[row]], sorted(of_kind[_kind(said[row])], reverse=True)
            counts[order[row]] = sum(others) - mine
            if len(others) > 1:
                minority[order[row]] = not (mine == others[0] and others[1] < mine)
    return Standing(pa.array(counts), pa.array(minority > 0, mask=minority < 0))


class _Given:
    """What contradictions are looked for in, read and grouped once, when it is first asked for; rows ordered by their ids."""

    def __init__(
        self, storage: Storage, vectors: DatasetManifest, answers: DatasetManifest, options: Contradictions
    ) -> None:
        self.read, self.options = (storage, vectors, answers), options

    @cached_property
    def answered(self) -> _Answered:
        return _answered(*self.read)

    @cached_property
    def order(self) -> np.ndarray:
        found: np.ndarray = pc.sort_indices(self.answered.ids).to_numpy()
        return found

    @cached_property
    def names(self) -> list[str]:
        found: list[str] = self.answered.ids.take(pa.array(self.order)).to_pylist()
        return found

    @cached_property
    def said(self) -> list[str]:
        found: list[str] = self.answered.answers.take(pa.array(self.order)).to_pylist()
        return found

    @cached_property
    def ordered(self) -> np.ndarray:
        found: np.ndarray = self.answered.vectors[self.order]
        return found

    @cached_property
    def groups(self) -> list[list[int]]:
        return list(_groups(self.ordered, self.options.min_similarity, self.options.neighbours))


def _groups(ordered: np.ndarray, min_similarity: float, neighbours: str) -> Iterator[list[int]]:
    """Rows that stand with one prompt: each with the kept row that it is most similar to."""
    walked = walk(ordered, len(ordered), min_similarity, reaches=True, neighbours=neighbours)
    heads = np.where(walked.nearest >= 0, walked.nearest, np.arange(len(ordered)))
    by_head = np.argsort(heads, kind="stable")
    starts = np.flatnonzero(np.diff(heads[by_head], prepend=-1))
    for group in np.split(by_head, starts[1:]) if len(by_head) else []:
        yield group.tolist()


def _pairs(run: Run) -> list[dict[str, Any]]:
    manifest = run.find(layout.CONTRADICTIONS)
    parts = manifest.parts if manifest is not None else []
    return [row for part in parts for row in read_part(run.storage, part, CONTRADICTION.names).to_pylist()]


def contradictions(
    ids: pa.Array, answers: pa.Array, vectors: np.ndarray, min_similarity: float, neighbours: str = "auto"
) -> pa.RecordBatch:
    """CONTRADICTION rows of rows with an id, a final answer and a vector of length 1, ordered by ids.

    Two answers contradict each other when they are of one kind (`number`, `option`, yes or no) and differ.
    """
    order = pc.sort_indices(ids)
    names, said, ordered = ids.take(order).to_pylist(), answers.take(order).to_pylist(), vectors[order.to_numpy()]
    return _contradicting(names, said, ordered, _groups(ordered, min_similarity, neighbours), min_similarity)


def _contradicting(
    names: list[str], said: list[str], ordered: np.ndarray, groups: Iterable[list[int]], min_similarity: float
) -> pa.RecordBatch:
    rows: list[dict[str, Any]] = []
    for group in groups:
        rows += _of_group(group, names, said, ordered, min_similarity)
    rows.sort(key=lambda row: (row["doc_id"], row["other_doc_id"]))
    return pa.RecordBatch.from_pylist(rows, schema=CONTRADICTION)


def _of_group(
    group: list[int], names: list[str], said: list[str], vectors: np.ndarray, min_similarity: float
) -> list[dict[str, Any]]:
    """Pairs of a group; of each answer the first MAX_PAIRS rows are compared with the first of another one."""
    by_answer: dict[str, list[int]] = {}
    for row in group:
        rows = by_answer.setdefault(said[row], [])
        if len(rows) < MAX_PAIRS:
            rows.append(row)
    found: set[tuple[int, int]] = set()
    answers = sorted(by_answer)
    for number, left in enumerate(answers):
        for right in answers[number + 1 : number + 1 + MAX_PAIRS]:
            if _kind(left) == _kind(right):
                found |= {(a, by_answer[right][0]) for a in by_answer[left]}
                found |= {(by_answer[left][0], b) for b in by_answer[right]}
    pairs = []
    for a, b in sorted(found):
        first, second = min(a, b), max(a, b)
        similarity = float(vectors[first].astype(np.float64) @ vectors[second].astype(np.float64))
        if similarity >= min_similarity:
            pairs.append(
                {
                    "doc_id": names[first],
                    "other_doc_id": names[second],
                    "kind": _kind(said[first]),
                    "answer": said[first],
                    "other_answer": said[second],
                    "similarity": similarity,
                }
            )
    return pairs


def _kind(answer: str) -> str:
    return answer.partition(" ")[0] if " " in answer else "yes or no"
