"""Which documents pass the rules, and what another policy means for the cuts that were measured on them."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run.dataset import read_each
from gristmill.pipelines.run.digest import batch_digest, format_digest
from gristmill.schemas import layout
from gristmill.schemas.manifest import DatasetManifest
from gristmill.schemas.rows.decision import CUT_RULES


def passed_rules(decisions: pa.Table) -> np.ndarray:
    """Documents that fail no rule, or only those of cutting, as a bool array. Column `failed_rules`."""
    lists = decisions.column("failed_rules").combine_chunks()
    cut_rules = pa.array(list(CUT_RULES.values()), pa.large_string())
    other = ~pc.is_in(pc.list_flatten(lists), value_set=cut_rules).to_numpy(zero_copy_only=False)
    passed = np.ones(len(lists), bool)
    passed[pc.list_parent_indices(lists).to_numpy(zero_copy_only=False)[other]] = False
    return passed


def survivors_digest(storage: Storage, decisions: DatasetManifest) -> str:
    """Of the ids of the documents that pass the rules, cuts or not."""
    total = 0
    for table in read_each(storage, decisions.parts, ["doc_id", "failed_rules"]):
        total += batch_digest(table.filter(pa.array(passed_rules(table))), ["doc_id"])
    return format_digest(total)


def cuts_line(storage: Storage, before: DatasetManifest, after: DatasetManifest, name: str) -> str:
    """What a reselection means for the cuts, for the log: decisions of the selection it came from, and its own."""
    if layout.CUTS_KNOWN in after.facts:
        return "cuts: up to date with these survivors"
    redo = f"`gristmill materialise {name}` measures them again; until then documents they would drop count as kept"
    if before.facts.get(layout.CUT_FROM) == survivors_digest(storage, after):
        return f"cuts: the survivors are the same, so are the cuts on the same text; {redo}"
    return f"cuts: the survivors changed, so cuts of repeated lines and substrings must be redone; {redo}"
