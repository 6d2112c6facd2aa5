"""Collecting a report: two passes over the columns of every part, then the few texts that are shown."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gristmill.filters.registry import find_signal
from gristmill.pipelines.decide.decisions import TOKEN_FAMILY
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.inspect.report.counts import Partial
from gristmill.pipelines.inspect.report.decontamination import evaluation_sets
from gristmill.pipelines.inspect.report.domains import DOMAIN, buckets_to_open, domain_report
from gristmill.pipelines.inspect.report.mixing import mix_report
from gristmill.pipelines.inspect.report.near import near_duplicates
from gristmill.pipelines.inspect.report.part import PICKS, Aligned, PartTask, count_details, count_part
from gristmill.pipelines.inspect.report.samples import FetchTask, fetch_samples, to_sample
from gristmill.pipelines.inspect.report.sketch import Number, central_range, choose_edges, edge_label, threshold_edge
from gristmill.pipelines.inspect.report.steps import step_figures
from gristmill.pipelines.inspect.report.web_pages import page_types
from gristmill.pipelines.policy.compile import DOCUMENT_SIGNALS, CompiledPolicy, compile_recipe
from gristmill.pipelines.policy.named_rule import NamedRule
from gristmill.pipelines.run.run import Run
from gristmill.pipelines.run.stages import fingerprint
from gristmill.pipelines.write.corpus import LANGUAGE
from gristmill.pipelines.write.mix.stored import mixed_corpus
from gristmill.pipelines.write.pii import Shown, shown_texts
from gristmill.schemas import layout
from gristmill.schemas.layout import DatasetSpec
from gristmill.schemas.manifest import DatasetManifest
from gristmill.schemas.recipe.rules import ORIGINAL, Rule
from gristmill.schemas.report import (
    REPORT_VERSION,
    Amount,
    BalanceSection,
    Cluster,
    ClusterSize,
    Combination,
    Duplicates,
    EditReason,
    Example,
    FunnelStep,
    Histogram,
    MixSection,
    QuarantineGroup,
    RuleDrops,
    RuleSamples,
    RunInfo,
    SampleSection,
    Summary,
    Threshold,
    UnreadFile,
)
from gristmill.schemas.signals import FamilyKey

TASK_ROWS = 200_000  # parts are read together up to this many documents: small files make many small parts
COMBINATIONS = 20
CLUSTERS = 6
SAMPLES = 6  # of each of kept and dropped
NEAR = 2  # on each side of a threshold
EXAMPLES = 3
UNREAD_FILES = 100
URL_RULES = ("url_rules", ORIGINAL)  # the family that measures domains
VALUES = 30  # bins of a histogram over names

Fetched = Mapping[tuple[int, int], Mapping[str, Any]]


def report_key(run: Run) -> str:
    """Changes whenever the report's content would: with decisions, corpus, recipe and what was quarantined."""
    corpus = run.find(layout.CORPUS)
    documents = run.documents
    mixed = mixed_corpus(run)
    written = [manifest.stage_key if manifest else None for manifest in (corpus, mixed)]
    stages = [documents.stage_key, run.decisions.stage_key, *written]
    return fingerprint(
        [REPORT_VERSION, *stages, documents.facts, run.summary["digests"], run.recipe.model_dump(mode="json")]
    )


def collect(run: Run, engine: Engine) -> Summary:
    """Everything the report shows, from the run's aligned datasets; texts are read only for the samples."""
    collector = _Collector(run, engine)
    try:
        return collector.summary()
    finally:
        run.storage.remove(collector.folder)


