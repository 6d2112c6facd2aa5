"""The plots of a report as plotly figures: plain mappings, drawn in the browser by the inlined plotly.js."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from gristmill.pipelines.inspect.report.markup import plot_text
from gristmill.schemas.report import Duplicates, FunnelStep, Histogram, MixSection, RuleDrops

KEPT, DROPPED, NEUTRAL = "#2b8a5f", "#c98a2b", "#4a78b8"
_ROW_PIXELS = 26
_MAX_ROWS = 20
_MAX_TICKS = 9
_RULE_LABELS = 4

Figure = dict[str, Any]


def funnel_plot(steps: Sequence[FunnelStep]) -> Figure:
    """Documents that are left after each step."""
    shown = [step for step in steps if step.tokens is not None and step.name != "Quarantined"]
    return _bars(
        [step.name for step in shown],
        [("documents", NEUTRAL, [step.documents for step in shown])],
        "documents",
    )


def rules_plot(rules: Sequence[RuleDrops]) -> Figure:
    """Documents dropped by each rule, split into those that no other rule drops."""
    shown = [rule for rule in rules if rule.failing.documents][:_MAX_ROWS]
    return _bars(
        [rule.name for rule in shown],
        [
            ("by this rule only", DROPPED, [rule.only.documents for rule in shown]),
            ("other rules too", "#e3c99b", [rule.failing.documents - rule.only.documents for rule in shown]),
        ],
        "documents",
        stacked=True,
    )


def mix_plot(mixes: Sequence[MixSection]) -> Figure:
    """Share of tokens of each source or language before and after."""
    shown = mixes[:_MAX_ROWS]
    before, after = (
        max(1, sum(amount.tokens for amount in side))
        for side in ([mix.before for mix in mixes], [mix.after for mix in mixes])
    )
    return _bars(
        [mix.name for mix in shown],
        [
            ("readable documents", NEUTRAL, [round(100 * mix.before.tokens / before, 3) for mix in shown]),
            ("corpus", KEPT, [round(100 * mix.after.tokens / after, 3) for mix in shown]),
        ],
        "% of tokens",
        rows_each=2,
    )


def clusters_plot(duplicates: Duplicates) -> Figure:
    """How many clusters of duplicates there are of each size."""
    shown = duplicates.by_size[:_MAX_ROWS]
    rest = sum(entry.clusters for entry in duplicates.by_size[_MAX_ROWS:])
    names = [f"{entry.size:,} documents" for entry in shown] + (["more"] if rest else [])
    counts = [entry.clusters for entry in shown] + ([rest] if rest else [])
    return _bars(names, [("clusters", NEUTRAL, counts)], "clusters")


def _bars(
    names: Sequence[str],
    series: Sequence[tuple[str, str, Sequence[float]]],
    unit: str,
    stacked: bool = False,
    rows_each: int = 1,
) -> Figure:
    """Horizontal bars, the first name at the top."""
    labels = [plot_text(name, 34) for name in names]
    places = list(range(len(names)))
    data = [
        {
            "type": "bar",
            "orientation": "h",
            "name": name,
            "x": list(values),
            "y": places,
            "marker": {"color": color},
            "hovertext": [f"{label}<br>{name}: {value:,} {unit}" for label, value in zip(labels, values, strict=True)],
            "hoverinfo": "text",
        }
        for name, color, values in series
    ]
    layout = {
        "barmode": "stack" if stacked else "group",
        "height": 90 + len(names) * _ROW_PIXELS * rows_each,
        "margin": {"l": 10, "r": 16, "t": 34 if len(series) > 1 else 8, "b": 44},
        "showlegend": len(series) > 1,
        "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "traceorder": "normal"},
        "xaxis": {"title": {"text": unit}, "rangemode": "tozero", "nticks": 5},
        "yaxis": {
            "autorange": "reversed",
            "tickvals": places,
            "ticktext": labels,
            "automargin": True,
            "showgrid": False,
            "zeroline": False,
        },
    }
    narrow = [plot_text(str(name).rpartition("/")[2], 18) for name in names]
    return {"data": data, "layout": layout, "narrow": narrow}


def histogram_plot(histogram: Histogram) -> Figure:
    """Documents by value, kept and dropped; the side a rule drops is shaded from its threshold on."""
    bins = _bin_names(histogram)
    first = 1 if histogram.edges and not (histogram.kept[0] or histogram.dropped[0]) else 0
    places = [i + 0.5 for i in range(len(bins))]
    data = [
        {
            "type": "bar",
            "name": name,
            "x": places[first:],
            "y": counts[first:],
            "width": 1.0 if histogram.edges else 0.7,
            "marker": {"color": color, "line": {"width": 0}},
            "hovertext": [
                f"{label}<br>{name}: {n:,} documents" for label, n in zip(bins[first:], counts[first:], strict=True)
            ],
            "hoverinfo": "text",
        }
        for name, color, counts in (("kept", KEPT, histogram.kept), ("dropped", DROPPED, histogram.dropped))
    ]
    shapes, annotations = _thresholds(histogram, len(bins), first)
    ticks = _ticks(histogram) if histogram.edges else [(i + 0.5, name) for i, name in enumerate(bins)]
    layout = {
        "barmode": "stack",
        "bargap": 0,
        "height": 270 + 16 * len(annotations),
        "margin": {"l": 56, "r": 12, "t": 12 + 16 * len(annotations), "b": 52},
        "showlegend": False,
        "xaxis": {
            "title": {"text": plot_text(histogram.unit, 40)},
            "range": [first, len(bins)],
            "tickvals": [place for place, _ in ticks],
            "ticktext": [plot_text(name, 20) for _, name in ticks],
            "tickangle": 0 if histogram.edges else "auto",
            "showgrid": False,
            "ticks": "outside",
        },
        "yaxis": {"title": {"text": "documents"}, "rangemode": "tozero", "nticks": 5},
        "shapes": shapes,
        "annotations": annotations,
    }
    return {"data": data, "layout": layout}


def _bin_names(histogram: Histogram) -> list[str]:
    labels = [plot_text(label) for label in histogram.labels]
    if not histogram.edges:
        return labels
    if histogram.type == "int":
        edges = [int(edge) for edge in histogram.edges]
        inner = [f"{a:,} to {b - 1:,}" if b > a + 1 else f"{a:,}" for a, b in pairwise(edges)]
        return [f"below {edges[0]:,}", *inner, f"{edges[-1]:,} and more"]
    inner = [f"{a} to {b}" for a, b in pairwise(labels)]
    return [f"below {labels[0]}", *inner, f"{labels[-1]} and more"]


def _ticks(histogram: Histogram) -> list[tuple[float, str]]:
    """Edges with a label: those at thresholds first, others where they leave room."""
    last = len(histogram.edges)
    gap = max(1, -(-last // _MAX_TICKS))
    chosen = {threshold.edge for threshold in histogram.thresholds if threshold.edge is not None}
    for i in range(0, last, gap):
        if all(abs(i - other) >= gap for other in chosen):
            chosen.add(i)
    return [(edge + 1.0, histogram.labels[edge]) for edge in sorted(chosen)]


def _thresholds(histogram: Histogram, bins: int, first: int) -> tuple[list[Figure], list[Figure]]:
    shapes, annotations = [], []
    drawn = [threshold for threshold in histogram.thresholds if threshold.edge is not None]
    for row, threshold in enumerate(drawn[:_RULE_LABELS]):
        assert threshold.edge is not None
        place = threshold.edge + 1
        keeps_right = threshold.keep.strip().startswith(">")
        side = (first, place) if keeps_right else (place, bins)
        common = {"xref": "x", "yref": "paper", "y0": 0, "y1": 1}
        shaded = {"type": "rect", "x0": side[0], "x1": side[1], "fillcolor": "rgba(190,60,50,0.09)"}
        shapes.append({**common, **shaded, "line": {"width": 0}, "layer": "below"})
        line = {"type": "line", "x0": place, "x1": place, "line": {"color": "#b3372b", "width": 2, "dash": "dash"}}
        shapes.append({**common, **line})
        annotations.append(
            {
                "x": 0 if place < (first + bins) / 2 else 1,
                "xref": "paper",
                "y": 1,
                "yref": "paper",
                "yanchor": "bottom",
                "yshift": 16 * row,
                "xanchor": "left" if place < (first + bins) / 2 else "right",
                "text": plot_text(f"{threshold.rule}: keep {threshold.keep}", 48),
                "showarrow": False,
                "font": {"color": "#b3372b", "size": 11},
            }
        )
    return shapes, annotations
