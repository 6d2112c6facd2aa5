"""The stage of balance: decisions in, decisions in which what balance leaves out fails `balance/<what>`.

In: decisions by everything else, the signals that make strata. Out: `<selection>decisions/balance`, the rows that are left out,
with what it costs as its facts, and `<selection>decisions`. No text is read. Memory: some numbers a row, on the machine that
drives the run.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.policy.compile import balance_signals
from gristmill.pipelines.run.by_part import part_key
from gristmill.pipelines.run.context import RunContext
from gristmill.pipelines.run.dataset import read_part
from gristmill.pipelines.run.draws import id_keys, shuffled
from gristmill.pipelines.run.units import UnitWriter
from gristmill.pipelines.select.balance import Strata, balance, edge_strata, length_strata, value_strata
from gristmill.pipelines.select.redecide import redecide
from gristmill.schemas import layout
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.layout import DatasetSpec
from gristmill.schemas.manifest import DatasetManifest
from gristmill.schemas.recipe.corpus import Recipe
from gristmill.schemas.recipe.preferences import LENGTH, Balance
from gristmill.schemas.rows.balance import LEFT_OUT, RULE_PREFIX
from gristmill.schemas.rows.decision import DECISION
from gristmill.schemas.signals import FamilyKey

Signals = Mapping[FamilyKey, DatasetManifest]


def check_balance(recipe: Recipe, signals: Signals) -> None:
    """RecipeError where a run was measured without what balance reads."""
    read = balance_signals(recipe)
    missing = sorted({f"{name}@{version}" for (name, version), _ in read.values() if (name, version) not in signals})
    if missing:
        raise RecipeError(
            f"rows are balanced by signals that this run did not measure ({', '.join(missing)})",
            where="policy.balance",
            next_step="name the family under `signals:` and build again; only the new family is measured",
        )


def balance_rows(
    context: RunContext,
    signals: Signals,
    decided: DatasetManifest,
    config: Mapping[str, Any],
    inputs: Mapping[str, str],
) -> DatasetManifest:
    """Bring `<selection>decisions/balance` up to date. decided: the decisions by everything else."""
    stage = context.stage(layout.BALANCE.of(context.selection), config, inputs)

    def work() -> dict[str, Any]:
        tables = [read_part(context.storage, part, ["doc_id", "kept"]) for part in decided.parts]
        ids = [table.column("doc_id").combine_chunks() for table in tables]
        rows = np.concatenate([np.zeros(0, bool), *(table.column("kept").to_numpy() for table in tables)])
        keys = id_keys(pa.concat_arrays(ids)) if ids else np.zeros(0, np.uint64)
        rules = np.full(len(rows), -1, np.int64)
        told = []
        for number, options in enumerate(context.recipe.policy.balance):
            strata = _strata(context, signals, options)
            order = np.lexsort((keys, shuffled(keys, options.seed)))
            found = balance(strata, rows, order, options)
            rules[rows & ~found.kept] = number
            rows = found.kept
            told.append(found.facts)
        names = [RULE_PREFIX + options.by for options in context.recipe.policy.balance]
        _write(context.storage, stage.spec, ids, rules, names)
        return {"balance": told}

    manifest = stage.run(work, context.console.log)
    for facts in manifest.facts["balance"]:
        context.console.log(f"balance by {facts['by']}: {facts['dropped']:,} of {facts['before']:,} rows are left out")
    return manifest


def _strata(context: RunContext, signals: Signals, options: Balance) -> Strata:
    read = balance_signals(context.recipe)

    def column(written: str) -> pa.ChunkedArray:
        key, name = read[written]
        parts = (read_part(context.storage, part, [name]).column(0) for part in signals[key].parts)
        return pa.chunked_array([chunk for part in parts for chunk in part.chunks])

    if options.by == LENGTH:
        chosen, rejected = (column(f"{side}_characters") for side in ("chosen", "rejected"))
        return length_strata(_floats(chosen), _floats(rejected))
    values = column(options.by)
    return edge_strata(_floats(values), options.edges) if options.edges else value_strata(values.to_pylist())


def _floats(column: pa.ChunkedArray) -> np.ndarray:
    found: np.ndarray = pc.cast(column, pa.float64()).to_numpy()
    return found


def _write(
    storage: Storage, spec: DatasetSpec, ids: Sequence[pa.Array], rules: np.ndarray, names: Sequence[str]
) -> None:
    """A unit for every part that has rows."""
    first = 0
    for number, own in enumerate(ids):
        mine = rules[first : first + len(own)]
        first += len(own)
        rows = np.flatnonzero(mine >= 0)
        if len(rows):
            columns = [own.take(pa.array(rows)), pa.array(np.full(len(rows), number, np.int64)), pa.array(rows)]
            columns.append(pa.array(names, pa.large_string()).take(pa.array(mine[rows])))
            with UnitWriter(storage, spec, part_key(number)) as unit:
                unit.write(pa.RecordBatch.from_arrays(columns, schema=LEFT_OUT))


def write_balanced(context: RunContext, spec: DatasetSpec, decided: DatasetManifest, left_out: DatasetManifest) -> None:
    """Units of `spec`: decisions that know of what is left out."""
    redecide(context, spec, decided, left_out, layout.BALANCE, balanced)


def balanced(table: pa.Table, left_out: pa.Table) -> pa.Table:
    """Decisions with the rules that balance adds; what it leaves out passed everything before."""
    rules = np.full(table.num_rows, -1, np.int64)
    rules[left_out.column("row").to_numpy()] = np.arange(left_out.num_rows)
    gone = pa.array(rules >= 0)
    names = left_out.column("rule").combine_chunks()
    lists = pa.LargeListArray.from_arrays(pa.array(np.arange(len(names) + 1)), names)
    columns = {
        "kept": pc.and_(table.column("kept"), pc.invert(gone)),
        "failed_rules": pc.if_else(
            gone, lists.take(pa.array(rules, mask=rules < 0)), table.column("failed_rules").combine_chunks()
        ),
    }
    return pa.table([columns.get(name, table.column(name)) for name in DECISION.names], schema=DECISION)
