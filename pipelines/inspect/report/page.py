"""The report as one self-contained HTML page: no network, nothing from documents is ever markup or code.

Scripts run only by hash (the inlined plotly.js and our own page.js); the content security policy forbids everything
else, so that even text that slipped through the escaping could neither run nor load anything.
"""

import base64
import hashlib
import re
from functools import cache
from importlib.resources import files

from gristmill.pipelines.inspect.report.markup import Markup, element, escape, script_json
from gristmill.pipelines.inspect.report.plots import Figure
from gristmill.pipelines.inspect.report.sections import ReportSection, sections
from gristmill.schemas import layout
from gristmill.schemas.report import Summary

_ENDS_ITS_ELEMENT = re.compile("<(?:/script|!--|/style)", re.IGNORECASE)


def render(summary: Summary) -> str:
    """The whole page."""
    parts = sections(summary)
    figures: dict[str, Figure] = {}
    for part in parts:
        figures |= part.figures
    scripts = [plotly_js(), _resource("page.js")]
    return "<!doctype html>\n" + element(
        "html",
        _head(summary, scripts),
        element(
            "body",
            _header(summary),
            element("nav", element("ul", *[element("li", element("a", p.label, href=f"#{p.id}")) for p in parts])),
            element("main", *[_section(part) for part in parts]),
            _footer(summary),
            Markup(f'<script type="application/json" id="figures">{script_json(figures)}</script>'),
            *[Markup(f"<script>{script}</script>") for script in scripts],
        ),
        lang="en",
    )


def _head(summary: Summary, scripts: list[str]) -> Markup:
    hashes = " ".join(f"'{script_hash(script)}'" for script in scripts)
    policy = f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    return element(
        "head",
        Markup('<meta charset="utf-8">'),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{policy}">'),
        Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Markup('<meta name="referrer" content="no-referrer">'),
        element("title", f"{summary.run.name}: corpus report"),
        Markup(f"<style>{_resource('page.css')}</style>"),
    )


def _header(summary: Summary) -> Markup:
    run = summary.run
    selection = "" if run.selection == "main" else f", selection {run.selection}"
    sampled = ""
    if run.sample is not None:
        sampled = element("p", f"A sample of {run.sample:.3%} of the documents was taken.", class_="warning")
    return element(
        "header",
        element("h1", f"{run.name}{selection}"),
        element("p", f"Corpus report, built {run.created} with gristmill {run.gristmill}.", class_="soft"),
        sampled,
        *[element("p", f"Incomplete: {sentence}.", class_="warning") for sentence in summary.incomplete],
        element("noscript", element("p", "The plots need JavaScript; every table is complete without it.")),
    )


def _section(part: ReportSection) -> Markup:
    return element("section", element("h2", part.title), *part.content, id=part.id)


def _footer(summary: Summary) -> Markup:
    return element(
        "footer",
        escape("This page is one file and loads nothing from the network. The same figures are in "),
        element("code", layout.REPORT_DATA),
        f". Report format {summary.report_version}.",
    )


def script_hash(script: str) -> str:
    """The source expression that lets exactly this inline script run."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")


@cache
def plotly_js() -> str:
    """The bundle inside the plotly package, with line ends as an HTML parser leaves them (the hash depends on it)."""
    return _inlined(files("plotly").joinpath("package_data", "plotly.min.js").read_bytes())


@cache
def _resource(name: str) -> str:
    return _inlined(files("gristmill.pipelines.inspect.report").joinpath(name).read_bytes())


def _inlined(content: bytes) -> str:
    script = content.decode("utf-8")
    if _ENDS_ITS_ELEMENT.search(script):
        raise ValueError("a script or style that ends its own element cannot be inlined")
    return script.replace("\r\n", "\n").replace("\r", "\n")
