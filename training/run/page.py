"""training.html: one file, no network: loss, gradient norm, learning rate, throughput; spikes, rollbacks, documents.

Text of documents, ids, sources and URLs is hostile: it reaches the page escaped, or as JSON that a fixed script gives
to plotly as plain numbers. The content security policy runs nothing but the two scripts of the page.
"""

import base64
import hashlib
import html
import json
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from gristmill.training.data.files import json_lines, write_whole
from gristmill.training.run import logs
from gristmill.training.run.folder import HISTORY, PAGE, read_training
from gristmill.training.run.ledger import blamed, describe
from gristmill.training.run.samples import read_samples

MOST_POINTS = 4000
SHOWN_EVENTS = ("skip", "unskip", "note", "mixture", "tombstone", "forget")
MOST_ROWS = 200
INK, PALE, ALERT = "#4a78b8", "#b9bec7", "#c0392b"
PLOTS = (
    ("loss", "loss"),
    ("grad_norm", "gradient norm before clipping"),
    ("learning_rate", "learning rate"),
    ("tokens_per_second", "tokens per second"),
    ("sequences_per_second", "sequences per second"),
    ("mfu", "model FLOPs utilisation"),
)
NOT_DRAWN = ("step", "branch", "event", "tokens", "sequences", "labels", "seconds", "validation_loss")
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; font-size: 13px } th { white-space: nowrap }
td, th { padding: .2rem .6rem; border-bottom: 1px solid #ddd; text-align: left; overflow-wrap: anywhere;
vertical-align: top; white-space: pre-wrap } .alert { color: #c0392b } .soft { color: #667 } .plot { min-height: 280px }
@media (prefers-color-scheme: dark) { body { background: #16181c; color: #ddd } td, th { border-color: #333 } }
"""
SCRIPT = """
"use strict";
(function () {
  var figures = JSON.parse(document.getElementById("figures").textContent);
  var ink = getComputedStyle(document.body).color;
  Object.keys(figures).forEach(function (id) {
    var layout = Object.assign({ paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: ink }, height: 280, margin: { l: 64, r: 16, t: 8, b: 40 } }, figures[id].layout);
    Plotly.newPlot(id, figures[id].data, layout, { displayModeBar: false, responsive: true });
  });
  document.documentElement.setAttribute("data-drawn", String(Object.keys(figures).length));
})();
"""


def write_page(run: Path, warnings: Sequence[str] = ()) -> Path:
    """Write training.html of a run folder from its logs, as far as the run has come. warnings: that it begins with."""
    steps = list(logs.read(run / logs.LOG))
    abandoned = list(logs.read(run / logs.ABANDONED))
    samples = list(read_samples(run))
    page = render(read_training(run), steps, abandoned, _events(run), blamed(run), warnings=warnings, samples=samples)
    write_whole(run / PAGE, page)
    return run / PAGE


def render(
    training: dict[str, Any],
    records: Sequence[dict[str, Any]],
    abandoned: Sequence[dict[str, Any]],
    events: Sequence[dict[str, Any]],
    documents: Sequence[dict[str, Any]],
    *,
    warnings: Sequence[str] = (),
    samples: Sequence[dict[str, Any]] = (),
) -> str:
    """The page as HTML. samples: completions that the model wrote (training.run.samples)."""
    recipe = training["recipe"]
    steps = [record for record in records if "loss" in record]
    plots = [*[plot for plot in PLOTS if _has(plot[0], records)], *_own_figures(records)]
    figures = {name: _figure(name, label, records, abandoned) for name, label in plots}
    title = f"{recipe['name']}: training"
    scripts = [_plotly(), SCRIPT]
    hashes = " ".join(f"'sha256-{_digest(script)}'" for script in scripts)
    policy = f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    parts = [
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{_text(title)}</title><style>{STYLE}</style></head><body>",
        f"<h1>{_text(title)}</h1><p>{_text(_summary(recipe, steps))}</p>",
        *[f'<p class="alert">{_text(warning)}</p>' for warning in warnings],
        '<noscript><p class="soft">The plots need JavaScript; the tables are complete without it.</p></noscript>',
        *[f'<h2>{_text(label)}</h2><div class="plot" id="{_text(name)}"></div>' for name, label in plots],
        "<h2>What was skipped, and why</h2>",
        _ledger(events),
        "<h2>Documents blamed</h2>",
        _documents(documents),
        *(["<h2>Completions, the last ones first</h2>", _samples(samples)] if samples else []),
        f'<script type="application/json" id="figures">{_json(figures)}</script>',
        *[f"<script>{script}</script>" for script in scripts],
        "</body></html>\n",
    ]
    return "\n".join(parts)


def _own_figures(records: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    """(name, label) of the figures that a kind of training adds to those that every run has."""
    known = {*NOT_DRAWN, *(name for name, _ in PLOTS)}
    names = dict.fromkeys(name for record in records for name, value in record.items() if isinstance(value, float))
    return [(name, name) for name in names if name not in known]


def _summary(recipe: dict[str, Any], steps: Sequence[dict[str, Any]]) -> str:
    window = (recipe.get("stream") or {}).get("window")
    size = f"{recipe['steps']:,} steps of {recipe['batch_sequences']:,} sequences"
    size += f" of {window:,} tokens" if window else ""
    if not steps:
        return f"{size}; no step yet."
    last = steps[-1]
    read = f", {last['tokens']:,} tokens" if "tokens" in last else ""
    return f"{size}; at step {last['step']:,} with loss {last['loss']:.4f}{read}."


def _figure(
    name: str, label: str, records: Sequence[dict[str, Any]], abandoned: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    traces = [_trace(label, [r for r in records if name in r], name, INK)]
    if name == "loss":
        traces.append(
            _trace("validation", [r for r in records if "validation_loss" in r], "validation_loss", "#2b8a5f")
        )
    given_up = [record for record in abandoned if name in record]
    traces.append(_trace("given up", given_up, name, PALE))
    spikes = [record for record in (*records, *abandoned) if name in record and "event" in record]
    marked = _trace("update skipped", spikes, name, ALERT)
    marked |= {"mode": "markers", "marker": {"color": ALERT, "symbol": "x"}}
    data = [trace for trace in (*traces, marked) if trace["x"]]
    legend = {"orientation": "h", "x": 0, "y": 1.12}
    return {
        "data": data,
        "layout": {"xaxis": {"title": {"text": "step"}}, "legend": legend, "showlegend": len(data) > 1},
    }


def _trace(label: str, records: Sequence[dict[str, Any]], name: str, colour: str) -> dict[str, Any]:
    """A line through the records, thinned to what a screen shows; every record with an event stays."""
    stride = -(-len(records) // MOST_POINTS) or 1
    kept = [record for place, record in enumerate(records) if place % stride == 0 or "event" in record]
    return {
        "type": "scatter",
        "mode": "lines+markers" if len(kept) < 3 else "lines",
        "name": label,
        "x": [record["step"] for record in kept],
        "y": [record[name] if abs(record[name]) < float("inf") else None for record in kept],
        "line": {"color": colour, "width": 1.5},
    }


def _ledger(events: Sequence[dict[str, Any]]) -> str:
    shown = [(number, event) for number, event in enumerate(events, 1) if event["event"] in SHOWN_EVENTS]
    if not shown:
        return "<p>Nothing.</p>"
    rows = [(number, event["position"], *describe(event)) for number, event in shown]
    return _table(("event", "from sequence", "what", "why"), rows)


def _documents(documents: Sequence[dict[str, Any]]) -> str:
    if not documents:
        return "<p>None.</p>"
    rows = [
        (one["step"], one["doc_id"], one["source"], one["url"] or "", one["loss"], one["limit"] or "")
        for one in documents
    ]
    return _table(("step", "document", "source", "url", "loss", "limit"), rows)


def _samples(samples: Sequence[dict[str, Any]]) -> str:
    rows = [
        (
            one["step"],
            one["row"],
            one["prompt"],
            one["completion"],
            "not scored" if one["reward"] is None else one["reward"],
        )
        for one in reversed(samples)
    ]
    return _table(("step", "row", "prompt", "completion", "reward"), rows)


def _table(header: Iterable[str], rows: Sequence[Iterable[Any]]) -> str:
    head = "".join(f"<th>{_text(cell)}</th>" for cell in header)
    body = "".join("<tr>" + "".join(f"<td>{_cell(cell)}</td>" for cell in row) + "</tr>" for row in rows[:MOST_ROWS])
    more = f'<p class="soft">and {len(rows) - MOST_ROWS:,} more</p>' if len(rows) > MOST_ROWS else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"


def _cell(value: Any) -> str:
    return _text(f"{value:.4g}" if isinstance(value, float) else value)


def _text(value: Any) -> str:
    return html.escape(str(value), quote=True)


def _json(value: Any) -> str:
    """JSON that cannot end the script element it stands in."""
    return json.dumps(value, allow_nan=False).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _has(name: str, records: Sequence[dict[str, Any]]) -> bool:
    return any(name in record for record in records)


def _events(run: Path) -> list[dict[str, Any]]:
    return [event for event in json_lines(run / HISTORY) if event is not None]


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")


@cache
def _plotly() -> str:
    """The bundle inside the plotly package, with line ends as an HTML parser leaves them (the hash depends on it)."""
    bundle = files("plotly").joinpath("package_data", "plotly.min.js").read_text(encoding="utf-8")
    if "</script" in bundle.lower() or "<!--" in bundle:
        raise ValueError("plotly's bundle cannot be inlined: it would end its own element")
    return bundle.replace("\r\n", "\n").replace("\r", "\n")