class _Collector:
    """One report in the making: the run's manifests, and a folder for partial results."""

    def __init__(self, run: Run, engine: Engine) -> None:
        self.run, self.engine, self.storage = run, engine, run.storage
        self.folder = f"{run.folder}report"
        recipe = run.recipe
        self.policy: CompiledPolicy = compile_recipe(recipe)
        self.documents, self.decisions = run.documents, run.decisions
        self.corpus = self._current(layout.CORPUS)
        self.edits = self._current(layout.EDITS)
        self.tokens_measured = TOKEN_FAMILY in run.signals
        self.storage.remove(self.folder)

    def _current(self, spec: DatasetSpec) -> DatasetManifest | None:
        """The corpus or its edits; None when they were written from other decisions or not at all."""
        found = self.run.find(spec)
        return found if found is not None and found.inputs.get("decisions") == self.decisions.digest else None

    def summary(self) -> Summary:
        first = self._pass(count_part, {})
        edges = {name: self._edges(name, first) for name in first.counts.get("signals", {})}
        numeric = {name: chosen for name, chosen in edges.items() if chosen}
        buckets = first.counts.get("domain_buckets")
        opened, closed = buckets_to_open(buckets or {})
        second = self._pass(count_details, numeric, opened).counts if numeric or buckets is not None else {}
        histograms = second.get("histograms", {})
        fetched = self._fetch(first)
        facts = self.documents.facts
        return Summary(
            key=report_key(self.run),
            run=self._run_info(),
            tokens_measured=self.tokens_measured,
            text_version=str(self.policy.texts),
            funnel=self._funnel(first.counts.get("funnel", {})),
            rules=self._rules(first.counts.get("rules", {})),
            combinations=_combinations(first.counts.get("combinations", {}))[:COMBINATIONS],
            combinations_total=len(first.counts.get("combinations", {})),
            sources=_mix(first.counts.get("sources", {})),
            languages=_mix(first.counts.get("languages", {})) if LANGUAGE in self.run.signals else None,
            page_types=page_types(first.counts.get("page_types", {})),
            domains=None if buckets is None else domain_report(second.get("domains", {}), closed),
            quarantine=_quarantine(first, shown_texts(self.run.recipe)),
            files=facts["files"],
            incomplete=list(self.run.incomplete),
            unread_files=sorted((UnreadFile(**entry) for entry in facts["errors"]), key=lambda e: (e.url, e.error))[
                :UNREAD_FILES
            ],
            unread_files_total=facts["files_not_whole"],
            balance=_balance(facts),
            colliding_ids=facts["colliding_ids"],
            duplicates=_duplicates(first, fetched) if self.run.recipe.dedup.finds_any else None,
            near=near_duplicates(self.run, first.counts.get("near", {})),
            contamination=evaluation_sets(self.run),
            mixing=mix_report(self.run),
            steps=step_figures(self.run),
            edits=_edits(first.counts.get("edits", {})) if self.edits is not None else None,
            histograms=[
                _histogram(
                    name, sketch, first.ranges.get(name), edges[name], histograms.get(name, {}), self._rules_of(name)
                )
                for name, sketch in sorted(first.counts.get("signals", {}).items())
            ],
            kept_samples=_samples(first, "kept", fetched, SAMPLES),
            dropped_samples=_samples(first, "dropped", fetched, SAMPLES),
            rule_samples=self._rule_samples(first, fetched),
        )

    def _tasks(self, folder: str, edges: Mapping[str, list[Number]], buckets: frozenset[int]) -> list[PartTask]:
        wanted = self._wanted()
        signals_read = self.run.signals
        corpus = {part.key: part for part in self.corpus.parts} if self.corpus else {}
        edits = {part.key: part for part in self.edits.parts} if self.edits else {}
        groups: list[list[Aligned]] = []
        rows = 0
        for number, part in enumerate(self.documents.parts):
            if not groups or rows + part.rows > TASK_ROWS:
                groups.append([])
                rows = 0
            rows += part.rows
            groups[-1].append(
                Aligned(
                    number=number,
                    documents=part,
                    decisions=self.decisions.parts[number],
                    signals={key: signals_read[key].parts[number] for key in wanted},
                    corpus=corpus.get(part.key),
                    edits=edits.get(part.key),
                )
            )
        return [
            PartTask(
                storage=self.storage,
                parts=tuple(group),
                wanted=wanted,
                policy=self.policy,
                tokens_measured=self.tokens_measured,
                seed=self.run.recipe.seed,
                output=f"{folder}/{number:08d}.json",
                edges=edges,
                domain_buckets=buckets,
            )
            for number, group in enumerate(groups)
        ]

    def _wanted(self) -> dict[FamilyKey, list[str]]:
        wanted = {key: list(names) for key, names in self.policy.needed.items()}
        for key, name in ((LANGUAGE, "language"), (URL_RULES, DOMAIN)):
            if key in self.run.signals and name not in wanted.setdefault(key, []):
                wanted[key].append(name)
        return wanted

    def _pass(
        self,
        function: Callable[[PartTask], int],
        edges: Mapping[str, list[Number]],
        buckets: frozenset[int] = frozenset(),
    ) -> Partial:
        folder = f"{self.folder}/{function.__name__}"
        tasks = self._tasks(folder, edges, buckets)
        self.engine.run_tasks(function, tasks)
        total = Partial()
        for task in tasks:
            total.add(self.storage.read_json(task.output), PICKS)
        return total

    def _edges(self, name: str, first: Partial) -> list[Number]:
        """Edges of a numeric signal's histogram; empty for other types and for signals without a single value."""
        found = first.ranges.get(name)
        if found is None:
            return []
        is_integer = _signal_facts(name)[0] == "int"
        low, high = central_range(first.counts["signals"][name]["buckets"], *found)
        borders = [threshold_edge(rule, is_integer) for rule in self._rules_of(name).values()]
        return choose_edges(low, high, [edge for edge in borders if edge is not None], is_integer)

    def _rules_of(self, signal: str) -> dict[str, Rule]:
        """Name, with the documents it applies to where these are not all -> rule, of the rules that read `signal`."""
        return {
            " ".join(filter(None, (named.name, applies_to(named)))): named.rule
            for named in (*self.policy.floor, *self.policy.rules)
            if named.rule.signal == signal
        }

    def _fetch(self, first: Partial) -> Fetched:
        rows: dict[int, set[int]] = {}
        for pick in self._shown(first):
            rows.setdefault(pick[2], set()).add(pick[3])
        tasks = [
            FetchTask(
                self.storage,
                self.documents.parts[part],
                self.decisions.parts[part],
                sorted(chosen),
                f"{self.folder}/samples/{part:08d}.json",
                shown_texts(self.run.recipe),
            )
            for part, chosen in sorted(rows.items())
        ]
        self.engine.run_tasks(fetch_samples, tasks)
        return {
            (part, int(row)): sample
            for part, task in zip(sorted(rows), tasks, strict=True)
            for row, sample in self.storage.read_json(task.output).items()
        }

    def _shown(self, first: Partial) -> Iterator[list[Any]]:
        limits = {"kept": SAMPLES, "dropped": SAMPLES, "clusters": CLUSTERS, "failing": NEAR, "passing": NEAR}
        for name, picks in first.picks.items():
            yield from picks[: limits.get(name.partition("\n")[0], 0)]

    def _run_info(self) -> RunInfo:
        summary = self.run.summary
        return RunInfo(
            name=self.run.recipe.name,
            selection=self.run.selection,
            **{key: summary[key] for key in ("gristmill", "created", "engine", "seconds", "sample", "stage_seconds")},
            digests={"documents": self.documents.digest, "decisions": self.decisions.digest}
            | ({"corpus": self.corpus.digest} if self.corpus else {}),
        )

    def _funnel(self, counts: Mapping[str, list[int]]) -> list[FunnelStep]:
        facts = self.documents.facts
        steps = [
            FunnelStep(
                name="Records in the files",
                note="what the readers framed; bytes as stored, compressed where the files are",
                documents=facts["records_framed"],
                bytes=facts["bytes_consumed"],
                tokens=None,
            )
        ]
        named = (
            ("documents", "Documents", "records that are meant to hold a document"),
            ("quarantined", "Quarantined", "of these, set aside because they could not be read"),
            ("above_floor", "Above the floor", "readable, measured, not empty: compared for duplicates"),
            ("passed", "Passed the rules", "fail no rule of the policy"),
            ("survivors", "Kept", "of every group of duplicates, the survivor"),
            ("corpus", "Written to the corpus", "as written, after edits of the text"),
        )
        for key, name, note in named:
            if key != "corpus" or self.corpus is not None:
                amount = counts.get(key, [0, 0, 0])
                steps.append(FunnelStep(name=name, note=note, documents=amount[0], bytes=amount[1], tokens=amount[2]))
        return steps

    def _rules(self, counts: Mapping[str, Mapping[str, list[int]]]) -> list[RuleDrops]:
        variants: dict[str, list[NamedRule]] = {}
        for named in (*self.policy.floor, *self.policy.rules):
            variants.setdefault(named.name, []).append(named)
        drops = []
        for name in [*variants, *sorted(set(counts) - set(variants))]:
            amounts = counts.get(name, {"failing": [0, 0, 0], "only": [0, 0, 0]})
            rules = [named.rule for named in variants.get(name, [])]
            drops.append(
                RuleDrops(
                    name=name,
                    signal=rules[0].signal if rules else None,
                    keep=" or ".join(dict.fromkeys(rule.shown for rule in rules)) if rules else None,
                    source="; ".join(dict.fromkeys(rule.source for rule in rules if rule.source)),
                    applies_to="; ".join(filter(None, map(applies_to, variants.get(name, [])))),
                    failing=_amount(amounts["failing"]),
                    only=_amount(amounts["only"]),
                )
            )
        return sorted(drops, key=lambda drop: (-drop.failing.documents, -drop.failing.tokens, drop.name))

    def _rule_samples(self, first: Partial, fetched: Fetched) -> list[RuleSamples]:
        found = []
        for name in dict.fromkeys(named.name for named in (*self.policy.floor, *self.policy.rules)):
            rules = [named.rule for named in (*self.policy.floor, *self.policy.rules) if named.name == name]
            failing = _samples(first, f"failing\n{name}", fetched, NEAR, show_value=True)
            passing = _samples(first, f"passing\n{name}", fetched, NEAR, show_value=True)
            by_margin = all(threshold_edge(rule, is_integer=False) is not None for rule in rules)
            found.append(RuleSamples(rule=name, by_margin=by_margin, failing=failing, passing=passing))
        return found


