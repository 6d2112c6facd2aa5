"""Writing token shards: encode each part of the corpus, then gather each shard from all parts.

In: a run's corpus or Parquet files, a tokenizer. Out: the folder of `schemas.shards.format`. Between the two steps the
tokens lie once more under `work/`, sorted. Both steps leave units as every stage does (`pipelines/run/units`), so an
interrupted run goes on where it stopped and gives the same bytes. Cost: the text is read once, the tokens written twice.
"""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gristmill.console import Console
from gristmill.pipelines.engine.failures import explained
from gristmill.pipelines.engine.session import Engine, running
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.engine.warm import warm_kernels
from gristmill.pipelines.run.context import RunContext
from gristmill.pipelines.run.lock import run_lock
from gristmill.pipelines.run.run import Run, count_kept
from gristmill.pipelines.run.stages import Stage, fingerprint
from gristmill.pipelines.run.step import Step
from gristmill.pipelines.run.units import run_units
from gristmill.pipelines.shards.conversations import LEFT_OUT, with_marks
from gristmill.pipelines.shards.delta import DELTA
from gristmill.pipelines.shards.encode_part import EncodeTask, encode_part, encoded_spec, encoded_units
from gristmill.pipelines.shards.encoding.tokenizer import PreparedTokenizer, prepare_tokenizer, write_tokenizer
from gristmill.pipelines.shards.gather import gather_shard, gathered_shards, gathered_spec, gathering_tasks
from gristmill.pipelines.shards.inputs import CONVERSATION, ShardInput, find_input
from gristmill.pipelines.shards.manifest import find_shard_manifest, write_shard_manifest
from gristmill.pipelines.shards.tombstones import ERASE, read_tombstones
from gristmill.schemas import layout
from gristmill.schemas.errors import RecipeError, RunError
from gristmill.schemas.recipe.corpus import Recipe
from gristmill.schemas.recipe.shards import ShardOptions
from gristmill.schemas.rows.registry import DOCUMENT
from gristmill.schemas.shards.format import (
    EXPORTS,
    FORMAT_VERSION,
    MANIFEST,
    SPLITS,
    TOKENIZER_FOLDER,
    TOMBSTONES,
    Shard,
    ShardSetManifest,
)

WORK = "work"
ORDER_VERSION = 1  # of what decides the bytes, beyond options, tokenizer and format


def write_shards(
    source: Run | str | Path,
    out: str | Path,
    options: ShardOptions | Mapping[str, Any],
    *,
    engine: Engine | None = None,
    console: Console | None = None,
    replace: bool = False,
) -> ShardSetManifest:
    """Write the corpus of a run, or Parquet files, as token shards into `out`; nothing is done when they are there.

    source: a run, its folder, `RUN:name`, or a folder of Parquet files with a column `text`. out: a folder or URL.
    options: as under `shards:` of a recipe (`tokenizer`, `validation_fraction`, ...).
    replace: shards in `out` that were written from something else are removed; without it they are an error.
    Returns the manifest. Raises RecipeError, ModelError and InputError before anything is written, and RunError for other
    shards in `out`.
    """
    console = console or Console()
    chosen = options if isinstance(options, ShardOptions) else ShardOptions.model_validate(options)
    with running(engine) as started:
        return write_shards_here(started, source, Storage(str(out)), chosen, console, replace)


def write_shards_here(
    engine: Engine,
    source: Run | str | Path,
    storage: Storage,
    options: ShardOptions,
    console: Console,
    replace: bool = False,
) -> ShardSetManifest:
    """As write_shards, on an engine that goes on running."""
    prepared = prepare_tokenizer(options)
    given = find_input(source)
    if any(part.kind != DOCUMENT for part in given.parts):
        prepared = with_marks(prepared)
        if options.loss_column is not None or options.add_bos:
            raise RecipeError(
                "`add_bos` or `loss_column` for conversations",
                where="shards",
                expected="neither: the chat template says how a conversation begins, and what is learned",
            )
    config = options.model_dump(mode="json", exclude={"tokenizer"}) | {"order": ORDER_VERSION, "format": FORMAT_VERSION}
    key = fingerprint([config, prepared.record.sha256, given.digest])
    with explained(storage.url):
        done = find_shard_manifest(storage)
        if done is not None and done.made_from.get("key") == key:
            write_tokenizer(storage, prepared)  # a changed chat template changes no token
            console.log(f"shards: up to date ({done.tokens:,} tokens)")
            return done
    with explained(storage.url), run_lock(storage):
        made_from = {"corpus": given.digest, "layout": given.layout, "tokenizer": prepared.record.sha256}
        _start(Stage(storage, encoded_spec(WORK), config, made_from), done, replace)
        for note in prepared.notes:
            console.log(f"shards: {note}")
        write_tokenizer(storage, prepared)
        if not engine.tasks_are_remote:
            warm_kernels([WARM], console)
        started = time.monotonic()
        facts = _encode(storage, engine, given, prepared, options, console)
        for name, count in sorted(facts.items()):
            if name.startswith(LEFT_OUT):
                console.log(f"shards: {count:,} rows left out: {name.removeprefix(LEFT_OUT)}")
        shards = _gather(storage, engine, given, prepared, options, console)
        manifest = _manifest(shards, prepared, options, config, {"key": key, "corpus": given.digest}, facts)
        write_shard_manifest(storage, manifest)
        storage.remove(WORK)
        speed = facts["text_bytes"] / 1e6 / max(time.monotonic() - started, 1e-9)
        counts = f"{manifest.tokens:,} tokens of {manifest.documents:,} documents in {len(shards)} shards"
        console.log(f"shards: {counts}, {speed:.1f} MB/s of text")
    return manifest


