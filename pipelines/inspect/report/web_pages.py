"""Web pages by the type that extraction gave them: how much of what they show is text of the corpus."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from gristmill.pipelines.inspect.report.markup import Markup
from gristmill.pipelines.inspect.report.section import ReportSection
from gristmill.pipelines.inspect.report.tables import TableCell, count, megabytes, percent, table
from gristmill.schemas.report import PageType, Summary
from gristmill.schemas.rows.document import parsed_metadata

UNTYPED = "none"  # a page that shows no text
_FIGURES = ("documents", "without_text", "shown_bytes", "text_bytes", "kept")


def count_page_types(metadata: pa.ChunkedArray, text_bytes: np.ndarray, kept: np.ndarray) -> dict[str, list[int]]:
    """Page type -> numbers of documents, of those without text, bytes shown, bytes of text, documents kept.

    Only pages that gristmill's extractor read have a type; of other documents there is nothing to count.
    """
    found: dict[str, list[int]] = {}
    for row, noted in enumerate(metadata.to_pylist()):
        if noted is None or '"page"' not in noted:
            continue
        page = parsed_metadata(noted).get("page")
        if not isinstance(page, dict) or "shown_bytes" not in page:
            continue
        figures = found.setdefault(page.get("type") or UNTYPED, [0] * len(_FIGURES))
        added = (1, int(text_bytes[row] == 0), page["shown_bytes"], int(text_bytes[row]), int(kept[row]))
        figures[:] = [a + b for a, b in zip(figures, added, strict=True)]
    return found


def page_types(counts: Mapping[str, list[int]]) -> list[PageType]:
    """The most frequent type first."""
    found = [
        PageType(name=name, **dict[str, Any](zip(_FIGURES, figures, strict=True))) for name, figures in counts.items()
    ]
    return sorted(found, key=lambda one: (-one.documents, one.name))


def web_pages_section(summary: Summary) -> ReportSection | None:
    """The section of the page; None without web pages."""
    if not summary.page_types:
        return None
    section = ReportSection("pages", "Web pages", "What extraction took from web pages")
    section.say(
        "The extractor calls every page one of seven types and takes its main text: what is left out is navigation, footers, "
        "adverts and the like. A type of which little text is taken, or many pages give none, is worth a look with "
        "`gristmill explain`; a type of which few pages are kept is one the policy does not like."
    )
    heads = ["Type", "#Pages", "#Without text", "#MB shown", "#MB of text", "#Share taken", "#Kept", "#Share kept"]
    section.content.append(table(heads, [_row(one) for one in (*summary.page_types, _total(summary.page_types))]))
    return section


def _total(types: list[PageType]) -> PageType:
    sums = {figure: sum(getattr(one, figure) for one in types) for figure in _FIGURES}
    return PageType(name="all", **sums)


def _row(one: PageType) -> list[TableCell]:
    figures: list[str | Markup] = [
        count(one.documents),
        count(one.without_text),
        megabytes(one.shown_bytes),
        megabytes(one.text_bytes),
        percent(one.text_bytes, one.shown_bytes),
        count(one.kept),
        percent(one.kept, one.documents),
    ]
    return [TableCell(one.name, "words"), *[TableCell(figure, "number") for figure in figures]]