def applies_to(named: NamedRule) -> str:
    """Which documents a rule is for, in words; empty: all."""
    if named.by_source is not None:
        return f"(source {named.by_source})"
    if named.by_language is not None:
        return f"(language {named.by_language})"
    return ""


def _amount(values: list[int]) -> Amount:
    return Amount(documents=values[0], bytes=values[1], tokens=values[2])


def _combinations(counts: Mapping[str, list[int]]) -> list[Combination]:
    found = [Combination(rules=name.split("\n"), amount=_amount(values)) for name, values in counts.items()]
    return sorted(found, key=lambda entry: (-entry.amount.documents, -entry.amount.tokens, entry.rules))


def _mix(counts: Mapping[str, Mapping[str, list[int]]]) -> list[MixSection]:
    none = [0, 0, 0]
    found = [
        MixSection(name=name, before=_amount(sides.get("before", none)), after=_amount(sides.get("after", none)))
        for name, sides in counts.items()
    ]
    return sorted(found, key=lambda mix: (-mix.before.tokens, mix.name))


def _quarantine(first: Partial, shown: Shown) -> list[QuarantineGroup]:
    groups = []
    for label, values in sorted(first.counts.get("quarantine", {}).items()):
        source, _, reason = label.rpartition("\n")
        examples = []
        for pick in first.picks[f"quarantine\n{label}"][:EXAMPLES]:
            location, _, detail = pick[4].partition("\n")
            examples.append(Example(location=location, detail=shown(detail) or ""))
        groups.append(
            QuarantineGroup(source=source, reason=reason, documents=values[0], bytes=values[1], examples=examples)
        )
    return groups


