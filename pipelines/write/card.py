"""The dataset card: README.md beside corpus/, with the YAML head that Hugging Face reads.

The head makes the folder loadable as it stands (`configs` names the Parquet files); the text says where the corpus comes
from, what was dropped and by which rules, how to make it again, and what it does not promise.
"""

import re
from collections import Counter
from typing import Any

import yaml
from gristmill.pipelines.run.run import Run
from gristmill.pipelines.run.shown import visible
from gristmill.schemas import layout
from gristmill.schemas.recipe.corpus import Card
from gristmill.schemas.report import Summary

_SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
    (100_000_000, "10M<n<100M"),
    (1_000_000_000, "100M<n<1B"),
    (10_000_000_000, "1B<n<10B"),
)
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~&$])")
_LANGUAGES = 20


def write_card(run: Run, summary: Summary | None = None) -> str | None:
    """Write README.md of this selection; returns its path, None when the selection has no corpus.

    summary: the report's, when it is there; without it the card has no funnel and no drops.
    """
    corpus = run.find(layout.CORPUS)
    if corpus is None:
        return None
    path = f"{run.folder}{layout.CARD}"
    head = yaml.safe_dump(_head(run, corpus.rows, summary), sort_keys=False, allow_unicode=True, width=100)
    text = f"---\n{head}---\n\n" + "\n\n".join(_body(run, corpus.rows, summary)) + "\n"
    run.storage.write_bytes(path, text.encode("utf-8"))
    return run.storage.address(path)


def size_category(rows: int) -> str:
    """Hugging Face's size category.

    >>> [size_category(n) for n in (999, 1000, 20_000_000_000)]
    ['n<1K', '1K<n<10K', '10B<n<100B']
    """
    return next((name for limit, name in _SIZES if rows < limit), "10B<n<100B")


def _head(run: Run, rows: int, summary: Summary | None) -> dict[str, Any]:
    card = run.recipe.card
    languages = list(card.languages)
    if not languages and summary is not None and summary.languages:
        kept = [mix for mix in summary.languages if mix.after.documents and mix.name != "unknown"]
        languages = [mix.name for mix in sorted(kept, key=lambda mix: -mix.after.tokens)[:_LANGUAGES]]
    head: dict[str, Any] = {"pretty_name": run.recipe.name, "license": _licence(run)}
    if languages:
        head["language"] = languages
    return head | {
        "size_categories": [size_category(rows)],
        "task_categories": ["text-generation"],
        "tags": ["gristmill"],
        "configs": [{"config_name": "default", "data_files": f"{layout.CORPUS.folder}/data/*.parquet"}],
    }


def _licence(run: Run) -> str | list[str]:
    """What the card says for the whole: the recipe's word, else those of its sources, `other` where one says nothing."""
    said = run.recipe.card.licence
    if said != Card().licence:
        return said
    found = sorted({source.licence or said for source in run.recipe.sources})
    return found[0] if len(found) == 1 else found


def _body(run: Run, rows: int, summary: Summary | None) -> list[str]:
    recipe = run.recipe
    parts = [f"# {_plain(recipe.name)}"]
    if recipe.card.description:
        parts.append(_plain(recipe.card.description))
    parts.append(
        f"{rows:,} documents, built with gristmill {run.summary['gristmill']} on {run.summary['created'][:10]}. "
        "Every document's decision, with all the rules it failed, is in `decisions/`; `report.html` shows the figures, "
        "the thresholds and samples."
    )
    parts += ["## Sources", _sources(run)]
    if summary is not None:
        parts += ["## From files to corpus", _funnel(summary), "## Rules", _rules(summary)]
    parts += ["## Make it again", _again(run), "## Content digests", _digests(run), "## Limits", _limits(run, summary)]
    return parts


def _plain(text: object) -> str:
    """Text that Markdown shows as it is, on one line."""
    return _MARKDOWN.sub(r"\\\1", visible(" ".join(str(text).split())))


def _table(heads: list[str], rows: list[list[object]]) -> str:
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    return "\n".join([*lines, *["| " + " | ".join(_plain(cell) for cell in row) + " |" for row in rows]])


def _sources(run: Run) -> str:
    facts = run.documents.facts["sources"]
    kept: Counter[str] = Counter()
    for part in run.selected(layout.CORPUS).parts:
        kept.update(part.rows_by)
    rows: list[list[object]] = []
    for source in run.recipe.sources:
        tally = facts.get(source.name, {})
        read, framed = tally.get("bytes_consumed", 0), tally.get("records_framed", 0)
        numbers = [f"{framed:,}", f"{read / 1e6:,.1f}", f"{kept[source.name]:,}"]
        rows.append([source.name, source.snapshot or "", source.format, *numbers, source.licence or "not said"])
    return _table(["Source", "Snapshot", "Format", "Records", "MB read", "Rows kept", "Licence"], rows)


def _funnel(summary: Summary) -> str:
    tokens = "Tokens" if summary.tokens_measured else "Tokens (bytes / 4)"
    rows: list[list[object]] = [
        [
            step.name,
            f"{step.documents:,}",
            f"{step.bytes / 1e6:,.3f}",
            "" if step.tokens is None else f"{step.tokens:,}",
        ]
        for step in summary.funnel
    ]
    return _table(["Step", "Documents", "MB", tokens], rows)


def _rules(summary: Summary) -> str:
    rows: list[list[object]] = [
        [
            rule.name,
            f"{rule.signal} {rule.keep} {rule.applies_to}".strip() if rule.signal else "",
            f"{rule.failing.documents:,}",
            f"{rule.only.documents:,}",
        ]
        for rule in summary.rules
    ]
    return _table(["Rule", "Keeps", "Documents that fail it", "that fail only it"], rows)


def _again(run: Run) -> str:
    recipe = run.recipe.model_dump(mode="json", exclude_defaults=True)
    recipe["sources"] = [
        {key: value for key, value in source.items() if key not in ("path", "root")} | {"path": "..."}
        for source in recipe["sources"]
    ]
    written = yaml.safe_dump(recipe, sort_keys=False, allow_unicode=True, width=100)
    fence = "`" * (3 + max((len(run) for run in re.findall("`+", written)), default=0))
    return f"`gristmill build recipe.yaml --out run` with this recipe, the paths filled in:\n\n{fence}yaml\n{written}{fence}"


def _digests(run: Run) -> str:
    corpus = run.selected(layout.CORPUS)
    named = {"documents": run.documents.digest, "decisions": run.decisions.digest, "corpus": corpus.digest}
    told = "Sums over all rows: the same rows give the same digest on any engine and in any order."
    return told + "\n\n" + _table(["Dataset", "Digest"], [[name, digest] for name, digest in named.items()])


def _limits(run: Run, summary: Summary | None) -> str:
    lines = [
        "Rules measure the form of a text, not whether it is true, fair or lawful to use; read samples before training.",
        "Licences are what the recipe says; the documents keep their own.",
    ]
    if run.recipe.dedup.exact is None:
        lines.append("Duplicates were not looked for.")
    if summary is not None and not summary.tokens_measured:
        lines.append("Token figures are estimates, one for every four bytes.")
    lines += [f"Incomplete: {_plain(sentence)}." for sentence in run.incomplete]
    if run.summary.get("sample") is not None:
        lines.append(f"Only a sample of {run.summary['sample']:.3%} of the documents was taken.")
    return "\n".join(f"- {line}" for line in lines)
