"""Decisions that know of what another dataset says of their rows: its rows fail a further rule."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import pyarrow as pa
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run.by_part import parts_by_number, read_rows
from gristmill.pipelines.run.context import RunContext
from gristmill.pipelines.run.dataset import read_part
from gristmill.pipelines.run.units import UnitWriter
from gristmill.schemas.layout import DatasetSpec
from gristmill.schemas.manifest import DatasetManifest, Part
from gristmill.schemas.rows.decision import DECISION

Redecided = Callable[[pa.Table, pa.Table], pa.Table]


class _Decided(NamedTuple):
    """One part of the decisions, and the part of the other dataset that has rows of it."""

    decisions: Part
    found: Part | None


def redecide(
    context: RunContext,
    spec: DatasetSpec,
    decisions: DatasetManifest,
    found: DatasetManifest,
    found_spec: DatasetSpec,
    redecided: Redecided,
) -> None:
    """Write units of `spec`: `redecided(decisions, found)` of each part, from DECISION rows and those of `found_spec`."""
    numbered = parts_by_number(found)
    parts = [_Decided(part, numbered.get(number)) for number, part in enumerate(decisions.parts)]
    context.run_units(
        partial(redecide_part, context.storage, spec, found_spec, redecided),
        parts,
        (spec, lambda part: part.decisions.key),
    )


def redecide_part(
    storage: Storage, spec: DatasetSpec, found_spec: DatasetSpec, redecided: Redecided, part: _Decided
) -> int:
    """Write one part anew; returns its rows."""
    table = read_part(storage, part.decisions, DECISION.names).combine_chunks()
    with UnitWriter(storage, spec, part.decisions.key) as unit:
        unit.write(redecided(table, read_rows(storage, found_spec, part.found)))
    return int(table.num_rows)
