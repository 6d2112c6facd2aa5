"""`gristmill score`: what a model says of every row, written as a column of scores by row id.

In: rows (a run's corpus, or files), a model's folder. Out: a folder with `scores.parquet` and `scores.json`, which is written
last and names model and rows by digests. Rows are scored in units of UNIT_ROWS; a unit is one file, there or not, so that an
interrupted call goes on where it stopped, on any number of processes (torchrun). Memory: a unit, all ids, the model.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import gristmill
import pyarrow as pa
import pyarrow.parquet as pq
import torch
import transformers
import xxhash
from gristmill.console import Console
from gristmill.schemas.errors import RecipeError, RunError, file_system_error
from gristmill.schemas.scores import ID, MANIFEST, PASS_RATE, REWARD, SIDES, TABLE, UNSCORED, ScoreOptions
from gristmill.training.data.conversations import ConversationEncoder
from gristmill.training.data.row_files import iterate_rows, refuse_repeated, row_files
from gristmill.training.models.finished import load_causal, load_scorer, load_tokenizer
from gristmill.training.score.answers import PLAIN, AnswerEncoder, own_template, template_of
from gristmill.training.score.likelihood import LikelihoodScorer, Values
from gristmill.training.score.pass_rates import PassRateScorer
from gristmill.training.score.reward_model import RewardScorer

UNIT_ROWS = 128
STARTED, UNITS = "scoring.json", "units"
MOST_TOKENS = 4096
_CHUNK = 1 << 24
_INTEGERS = ("answer_tokens", "samples")


class Scorer(Protocol):
    """Scores of rows; text instead: why a row has none."""

    def __call__(self, records: Sequence[Mapping[str, Any]], ids: Sequence[str]) -> list[Values | str]: ...


@dataclass(frozen=True)
class Scored:
    """A finished folder of scores. unscored: rows without a score by the reason."""

    folder: Path
    rows: int
    columns: tuple[str, ...]
    unscored: Mapping[str, int]

    def __str__(self) -> str:
        left = sum(self.unscored.values())
        reasons = "; ".join(f"{count:,} {reason}" for reason, count in self.unscored.items())
        return f"{self.folder}: {self.rows - left:,} of {self.rows:,} rows have {', '.join(self.columns)}" + (
            f"; {left:,} have none ({reasons})" if left else ""
        )


def score_rows(
    rows: str | Path,
    model: str | Path,
    out: str | Path,
    options: ScoreOptions | None = None,
    console: Console | None = None,
) -> Scored:
    """Score every row by the model in a folder; the same call again goes on where it stopped.

    Started by torchrun, the processes share the units. Raises RecipeError, ModelError and RunError before anything is scored.
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
        started = _identity(str(rows), Path(model), chosen)
        if rank:
            _wait_for_all(ranks)  # the first process begins the folder
        finished = _claim(folder, started)
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
            _finish(folder, ids, columns, started)
        _wait_for_all(ranks)
    except OSError as error:
        raise file_system_error(error.errno, str(error.strerror or error), str(error.filename or folder)) from error
    finally:
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
    return _finished(folder)


def _identity(rows: str, model: Path, options: ScoreOptions) -> dict[str, Any]:
    """What the scores follow from: rows, model, options."""
    files = [[file.name, _checksum(file)] for file in row_files(rows)]
    weights = sorted(path for path in model.glob("*") if path.is_file() and path.suffix in (".safetensors", ".json"))
    digest = xxhash.xxh3_128("".join(f"{path.name}:{_checksum(path)}\n" for path in weights).encode()).hexdigest()
    return {
        "model": {"name": model.resolve().name, "digest": digest},
        "rows": xxhash.xxh3_128(json.dumps(files).encode()).hexdigest(),
        "options": options.model_dump(mode="json"),
        "unit_rows": UNIT_ROWS,
    }


