"""Who takes part in near-duplicate removal under a policy, in which order.

In: documents, signals, edges/near/buckets, survivors among exact copies. Out: `<selection>/decisions/near/candidates`:
members of buckets that passed the rules and are not copies of an exact survivor, each with its place in survivor order
as one string: the lesser is ahead. Published documents are ahead of every new one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.pipelines.dedup.preferences import preference_values
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.policy.compile import CompiledPolicy
from gristmill.pipelines.policy.evaluate import PartColumns, evaluate, read_columns
from gristmill.pipelines.run.by_part import part_key, read_rows
from gristmill.pipelines.run.dataset import read_part
from gristmill.pipelines.run.units import UnitWriter
from gristmill.schemas.layout import DatasetSpec
from gristmill.schemas.manifest import Part
from gristmill.schemas.rows.near_duplicates import NEAR_CANDIDATE
from gristmill.schemas.signals import FamilyKey

PUBLISHED, NEW = "0", "1"
_HASH_DIGITS = 32
_PREFERENCE_DIGITS = 16


@dataclass(frozen=True)
class NearCandidateTask:
    """One part with members of buckets. source: the run it lies in. policy: None for a published run's kept documents.

    copies: the survivors among exact copies of this part, if any.
    """

    storage: Storage
    spec: DatasetSpec
    source: Storage
    number: int
    documents: Part
    signals: Mapping[FamilyKey, Part]
    wanted: Mapping[FamilyKey, list[str]]
    policy: CompiledPolicy | None
    members: Part
    copies: Part | None
    copies_spec: DatasetSpec
    preferences: Sequence[str]
    priorities: Mapping[str, int]


def write_near_candidates(task: NearCandidateTask) -> int:
    """Candidates of one part."""
    columns = read_columns(task.source, task.documents, task.signals, task.wanted)
    rows = np.unique(read_part(task.storage, task.members, ["row"]).column("row").to_numpy())
    copies = np.ones(columns.rows, np.int64)
    if task.policy is not None:
        passed = evaluate(columns, task.policy).passed
        exact = read_rows(task.storage, task.copies_spec, task.copies)
        places = exact.column("row").to_numpy()
        is_survivor = pc.equal(exact.column("doc_id"), exact.column("survivor")).to_numpy()
        passed[places[~is_survivor]] = False
        copies[places] = exact.column("cluster_size").to_numpy()
        rows = rows[passed[rows]]
    at = pa.array(rows)
    orders = [
        preference_values(columns, preference, task.priorities)[rows]
        if _is_known(preference, columns)
        else np.full(len(rows), np.inf)
        for preference in task.preferences
    ]
    doc_ids = columns.documents.column("doc_id").take(at).combine_chunks()
    keys = order_keys(
        PUBLISHED if task.policy is None else NEW,
        orders,
        columns.documents.column("content_hash").take(at).combine_chunks(),
        doc_ids,
    )
    table = pa.table(
        {
            "doc_id": doc_ids,
            "part": pa.array(np.full(len(rows), task.number, np.int64)),
            "row": at,
            "key": keys,
            "copies": pa.array(copies[rows]),
        },
        schema=NEAR_CANDIDATE,
    )
    with UnitWriter(task.storage, task.spec, part_key(task.number)) as unit:
        unit.write(table)
    return len(rows)


def _is_known(preference: str, columns: PartColumns) -> bool:
    """Whether what the preference reads was measured; a published run may not have it."""
    return not preference.startswith(("highest ", "lowest ")) or preference.split()[1] in columns.signals


def order_keys(first: str, preferences: Sequence[np.ndarray], content_hashes: pa.Array, doc_ids: pa.Array) -> pa.Array:
    """Strings that sort as (first, preferences, content hash, id) do; preferences are float64, smaller is better."""
    columns = [pa.array([first] * len(doc_ids), pa.large_string())]
    for values in preferences:
        bits = (values + 0.0).view(np.uint64)  # -0.0 + 0.0 is 0.0
        negative = bits >> np.uint64(63) == 1
        ordered = np.where(negative, ~bits, bits | np.uint64(1 << 63))
        digits = ordered.astype(">u8").tobytes().hex().encode()
        columns.append(pa.array(np.frombuffer(digits, "S16"), pa.large_binary()).cast(pa.large_string()))
    columns += [content_hashes, doc_ids]
    return pc.binary_join_element_wise(
        *[column.cast(pa.large_string()) for column in columns], pa.scalar("", pa.large_string())
    )


def key_segments(preferences: Sequence[str]) -> list[tuple[str, int, int]]:
    """(reason, start, length) of what decides between two keys, in order; what remains after them is the id."""
    found = [("published", 0, 1)]
    for name in preferences:
        found.append((name, found[-1][1] + found[-1][2], _PREFERENCE_DIGITS))
    found.append(("content_hash", found[-1][1] + found[-1][2], _HASH_DIGITS))
    return found


def reasons(keys: pa.Array, survivor_keys: pa.Array, preferences: Sequence[str]) -> pa.Array:
    """Why each survivor is ahead: the first segment in which the keys differ; `survivor` where they are the same."""
    segments = key_segments(preferences)
    conditions = [pc.equal(keys, survivor_keys)]
    for _, start, length in segments:
        ours, theirs = (pc.utf8_slice_codeunits(side, start, start + length) for side in (keys, survivor_keys))
        conditions.append(pc.not_equal(ours, theirs))
    names = ["survivor", *[name for name, _, _ in segments], "doc_id"]
    values = [pa.scalar(name, pa.large_string()) for name in names]
    return pc.case_when(pc.make_struct(*conditions), *values)
