"""`gristmill score`: what a model says of every row, written as a column of scores by row id.

In: rows (a run's corpus, or files), a model's folder. Out: a folder with `scores.parquet` and `scores.json`, which is written
last and names model and rows by digests. Rows are scored in units of UNIT_ROWS; a unit is one file, there or not, so that an
interrupted call goes on where it stopped, on any number of processes (torchrun). Where the rows have changed since the scores
were finished, only those that are new or say something else are scored. Memory: a unit, all ids, the model.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import torch
import transformers
from gristmill.console import Console
from gristmill.schemas.errors import RecipeError, file_system_error
from gristmill.schemas.scores import ID, PASS_RATE, REWARD, ROW, SIDES, UNSCORED, ScoreOptions
from gristmill.training.data.conversations import ConversationEncoder
from gristmill.training.data.row_files import iterate_rows, refuse_repeated
from gristmill.training.models.build import own_device, positions_of
from gristmill.training.models.finished import load_causal, load_reward_model, load_tokenizer
from gristmill.training.score import folder as score_folder
from gristmill.training.score.answers import PLAIN, AnswerEncoder, own_template, template_of
from gristmill.training.score.earlier import Earlier, row_hash
from gristmill.training.score.folder import (
    Scored,
    claim,
    finish,
    finished_scores,
    identity_of,
    score_schema,
    unit_path,
    write_table,
)
from gristmill.training.score.likelihood import LikelihoodScorer, Values
from gristmill.training.score.pass_rates import PassRateScorer
from gristmill.training.score.reward_model import RewardScorer


class Scorer(Protocol):
    """Scores of rows; text instead: why a row has none."""

    def __call__(self, records: Sequence[Mapping[str, Any]], ids: Sequence[str]) -> list[Values | str]: ...


def score_rows(
    rows: str | Path,
    model: str | Path,
    out: str | Path,
    options: ScoreOptions | None = None,
    console: Console | None = None,
) -> Scored:
    """Score every row by the model in a folder; the same call again goes on where it stopped.

    rows: a run (its corpus), a .jsonl, .jsonl.gz or .parquet file, or a folder of such. model: the folder of a language
    model, or of a reward model, with its tokenizer. out: the folder of the scores, new or begun by such a call. options: what
    is computed and how; by default the IFD. console: for the log; None is quiet.
    Returns how many rows have a score, and why others have none. Rows that a finished folder of the same model and options
    has scored already, and that have not changed, keep their scores. Started by torchrun, the processes share the units.
    Raises RecipeError for rows and options, ModelError for a model, RunError for a folder that holds something else.
    """
    chosen = options or ScoreOptions()
    rank, ranks = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    shown = console if console and rank == 0 else Console(quiet=True)
    folder = Path(out)
    try:
        ids = [name for name, _ in iterate_rows(str(rows))]
        refuse_repeated(ids, str(rows))
        if not ids:
            raise RecipeError("no rows", where=str(rows), expected="at least one row to score")
        started = identity_of(str(rows), Path(model), chosen)
        if rank:
            _wait_for_all(ranks)  # the first process begins the folder
        finished = claim(folder, started)
        if not rank:
            _wait_for_all(ranks)
        if finished is not None:
            shown.log(f"{folder}: finished before")
            return finished
        scorer, columns, said = _scorer(Path(model), chosen, _is_pair(str(rows)))
        shown.log(said)
        _score_units(str(rows), folder, len(ids), scorer, columns, rank, ranks, shown)
        _wait_for_all(ranks)
        if rank == 0:
            finish(folder, ids, columns, started)
        _wait_for_all(ranks)
    except OSError as error:
        raise file_system_error(error.errno, str(error.strerror or error), str(error.filename or folder)) from error
    finally:
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
    return finished_scores(folder)


def _is_pair(rows: str) -> bool:
    """Whether the first row has a chosen and a rejected answer; all rows of a set are alike in that."""
    return any(all(side in record for side in SIDES) for _, record in islice(iterate_rows(rows), 1))


def _scorer(model: Path, options: ScoreOptions, pair: bool) -> tuple[Scorer, tuple[str, ...], str]:
    """(what scores rows, the columns that it gives, a line on how)."""
    asked = set(options.scores)
    tokenizer = load_tokenizer(model, own_template(options.chat_template), pads=asked == {REWARD.name})
    template = template_of(tokenizer, options.chat_template)
    if not tokenizer.is_fast:
        raise RecipeError("a tokenizer without offsets", where=str(model), expected="tokenizer.json (a fast tokenizer)")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    limit = options.max_tokens or positions_of(model)
    load = load_reward_model if asked == {REWARD.name} else load_causal
    network = load(model, tokenizer, limit, False)
    network.requires_grad_(False)
    network.to(own_device())
    behind = [f"_{side}" for side in SIDES] if pair else [""]
    columns = tuple(name + side for side in behind for name in options.columns)
    said = f"{model}: {', '.join(columns)}; at most {limit:,} tokens a row; chat template {template}"
    if asked == {REWARD.name}:
        more = ("reward_margin",) if pair else ()
        return RewardScorer(network, ConversationEncoder(tokenizer, limit)), (*columns, *more), said
    if asked == {PASS_RATE.name}:
        encoder = ConversationEncoder(tokenizer, limit)
        return PassRateScorer(network, encoder, options, template == PLAIN), options.columns, said
    return LikelihoodScorer(network, AnswerEncoder(tokenizer, template, limit), options), columns, said


def _score_units(
    rows: str, folder: Path, count: int, scorer: Scorer, columns: Sequence[str], rank: int, ranks: int, console: Console
) -> None:
    """Write the units of this process that are not there yet."""
    schema, earlier = score_schema(columns), Earlier(folder, tuple(columns))
    taken = 0
    with console.progress("score", -(-count // ranks), "rows") as advance:
        for number, unit in enumerate(_units(rows)):
            if number % ranks != rank:
                continue
            path = unit_path(folder, number)
            if not path.exists():
                hashes = [row_hash(record) for _, record in unit]
                known = [earlier.find(name, one) for (name, _), one in zip(unit, hashes, strict=True)]
                new = [row for row, found in zip(unit, known, strict=True) if found is None]
                answers = iter(scorer([record for _, record in new], [name for name, _ in new]) if new else [])
                table = [
                    found or {ID: name, ROW: one, **_row(next(answers), columns)}
                    for (name, _), one, found in zip(unit, hashes, known, strict=True)
                ]
                taken += len(unit) - len(new)
                write_table(path, pa.Table.from_pylist(table, schema=schema))
            advance(len(unit))
    if taken:
        console.log(f"{taken:,} rows have not changed and keep their scores")


def _row(answer: Values | str, columns: Sequence[str]) -> Mapping[str, Any]:
    if isinstance(answer, str):
        return {UNSCORED: answer}
    return answer if set(answer) <= set(columns) else {UNSCORED: "a row of another kind than the first"}


def _units(rows: str) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    found = iterate_rows(rows)
    while unit := list(islice(found, score_folder.UNIT_ROWS)):
        yield unit


def _wait_for_all(ranks: int) -> None:
    """Return once every process is here."""
    if ranks == 1:
        return
    if not torch.distributed.is_initialized():
        torch.distributed.init_process_group("gloo", timeout=timedelta(days=30))
    torch.distributed.barrier()