def _claim(folder: Path, identity: Mapping[str, Any]) -> Scored | None:
    """Begin, or go on with, the scores of a folder; what is there where it is finished. RunError for other scores."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / STARTED
    if path.exists():
        before = json.loads(path.read_text(encoding="utf-8"))
        differ = [name for name in identity if before.get(name) != identity[name]]
        if differ:
            raise RunError(
                f"the folder holds scores with other {' and '.join(differ)}",
                where=str(folder),
                expected="a new folder, or the rows, model and options that its scores were begun with",
                next_step="choose another --out",
            )
        return _finished(folder) if (folder / MANIFEST).exists() else None
    if any(folder.iterdir()):
        raise RunError(
            "the folder is not empty and holds no scores", where=str(folder), next_step="choose another --out"
        )
    (folder / UNITS).mkdir(exist_ok=True)
    _write_text(path, json.dumps(identity, indent=1) + "\n")
    return None


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
    limit = options.max_tokens or _positions(model)
    load = load_scorer if asked == {REWARD.name} else load_causal
    network = load(model, tokenizer, limit, False)
    network.requires_grad_(False)
    network.to(_device())
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


def _positions(model: Path) -> int:
    """The tokens that a model has positions for, at most MOST_TOKENS."""
    try:
        config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return MOST_TOKENS
    most = next((config[name] for name in ("max_position_embeddings", "n_positions") if config.get(name)), MOST_TOKENS)
    return min(int(most), MOST_TOKENS)


def _device() -> str:
    if not torch.cuda.is_available():
        return "cpu"
    return f"cuda:{int(os.environ.get('LOCAL_RANK', '0')) % torch.cuda.device_count()}"


def _score_units(
    rows: str, folder: Path, count: int, scorer: Scorer, columns: Sequence[str], rank: int, ranks: int, console: Console
) -> None:
    """Write the units of this process that are not there yet."""
    schema = _schema(columns)
    with console.progress("score", -(-count // ranks), "rows") as advance:
        for number, unit in enumerate(_units(rows)):
            if number % ranks != rank:
                continue
            path = _unit(folder, number)
            if not path.exists():
                answers = scorer([record for _, record in unit], [name for name, _ in unit])
                table = [{ID: name, **_row(answer, columns)} for (name, _), answer in zip(unit, answers, strict=True)]
                _write_table(path, pa.Table.from_pylist(table, schema=schema))
            advance(len(unit))


def _row(answer: Values | str, columns: Sequence[str]) -> Mapping[str, Any]:
    if isinstance(answer, str):
        return {UNSCORED: answer}
    return answer if set(answer) <= set(columns) else {UNSCORED: "a row of another kind than the first"}


def _units(rows: str) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    found = iterate_rows(rows)
    while unit := list(islice(found, UNIT_ROWS)):
        yield unit


def _unit(folder: Path, number: int) -> Path:
    return folder / UNITS / f"{number:08d}.parquet"


def _schema(columns: Sequence[str]) -> pa.Schema:
    kinds = [(name, pa.int64() if name.startswith(_INTEGERS) else pa.float64()) for name in columns]
    return pa.schema([(ID, pa.large_string()), *kinds, (UNSCORED, pa.large_string())])


def _finish(folder: Path, ids: Sequence[str], columns: Sequence[str], identity: Mapping[str, Any]) -> None:
    """All units as one file; then the manifest, then the units go."""
    unscored: Counter[str] = Counter()
    schema = _schema(columns)
    temporary = folder / (TABLE + ".part")
    written = 0
    with pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        for number in range(-(-len(ids) // UNIT_ROWS)):
            table = pq.read_table(_unit(folder, number), schema=schema)
            written += table.num_rows
            unscored.update(reason for reason in table.column(UNSCORED).to_pylist() if reason is not None)
            writer.write_table(table)
    if written != len(ids):
        raise RunError(f"{written:,} rows were scored of {len(ids):,}", where=str(folder), expected="every row once")
    os.replace(temporary, folder / TABLE)
    manifest = {
        "gristmill": gristmill.__version__,
        **identity,
        "table": {"name": TABLE, "xxh3_128": _checksum(folder / TABLE)},
        "columns": list(columns),
        "count": written,
        "unscored": dict(unscored.most_common()),
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
    }
    _write_text(folder / MANIFEST, json.dumps(manifest, indent=1, ensure_ascii=False) + "\n")
    for path in (folder / UNITS).glob("*"):
        path.unlink()
    (folder / UNITS).rmdir()


def _finished(folder: Path) -> Scored:
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    return Scored(folder, manifest["count"], tuple(manifest["columns"]), manifest["unscored"])


def _wait_for_all(ranks: int) -> None:
    """Return once every process is here."""
    if ranks == 1:
        return
    if not torch.distributed.is_initialized():
        torch.distributed.init_process_group("gloo", timeout=timedelta(days=30))
    torch.distributed.barrier()


def _write_table(path: Path, table: pa.Table) -> None:
    temporary = path.with_suffix(f".{os.getpid()}.part")
    with temporary.open("wb") as file:
        pq.write_table(table, file, compression="zstd")
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def _write_text(path: Path, text: str) -> None:
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)


def _checksum(path: Path) -> str:
    hasher = xxhash.xxh3_128()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            hasher.update(chunk)
    return hasher.hexdigest()
