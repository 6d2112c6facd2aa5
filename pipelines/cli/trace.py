"""`gristmill trace`: which documents a training step had, and which steps had a document."""

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from gristmill.training.inspect.trace import RowTrainingRun, TrainingRun


def trace(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The folder of a training run.")],
    step: Annotated[int | None, typer.Option(min=1, help="Name the documents of this step.")] = None,
    document: Annotated[str | None, typer.Option(help="Name the steps that had tokens of this document.")] = None,
    rank: Annotated[int | None, typer.Option(min=0, help="Only this process of the step.")] = None,
    branch: Annotated[
        int | None, typer.Option(min=0, help="The run after so many rollbacks; default: the run as it stands.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Name the documents that a training step had, row by row, or the steps that had a document."""
    from gristmill.schemas.errors import RecipeError
    from gristmill.training.inspect.trace import open_training_run

    if (step is None) == (document is None):
        raise RecipeError("trace", expected="either --step N or --document DOC_ID")
    traced = open_training_run(run, branch)
    lines = _of_step(traced, step, rank) if step is not None else _of_document(traced, str(document))
    shown = 0
    for line in lines:
        shown += 1
        print(json.dumps(line, ensure_ascii=True) if as_json else described(line))
    if document is not None and not shown:
        said = f"none of the {traced.steps:,} steps made had tokens of {_printable(document)}"
        print(said, file=sys.stderr if as_json else sys.stdout)
    hidden_from = getattr(traced, "forgotten_from", lambda name: None)(document) if document is not None else None
    if hidden_from is not None:
        print(f"forgotten: not served from step {hidden_from:,} on", file=sys.stderr if as_json else sys.stdout)


def _of_step(run: "TrainingRun | RowTrainingRun", step: int, rank: int | None):  # type: ignore[no-untyped-def]
    for row in run.rows(step, rank):
        place = {"step": row.step, "rank": row.rank, "row": row.row, "position": row.position}
        for span in row.documents:
            yield {**place, **span._asdict()}


def _of_document(run: "TrainingRun | RowTrainingRun", doc_id: str):  # type: ignore[no-untyped-def]
    if not hasattr(run, "find"):
        for seen in run.seen(doc_id):
            yield {**seen._asdict(), "doc_id": doc_id}
        return
    for shard, start, end in run.find(doc_id):
        for seen in run.seen(shard, start, end):
            yield {**seen._asdict(), "doc_id": doc_id, "shard": shard}


def described(line: dict) -> str:
    """A line for people; what documents say of themselves cannot reach the terminal's controls."""
    where = f"step {line['step']:,}  rank {line['rank']}  row {line['row']}"
    if line["start"] is not None:
        where += f"  tokens {line['start']}-{line['end'] - 1}"
    named = [str(line[key]) for key in ("doc_id", "source", "url", "shard") if line.get(key) is not None]
    return "  ".join([where, *map(_printable, named)])


def _printable(name: str) -> str:
    return "".join(c if c.isprintable() else "\ufffd" for c in name)
