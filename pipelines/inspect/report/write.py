"""Writing the report: report.json, report.html and the dataset card of a run or selection."""

from gristmill.console import Console
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.inspect.report.collect import collect, report_key
from gristmill.pipelines.inspect.report.page import render
from gristmill.pipelines.run.run import Run
from gristmill.pipelines.write.card import write_card
from gristmill.schemas import layout
from gristmill.schemas.report import Summary


def write_report(run: Run, engine: Engine, console: Console) -> str:
    """Bring `report.html`, `report.json` and the dataset card of this selection up to date; returns the page's path."""
    page, data = f"{run.folder}{layout.REPORT_PAGE}", f"{run.folder}{layout.REPORT_DATA}"
    summary = _present(run, data) if run.storage.exists(page) else None
    if summary is None:
        summary = collect(run, engine)
        run.storage.write_json(data, summary.model_dump(mode="json"))
        run.storage.write_bytes(page, render(summary).encode("utf-8"))
        console.log("report: written")
    else:
        console.log("report: up to date")
    write_card(run, summary)
    return run.storage.address(page)


def _present(run: Run, path: str) -> Summary | None:
    """The summary in report.json, when it is the one this run would give."""
    if not run.storage.exists(path):
        return None
    found = run.storage.read_json(path)
    return Summary.model_validate(found) if found.get("key") == report_key(run) else None