def _balance(facts: Mapping[str, Any]) -> list[BalanceSection]:
    names = ("bytes_consumed", "records_framed", "documents", "quarantined", "skipped", "left_out_by_sample")
    return [
        BalanceSection(source=source, **{name: tally[name] for name in names})
        for source, tally in sorted(facts["sources"].items())
    ]


def _duplicates(first: Partial, fetched: Fetched) -> Duplicates:
    counts = first.counts.get("clusters", {"sizes": {}, "removed": [0, 0, 0], "why": {}})
    sizes = sorted((int(size), count) for size, count in counts["sizes"].items())
    return Duplicates(
        clusters=sum(count for _, count in sizes),
        removed=_amount(counts["removed"]),
        by_size=[ClusterSize(size=size, clusters=count) for size, count in sizes],
        why=counts["why"],
        largest=[
            Cluster(size=-pick[0], survivor=to_sample(pick, fetched, show_value=False))
            for pick in first.picks.get("clusters", [])[:CLUSTERS]
        ],
    )


def _edits(counts: Mapping[str, list[int]]) -> list[EditReason]:
    found = [
        EditReason(reason=reason, documents=values[0], edits=values[1], bytes_removed=values[2], bytes_added=values[3])
        for reason, values in counts.items()
    ]
    return sorted(found, key=lambda entry: (-entry.edits, entry.reason))


