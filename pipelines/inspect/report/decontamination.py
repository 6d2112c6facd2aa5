"""The reverse report: for every evaluation set, which of its items the corpus holds and how much of them."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.pipelines.inspect.report.markup import Markup
from gristmill.pipelines.inspect.report.section import ReportSection
from gristmill.pipelines.inspect.report.tables import TableCell, count, percent, table
from gristmill.pipelines.run.dataset import read_part
from gristmill.pipelines.run.run import Run
from gristmill.schemas import layout
from gristmill.schemas.report import ContaminatedItem, EvaluationSetReport, Summary

WORST = 10
EXCERPT_CHARACTERS = 160
TENTHS = 10


def evaluation_sets(run: Run) -> list[EvaluationSetReport]:
    """Empty without evaluation sets; thresholds are those of the run's selection, amounts those of all documents."""
    policy, sets = run.recipe.contamination, run.recipe.decontaminate
    if policy is None or sets is None:
        return []
    from gristmill.pipelines.cut.evaluation_items import is_contaminated

    manifest = run.dataset(layout.ITEM_REPORTS.folder)
    items = pa.concat_tables(
        [read_part(run.storage, part, layout.ITEM_REPORTS.schema.names) for part in manifest.parts]
    )
    found = []
    for one in sets.sets:
        mine = items.filter(pc.equal(items.column("set"), one.name)).combine_chunks()
        touched = mine.filter(pc.greater(mine.column("documents"), 0))
        looked_for = mine.column("ngrams").combine_chunks().flatten().to_numpy().reshape(mine.num_rows, -1).any(axis=1)
        tenths = np.minimum((touched.column("overlap").to_numpy() * TENTHS).astype(np.int64), TENTHS - 1)
        order = [("overlap", "descending"), ("longest", "descending"), ("number", "ascending")]
        worst = touched.sort_by(order).slice(0, WORST).to_pylist()
        found.append(
            EvaluationSetReport(
                name=one.name,
                items=mine.num_rows,
                too_short=int(mine.num_rows - looked_for.sum()),
                touched=touched.num_rows,
                contaminated=pc.sum(is_contaminated(touched, policy)).as_py() or 0,
                by_overlap=np.bincount(tenths, minlength=TENTHS).tolist(),
                worst=[
                    ContaminatedItem(
                        excerpt=row["excerpt"][:EXCERPT_CHARACTERS],
                        **{name: row[name] for name in ("item", "documents", "overlap", "longest", "example")},
                    )
                    for row in worst
                ],
            )
        )
    return found


def contamination_section(summary: Summary) -> ReportSection | None:
    """The section of the page; None without evaluation sets."""
    if not summary.contamination:
        return None
    section = ReportSection("contamination", "Contamination", "Evaluation sets in the documents")
    section.say(
        "For every evaluation set: how many of its items some document shares words with, and how many are held so far "
        "that the policy calls the document contaminated. All documents that were read count, kept or not."
    )
    heads = ["Evaluation set", "#Items", "#Too short", "#Touched", "#Contaminated", "#Share"]
    rows = []
    for one in summary.contamination:
        counts = (one.items, one.too_short, one.touched, one.contaminated)
        numbers = [*map(count, counts), percent(one.contaminated, one.items)]
        rows.append([TableCell(one.name, "name"), *[TableCell(number, "number") for number in numbers]])
    section.content.append(table(heads, rows))
    section.head("Touched items by overlap")
    tenths = [f"#{10 * k}–{10 * k + 10} %" for k in range(TENTHS)]
    rows = [
        [TableCell(one.name, "name"), *[TableCell(count(n), "number") for n in one.by_overlap]]
        for one in summary.contamination
    ]
    section.content.append(table(["Evaluation set", *tenths], rows))
    for one in summary.contamination:
        if one.worst:
            section.head(f"{one.name}: the items held the most")
            section.content.append(_items(one))
    return section


def _items(one: EvaluationSetReport) -> Markup:
    return table(
        ["Item", "Its beginning", "#Overlap", "#Longest match", "#Documents", "For example"],
        [
            [
                TableCell(item.item, "name"),
                TableCell(item.excerpt, "words"),
                TableCell(f"{100 * item.overlap:.0f} %", "number"),
                TableCell(f"{count(item.longest)} words", "number"),
                TableCell(count(item.documents), "number"),
                TableCell(item.example, "name"),
            ]
            for item in one.worst
        ],
    )


def summary_lines(run: Run) -> list[str]:
    """A line for every evaluation set, for a terminal."""
    return [
        f"{one.name}: {one.contaminated:,} of {one.items:,} items contaminated, {one.touched:,} share words with "
        f"documents, {one.too_short:,} too short to be looked for"
        for one in evaluation_sets(run)
    ]