WARM = "gristmill.pipelines.shards.warm:warm_shards"


class WriteShards(Step):
    """The last step of a build: bring RUN/shards up to date.

    Shards in which documents were forgotten since are left as they are, because plans of training runs lie on them.
    """

    name = "shards"
    phase = "write"

    def check(self, recipe: Recipe) -> None:
        if recipe.shards is None:
            return
        prepared = prepare_tokenizer(recipe.shards)
        if recipe.rows == CONVERSATION:
            with_marks(prepared)
        elif recipe.rows != DOCUMENT:
            raise RecipeError(
                f"shards of rows that are a {recipe.rows}",
                where="shards",
                expected="documents or conversations",
                next_step="`gristmill export` writes rows of other kinds for their trainers",
            )

    def update(self, context: RunContext) -> None:
        options = context.recipe.shards
        if options is None or context.sample is not None or not count_kept(context.decisions):
            return
        storage = Storage(context.storage.address(layout.SHARDS))
        if context.forgetting and find_shard_manifest(storage) is not None:
            return  # tombstones and a delta shard come next
        if read_tombstones(storage):
            context.console.log(
                "shards: kept, documents were forgotten in them; `gristmill shards write --replace` writes anew"
            )
            return
        write_shards_here(context.engine, Run(context.storage), storage, options, context.console, replace=True)


def _start(stage: Stage, done: ShardSetManifest | None, replace: bool) -> None:
    """Leave only what an interrupted attempt with the same key has finished."""
    storage = stage.storage
    if done is not None and not replace:
        raise RunError(
            "the folder holds shards of another corpus, tokenizer or options",
            where=storage.url,
            expected="an empty or new folder",
            next_step="choose another --out, or --replace them",
        )
    strange = [name for name in storage.list("") if name not in _OURS and not name.startswith(layout.LOCK)]
    if done is None and strange and not storage.exists(stage.started_path):
        raise RunError(
            f"the folder holds something else (found {', '.join(strange[:3])})",
            where=storage.url,
            expected="an empty or new folder, or earlier shards",
        )
    if not stage.goes_on:
        for name in (MANIFEST, stage.started_path, *_OURS):  # first what vouches for the rest
            storage.remove(name)
    stage.start()


_OURS = (WORK, DELTA, ERASE, *SPLITS, TOKENIZER_FOLDER, TOMBSTONES, EXPORTS, MANIFEST)


def _encode(
    storage: Storage,
    engine: Engine,
    given: ShardInput,
    prepared: PreparedTokenizer,
    options: ShardOptions,
    console: Console,
) -> dict[str, int]:
    """Encode what is not encoded yet; returns the counts of all parts."""
    run_units(
        engine,
        storage,
        console,
        encode_part,
        [EncodeTask(storage, WORK, part, prepared.record, options) for part in given.parts],
        (encoded_spec(WORK), lambda task: task.part.key),
        label="encode",
        amount=lambda task: task.part.bytes,
        of="bytes",
    )
    counts: dict[str, int] = {}
    for unit in encoded_units(storage, WORK, given.parts):
        for name, count in unit["counts"].items():
            counts[name] = counts.get(name, 0) + count
    return counts


def _gather(
    storage: Storage,
    engine: Engine,
    given: ShardInput,
    prepared: PreparedTokenizer,
    options: ShardOptions,
    console: Console,
) -> list[Shard]:
    """Write the shards that are not there yet; returns all of them in their order."""
    tasks = gathering_tasks(storage, WORK, encoded_units(storage, WORK, given.parts), prepared.record.dtype, options)
    run_units(
        engine,
        storage,
        console,
        gather_shard,
        tasks,
        (gathered_spec(WORK), lambda task: task.key),
        label="write shards",
        amount=lambda task: task.tokens,
        of="tokens",
    )
    return gathered_shards(storage, WORK, tasks)


def _manifest(
    shards: list[Shard],
    prepared: PreparedTokenizer,
    options: ShardOptions,
    config: dict[str, Any],
    made_from: dict[str, str],
    facts: dict[str, int],
) -> ShardSetManifest:
    return ShardSetManifest(
        tokenizer=prepared.record,
        dtype=prepared.record.dtype,
        shards=tuple(shards),
        documents=sum(shard.documents for shard in shards),
        tokens=sum(shard.tokens for shard in shards),
        validation_fraction=options.validation_fraction,
        made_from=made_from,
        config=config,
        created=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        facts=facts,
    )