def _samples(first: Partial, name: str, fetched: Fetched, limit: int, show_value: bool = False) -> list[SampleSection]:
    return [to_sample(pick, fetched, show_value) for pick in first.picks.get(name, [])[:limit]]


def _signal_facts(name: str) -> tuple[str, str, str]:
    """(type, unit, description) of `signal` or `signal@version`."""
    plain, _, version = name.partition("@")
    if plain in DOCUMENT_SIGNALS:
        return DOCUMENT_SIGNALS[plain], "bytes", "UTF-8 bytes of the text"
    found = find_signal(plain)
    assert found is not None
    signal = found[1]
    measured = f", measured on the text `{version}`" if version and version != ORIGINAL else ""
    return signal.type, signal.unit, signal.description + measured


def _histogram(
    name: str,
    sketch: Mapping[str, Any],
    found: list[Number] | None,
    edges: list[Number],
    counts: Mapping[str, list[int]],
    rules: Mapping[str, Rule],
) -> Histogram:
    kind, unit, description = _signal_facts(name)
    borders = {label: threshold_edge(rule, kind == "int") for label, rule in rules.items()}
    labels = [edge_label(edge, list(rules.values())) for edge in edges]
    kept, dropped = counts.get("kept", []), counts.get("dropped", [])
    if kind not in ("int", "float"):
        both = {value: sketch["kept"].get(value, 0) + sketch["dropped"].get(value, 0)
                for value in {**sketch["kept"], **sketch["dropped"]}}  # fmt: skip
        labels = sorted(both, key=lambda value: (-both[value], value))[:VALUES]
        kept, dropped = ([sketch[side].get(value, 0) for value in labels] for side in ("kept", "dropped"))
    return Histogram(
        signal=name,
        type=kind,
        unit=unit,
        description=description,
        edges=edges,
        labels=labels,
        kept=kept,
        dropped=dropped,
        undefined_kept=sketch["undefined_kept"],
        undefined_dropped=sketch["undefined_dropped"],
        smallest=found[0] if found else None,
        largest=found[1] if found else None,
        thresholds=[
            Threshold(rule=label, keep=rule.keep, edge=edges.index(border) if border in edges else None)
            for (label, rule), border in zip(rules.items(), borders.values(), strict=True)
        ],
    )
