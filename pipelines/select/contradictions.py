"""Contradictions: prompts that are nearly the same, with final answers of one kind that differ.

In: embeddings/vectors, the signal `final_answer` of the answers. Out: `contradictions`, a row for each pair. Rows with a final
answer are walked in the order of their ids; each stands with the kept row that it is most similar to, and pairs are looked for
among those that stand together, so that equal prompts always meet. Every pair is verified.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.pipelines.policy.compile import answers_family
from gristmill.pipelines.run.context import RunContext
from gristmill.pipelines.run.dataset import PartWriter, read_part
from gristmill.pipelines.run.run import Run
from gristmill.pipelines.run.stages import layout_fingerprint
from gristmill.pipelines.run.step import Place, Step
from gristmill.pipelines.run.units import commit_unit
from gristmill.pipelines.select.walk import walk
from gristmill.schemas import layout
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.layout import DatasetSpec
from gristmill.schemas.recipe.corpus import Recipe
from gristmill.schemas.rows.embedding import CONTRADICTION

MAX_PAIRS = 20  # of each row: of a prompt asked a thousand times, not all half a million
SHOWN = 50


class FindContradictions(Step):
    """Pairs of rows that answer nearly the same prompt differently."""

    name = "contradictions"
    phase = "measure"

    def is_wanted(self, recipe: Recipe) -> bool:
        return recipe.contradictions is not None

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

        def work() -> dict[str, Any]:
            ids, answered, found = [], [], []
            for of_vectors, of_answers in zip(vectors.parts, answers.parts, strict=True):
                table = read_part(context.storage, of_vectors, ["doc_id", "vector"]).combine_chunks()
                values = read_part(context.storage, of_answers, ["final_answer"]).column(0).combine_chunks()
                both = pc.and_(values.is_valid(), table.column("vector").combine_chunks().is_valid())
                table, values = table.filter(both), values.filter(both)
                ids.append(table.column("doc_id").combine_chunks())
                answered.append(values)
                flat = pc.list_flatten(table.column("vector")).to_numpy()
                found.append(flat.reshape(len(values), -1) if len(values) else np.zeros((0, 0), np.float32))
            rows = contradictions(
                pa.concat_arrays(ids) if ids else pa.array([], pa.large_string()),
                pa.concat_arrays(answered) if answered else pa.array([], pa.large_string()),
                np.concatenate([one for one in found if len(one)])
                if any(map(len, found))
                else np.zeros((0, 1), np.float32),
                options.min_similarity,
                options.neighbours,
            )
            writer = PartWriter(context.storage, stage.spec, "pairs", single=True)
            writer.write(rows)
            commit_unit(context.storage, stage.spec, "pairs", writer, {})
            return {"answers": sum(map(len, ids))}

        context.add(layout.CONTRADICTIONS, stage.run(work, context.console.log))

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
    walked = walk(ordered, len(names), min_similarity, reaches=True, neighbours=neighbours)
    heads = np.where(walked.nearest >= 0, walked.nearest, np.arange(len(names)))
    rows: list[dict[str, Any]] = []
    by_head = np.argsort(heads, kind="stable")
    starts = np.flatnonzero(np.diff(heads[by_head], prepend=-1))
    for group in np.split(by_head, starts[1:]) if len(by_head) else []:
        rows += _of_group(group.tolist(), names, said, ordered, min_similarity)
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
