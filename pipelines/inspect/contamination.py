"""One table of evaluation items over several runs: which item stands in which row of which run, at which bytes.

A project has more sets than one: a corpus to pre-train on, conversations, preferences. Each was compared with its evaluation
sets when it was built; here the hits are read from the runs and turned around, item by item. No text is read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from gristmill.pipelines.cut.evaluation_items import is_contaminated
from gristmill.pipelines.decontamination.stage import stored_hits
from gristmill.pipelines.run.by_part import part_number
from gristmill.pipelines.run.dataset import read_part
from gristmill.pipelines.run.run import Run, open_run
from gristmill.pipelines.run.shown import Tabled, printable
from gristmill.schemas.errors import RunError
from gristmill.schemas.rows.decontamination import HIT

SHOWN_ROWS = 3  # of an item, in the printed table
_COLUMNS = ["doc_id", "row", "set", "item", "overlap", "longest", "starts", "ends"]


@dataclass(frozen=True)
class Contamination(Tabled):
    """hits: one for each row of a run and item that contaminates it, sorted by set, item, run and id.

    set, item: of the evaluation; run: the folder; view: the text of the row that was compared (`whole`: all of it);
    doc_id, source: of the row; kept: whether it is in the corpus all the same; overlap: weighted share of the item's n-grams;
    longest: words of the longest match; starts, ends: UTF-8 bytes of that view.
    """

    runs: Sequence[str]
    hits: Sequence[dict[str, Any]]

    def rows(self) -> list[dict[str, Any]]:
        return [dict(hit) for hit in self.hits]

    def __str__(self) -> str:
        kept = sum(hit["kept"] for hit in self.hits)
        items = [(name, list(mine)) for name, mine in groupby(self.hits, lambda hit: (hit["set"], hit["item"]))]
        lines = [
            f"{len(items):,} evaluation items contaminate {len(self.hits):,} rows of {len(self.runs):,} runs; "
            f"{kept:,} of these rows are kept"
        ]
        for name, mine in items:
            lines.append(f"{printable(name[0])} {printable(name[1])}: {len(mine):,} rows")
            lines += [f"  {_line(hit)}" for hit in mine[:SHOWN_ROWS]]
            if len(mine) > SHOWN_ROWS:
                lines.append(f"  and {len(mine) - SHOWN_ROWS:,} more rows")
        return "\n".join(lines)


def contamination(runs: Sequence[Run | str | Path]) -> Contamination:
    """The evaluation items that contaminate rows of several runs or selections, as each run's own policy judges it.

    RunError for a run that was not compared with any evaluation set.
    """
    opened = [run if isinstance(run, Run) else open_run(run) for run in runs]
    found = [hit for run in opened for hit in _hits_of(run)]
    found.sort(key=lambda hit: (hit["set"], hit["item"], hit["run"], hit["doc_id"]))
    return Contamination([_name(run) for run in opened], found)


def _name(run: Run) -> str:
    return run.storage.url if not run.folder else f"{run.storage.url}:{run.selection}"


def _hits_of(run: Run) -> list[dict[str, Any]]:
    options, policy = run.recipe.decontaminate, run.recipe.contamination
    if options is None or policy is None:
        raise RunError(
            "the run was not compared with any evaluation set",
            where=_name(run),
            expected="`decontaminate: {sets: [...]}` in its recipe",
            next_step="add it and build again: only the comparison is made",
        )
    found = []
    for part in stored_hits(run.storage).parts:
        table = read_part(run.storage, part, HIT.names)
        table = table.filter(is_contaminated(table, policy))
        if not table.num_rows:
            continue
        decided = read_part(run.storage, run.decisions.parts[part_number(part)], ["source", "kept"])
        decided = decided.take(table.column("row"))
        for hit, row in zip(table.select(_COLUMNS).to_pylist(), decided.to_pylist(), strict=True):
            del hit["row"]
            found.append({"run": _name(run), "view": options.view or "whole", **hit, **row})
    return found


def _line(hit: dict[str, Any]) -> str:
    spans = ", ".join(
        f"{start}-{end}" for start, end in list(zip(hit["starts"], hit["ends"], strict=True))[:SHOWN_ROWS]
    )
    more = " ..." if len(hit["starts"]) > SHOWN_ROWS else ""
    state = "kept" if hit["kept"] else "dropped"
    return (
        f"{hit['run']}: {hit['doc_id']} of {printable(hit['source'])}, {state}: overlap {hit['overlap']:.3f}, longest match "
        f"{hit['longest']} words, bytes {spans}{more} of {hit['view']}"
    )
