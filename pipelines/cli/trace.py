"""`gristmill trace`: which documents a training step had, and which steps had a document."""

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from gristmill.pipelines.inspect.trained_place import TrainedPlaces
    from gristmill.training.inspect.trace import RowTrainingRun, TrainingRun


def trace(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The folder of a training run.")],
    step: Annotated[int | None, typer.Option(min=1, help="Name the documents of this step.")] = None,
    document: Annotated[str | None, typer.Option(help="Name the steps that had tokens of this document.")] = None,
    rank: Annotated[int | None, typer.Option(min=0, help="Only this process of the step.")] = None,
    row: Annotated[
        int | None, typer.Option(min=0, help="Only this row of the step, with the places in the sources it comes from.")
    ] = None,
    token: Annotated[int | None, typer.Option(min=0, help="Only this token of the row.")] = None,
    corpus: Annotated[
        str | None,
        typer.Option(metavar="RUN", help="The run whose corpus was trained on; default: that of RUN/shards."),
    ] = None,
    branch: Annotated[
        int | None, typer.Option(min=0, help="The run after so many rollbacks; default: the run as it stands.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Name the documents that a training step had, row by row, or the steps that had a document."""
    from gristmill.schemas.errors import InputError, RecipeError
    from gristmill.training.inspect.trace import open_training_run

    if (step is None) == (document is None):
        raise RecipeError("trace", expected="either --step N or --document DOC_ID")
    if step is None and (row is not None or rank is not None):
        raise RecipeError("trace", expected="--rank and --row with --step")
    if row is None and (token is not None or corpus is not None):
        raise RecipeError("trace", expected="--token and --corpus with --row")
    traced = open_training_run(run, branch)
    if step is None:
        lines = _of_document(traced, str(document))
    elif row is None:
        lines = _of_step(traced, step, rank)
    else:
        lines = _of_row(traced, step, rank or 0, row, token, corpus)
    shown = 0
    for line in lines:
        shown += 1
        print(json.dumps(line, ensure_ascii=True) if as_json else described(line))
    if row is not None and not shown:
        said = f"token {token:,}" if token is not None else f"row {row:,}"
        raise InputError(
            f"no {said} of a document there", where=run, expected="a row of the step, a token before its padding"
        )
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


def _of_row(  # type: ignore[no-untyped-def]
    run: "TrainingRun | RowTrainingRun", step: int, rank: int, row: int, token: int | None, corpus: str | None
):
    """The documents of one row, or of one token of it, with their places in the sources where the corpus is known."""
    places = _places_of(run, corpus)
    for found in run.rows(step, rank):
        for span in found.documents if found.row == row else ():
            if token is not None and span.start is not None and not span.start <= token < span.end:
                continue
            line = {"step": step, "rank": rank, "row": row, "position": found.position, **span._asdict()}
            if token is not None and span.start is not None:
                line |= {"start": token, "end": token + 1}
            if places is not None:
                line["offset"] += line["start"] - span.start
                ids = run.data.ids(found.served, found.served + 1)[0, line["start"] : line["end"]]
                line |= _place_of(places, span.doc_id, ids, line["offset"], with_text=token is not None)
            yield line


def _place_of(places: "TrainedPlaces", doc_id: str, ids: Any, offset: int, *, with_text: bool) -> dict[str, Any]:
    """What a line says of the place of tokens, or why nothing is known of it: a document may have been forgotten since."""
    from gristmill.schemas.errors import InputError

    try:
        known = places.of_tokens(doc_id, ids, offset)
    except InputError as error:
        return {"place_unknown": str(error)}
    words = {"text": known.text, "before": known.before, "after": known.after} if with_text else {}
    return {"places": [place.as_dict() for place in known.places], **words}


def _places_of(run: "TrainingRun | RowTrainingRun", corpus: str | None) -> "TrainedPlaces | None":
    """What looks places up; None for rows, which are no tokens of a text, and where the corpus is not known."""
    from gristmill.pipelines.inspect.trained_place import TrainedPlaces, corpus_beside
    from gristmill.pipelines.run.run import open_run

    if not hasattr(run, "data"):
        return None
    shards = run.plan.shards.folder
    found = open_run(corpus) if corpus is not None else corpus_beside(shards)
    if found is None:
        print("where in their sources they lie is known with --corpus RUN", file=sys.stderr)
        return None
    return TrainedPlaces(found, shards)


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
    lines = ["  ".join([where, *map(_printable, named)])]
    lines += [f"    {_printable(place)}" for place in _shown_places(line)]
    if "text" in line:
        lines.append(f"    ...{_printable(line['before'])}[{_printable(line['text'])}]{_printable(line['after'])}...")
    return "\n".join(lines)


def _shown_places(line: dict[str, Any]) -> list[str]:
    from gristmill.pipelines.inspect.source_place import SourcePlace

    if "place_unknown" in line:
        return [f"place unknown: {line['place_unknown']}"]
    return [
        str(SourcePlace(**{**place, "section": tuple(place.get("section", ()))})) for place in line.get("places", ())
    ]


def _printable(name: str) -> str:
    return "".join(c if c.isprintable() else "\ufffd" for c in name)
