"""The sections of the report page: what each shows, explained in plain words."""

from collections.abc import Callable, Sequence

from gristmill.pipelines.inspect.report.decontamination import contamination_section
from gristmill.pipelines.inspect.report.domains import domains_section
from gristmill.pipelines.inspect.report.markup import Markup, element, join, link
from gristmill.pipelines.inspect.report.mixing import mixing_section
from gristmill.pipelines.inspect.report.plots import clusters_plot, funnel_plot, histogram_plot, mix_plot, rules_plot
from gristmill.pipelines.inspect.report.section import ReportSection
from gristmill.pipelines.inspect.report.steps import step_sections
from gristmill.pipelines.inspect.report.tables import TableCell, amount_cells, count, megabytes, percent, table
from gristmill.pipelines.inspect.report.web_pages import web_pages_section
from gristmill.schemas.report import Amount, FunnelStep, MixSection, NearPair, RuleDrops, SampleSection, Summary


def sections(summary: Summary) -> list[ReportSection]:
    """All sections that have something to show."""
    builders: Sequence[Callable[[Summary], ReportSection | None]] = (
        _funnel,
        _rules,
        _mixes,
        domains_section,
        _duplicates,
        _near_duplicates,
        contamination_section,
        mixing_section,
        _edits,
        web_pages_section,
        _reading,
        _signals,
        _samples,
        _near,
        _provenance,
    )
    found = [section for section in (build(summary) for build in builders) if section is not None]
    return [*found[:-1], *step_sections(summary), found[-1]]


def _step(summary: Summary, name: str) -> FunnelStep | None:
    return next((step for step in summary.funnel if step.name == name), None)


def _token_word(summary: Summary) -> str:
    return "tokens" if summary.tokens_measured else "estimated tokens"


def _funnel(summary: Summary) -> ReportSection:
    section = ReportSection("funnel", "Funnel", "From files to corpus")
    documents, kept = _step(summary, "Documents"), _step(summary, "Kept")
    corpus = _step(summary, "Written to the corpus")
    assert documents is not None
    assert kept is not None
    tokens = (corpus or kept).tokens or 0
    tiles = [
        (count(documents.documents), "documents read"),
        (percent(kept.documents, documents.documents), f"of them kept: {count(kept.documents)}"),
        (f"{megabytes((corpus or kept).bytes)} MB", "of text in the corpus"),
        (count(tokens), _token_word(summary) + " in the corpus"),
    ]
    section.content.append(
        element("div", *[element("div", element("b", a), element("span", b), class_="tile") for a, b in tiles],
                class_="tiles")
    )  # fmt: skip
    how = (
        "Tokens were counted with the recipe's tokenizer."
        if summary.tokens_measured
        else "Tokens are estimated as one for every four bytes of UTF-8 text, which suits English."
    )
    section.say(
        "Every document goes through the same steps. The bars show what is left after each of them; the table has the "
        f"figures, each with its share of all documents. {how}"
    )
    section.content.append(section.plot("plot-funnel", funnel_plot(summary.funnel), "Documents left after each step"))
    rows = [
        [
            TableCell(join([element("b", step.name), element("div", step.note, class_="soft small")]), "words"),
            *amount_cells(step.documents, step.bytes, step.tokens),
            TableCell(percent(step.documents, documents.documents) if step.tokens is not None else "", "number"),
        ]
        for step in summary.funnel
    ]
    heads = ["Step", "#Documents", "#MB", "#Tokens", "#Share"]
    section.content.append(table(heads, rows))
    return section


def _rules(summary: Summary) -> ReportSection:
    section = ReportSection("rules", "Rules", "What the rules drop")
    dropping = [rule for rule in summary.rules if rule.failing.documents]
    silent = [rule.name for rule in summary.rules if not rule.failing.documents]
    if not summary.rules:
        section.say("The policy has no rules.")
        return section
    section.say(
        "A document may fail several rules. “Only” counts the documents that fail this rule and no other: they would "
        "be in the corpus without it, unless they repeat a document that is. Loosening a rule gains at most that much."
    )
    if dropping:
        section.content.append(
            section.plot("plot-rules", rules_plot(dropping), "Documents dropped by each rule, alone or with others")
        )
    section.content.append(table(_RULE_HEADS, [_rule_row(rule) for rule in dropping], "No rule drops anything."))
    if silent:
        section.content.append(element("p", element("b", "Rules that drop nothing: "), ", ".join(silent), "."))
    if summary.combinations:
        section.head("Rules that fail together")
        more = summary.combinations_total - len(summary.combinations)
        section.say(
            "Documents that fail exactly this set of rules, the largest sets first"
            + (f"; {count(more)} smaller sets are not shown." if more else ".")
        )
        rows = [
            [
                TableCell(join([element("span", name, class_="tag") for name in entry.rules], " "), "words"),
                *_amount(entry.amount),
            ]
            for entry in summary.combinations
        ]
        section.content.append(table(["Rules", "#Documents", "#MB", "#Tokens"], rows))
    return section


_RULE_HEADS = ["Rule, and what it keeps", "#Documents", "#MB", "#Tokens", "#Only: documents", "#Only: tokens"]


def _rule_row(rule: RuleDrops) -> list[TableCell]:
    condition = f"{rule.signal} {rule.keep} {rule.applies_to}".strip() if rule.signal else ""
    told = [element("b", rule.name)]
    if condition:
        told.append(element("div", element("code", condition)))
    if rule.source:
        told.append(element("div", rule.source, class_="soft small"))
    return [
        TableCell(join(told), "words"),
        *_amount(rule.failing),
        TableCell(count(rule.only.documents), "number"),
        TableCell(count(rule.only.tokens), "number"),
    ]


def _amount(amount: Amount) -> list[TableCell]:
    return amount_cells(amount.documents, amount.bytes, amount.tokens)


def _mixes(summary: Summary) -> ReportSection:
    section = ReportSection("mix", "Sources", "Sources and languages, before and after")
    section.say(
        "Each bar is a share of all tokens: of the readable documents before the rules, and of the corpus. A source "
        "whose second bar is much shorter than its first is one the policy does not like."
    )
    for id, name, mixes in (("sources", "Source", summary.sources), ("languages", "Language", summary.languages)):
        if mixes is None:
            section.say("Languages were not measured in this run.", "soft")
            continue
        if len(mixes) > 1:
            section.content.append(section.plot(f"plot-{id}", mix_plot(mixes), f"{name}s before and after"))
        heads = [name, "#Documents", "#Kept", "#Share kept", "#MB", "#MB kept", "#Tokens", "#Tokens kept"]
        section.content.append(table(heads, [_mix_row(mix) for mix in mixes[:100]]))
        if len(mixes) > 100:
            section.say(f"{count(len(mixes) - 100)} more are in report.json.", "soft")
    return section


def _mix_row(mix: MixSection) -> list[TableCell]:
    before, after = mix.before, mix.after
    figures = [
        count(before.documents),
        count(after.documents),
        percent(after.documents, before.documents),
        megabytes(before.bytes),
        megabytes(after.bytes),
        count(before.tokens),
        count(after.tokens),
    ]
    return [TableCell(mix.name, "words"), *[TableCell(figure, "number") for figure in figures]]


def _duplicates(summary: Summary) -> ReportSection | None:
    found = summary.duplicates
    if found is None:
        return None
    what = "Exact duplicates" if summary.near is None else "Exact and near duplicates"
    section = ReportSection("duplicates", "Duplicates", what)
    alike = "the same content" if summary.near is None else "the same or nearly the same content"
    section.say(
        f"{count(found.clusters)} groups of documents with {alike} passed the rules. One of each group is "
        f"kept; {count(found.removed.documents)} copies with {count(found.removed.tokens)} {_token_word(summary)} "
        "are dropped. Copies that fail a rule are not counted here."
    )
    if not found.clusters:
        return section
    section.content.append(section.plot("plot-clusters", clusters_plot(found), "Groups of duplicates by their size"))
    section.content.append(
        table(
            ["Why the survivor won", "#Copies"],
            [
                [TableCell(reason, "words"), TableCell(count(copies), "number")]
                for reason, copies in sorted(found.why.items())
            ],
        )
    )
    section.head("The largest groups")
    cards = [_card(cluster.survivor, f"{count(cluster.size)} documents") for cluster in found.largest]
    section.content.append(element("div", *cards, class_="grid"))
    return section


def _near_duplicates(summary: Summary) -> ReportSection | None:
    found = summary.near
    if found is None:
        return None
    section = ReportSection("near-duplicates", "Near duplicates", "Near duplicates: what was compared")
    share = f" ({percent(found.verified, found.compared)})" if found.compared else ""
    section.say(
        f"{count(found.compared)} pairs of documents shared a band of their MinHash signatures and were compared: "
        f"{count(found.verified)}{share} have a similarity of {found.similarity:g} or more, {count(found.refuted)} were "
        f"refuted and drop nothing. {count(found.left_by_cap)} pairs in crowded buckets were left uncompared."
    )
    if found.link == "component":
        section.say(
            f"Groups are whole chains of similar documents: {count(found.chained)} dropped documents are not similar to "
            f"the one that stands for them, the longest chain has {count(found.eccentricity or 0)} links."
        )
    kinds = (
        ("copies of a kept document", found.exact_only),
        ("near duplicates of a kept document", found.near_only),
        ("copies of a dropped near duplicate", found.both),
    )
    heads = ["Dropped as", "#Documents", "#MB", f"#{_token_word(summary).capitalize()}"]
    section.content.append(
        table(
            heads,
            [
                [TableCell(name, "words"), *amount_cells(amount.documents, amount.bytes, amount.tokens)]
                for name, amount in kinds
            ],
        )
    )
    if found.edge:
        section.head("Pairs at the edge of the similarity")
        section.say("If the pairs just above it are worth having twice, raise the similarity; below it, lower it.")
    section.content += [_pair_card(pair) for pair in found.edge]
    return section


def _pair_card(pair: NearPair) -> Markup:
    """The differing words of two documents: what only the earlier has is struck out, what only the later has underlined."""
    verdict = "similar" if pair.similar else "not similar"
    head = f"{pair.similarity:.4f}, {verdict}: {pair.earlier} and {pair.later}"
    if pair.pieces is None:
        return element("details", element("summary", head), element("p", "The run does not store these texts."))
    tags = {"same": "span", "earlier": "del", "later": "ins"}
    shown = [element(tags[piece.kind], piece.text, " ") for piece in pair.pieces]
    return element("details", element("summary", head), element("p", *shown))


def _edits(summary: Summary) -> ReportSection | None:
    if summary.edits is None:
        return None
    section = ReportSection("edits", "Edits", "What was changed in the text")
    section.say(
        f"The corpus holds the text version “{summary.text_version}”: these spans were removed or replaced in the kept "
        "documents. The original text stays in documents/, the spans are in edits/."
    )
    rows = [
        [
            TableCell(entry.reason, "name"),
            *[
                TableCell(count(n), "number")
                for n in (entry.documents, entry.edits, entry.bytes_removed, entry.bytes_added)
            ],
        ]
        for entry in summary.edits
    ]
    heads = ["Reason", "#Documents", "#Edits", "#Bytes removed", "#Bytes added"]
    section.content.append(table(heads, rows, "No document was changed."))
    return section


def _reading(summary: Summary) -> ReportSection:
    section = ReportSection("reading", "Reading", "Reading the files")
    section.say(
        "The readers count records where they are cut out of the files, before anything is decided about them. Every "
        "one of them is a document, was quarantined, or was skipped because its format says it holds no document."
    )
    rows = [
        [
            TableCell(entry.source, "words"),
            *[
                TableCell(figure, "number")
                for figure in (
                    megabytes(entry.bytes_consumed),
                    count(entry.records_framed),
                    count(entry.documents),
                    count(entry.quarantined),
                    count(entry.left_out_by_sample),
                )
            ],
            TableCell(", ".join(f"{reason}: {count(n)}" for reason, n in sorted(entry.skipped.items())), "words"),
        ]
        for entry in summary.balance
    ]
    heads = ["Source", "#MB read", "#Records", "#Documents", "#Quarantined", "#Not in the sample", "Skipped"]
    section.content.append(table(heads, rows))
    if summary.colliding_ids:
        section.say(f"{count(summary.colliding_ids)} documents shared their id with another and got a new one.")
    section.head("Files that were not read whole")
    if summary.unread_files:
        more = summary.unread_files_total - len(summary.unread_files)
        text = f"What was read before the fault is in the run{f'; {count(more)} more are not listed' if more else ''}."
        section.say(text, "warning")
        listed = [[TableCell(entry.url, "path"), TableCell(entry.error, "words")] for entry in summary.unread_files]
        section.content.append(table(["File", "What the reader says"], listed))
    else:
        section.say(f"None: all {count(summary.files)} files were read to their end.")
    section.head("Quarantine")
    groups = [
        [
            TableCell(group.source, "words"),
            TableCell(group.reason, "name"),
            TableCell(count(group.documents), "number"),
            TableCell(megabytes(group.bytes), "number"),
            TableCell(join([element("div", f"{e.location}: {e.detail}") for e in group.examples]), "path"),
        ]
        for group in summary.quarantine
    ]
    heads = ["Source", "Reason", "#Records", "#MB", "Examples"]
    section.content.append(table(heads, groups, "No record was quarantined."))
    return section


def _signals(summary: Summary) -> ReportSection | None:
    if not summary.histograms:
        return None
    section = ReportSection("signals", "Signals", "Signals and thresholds")
    section.content.append(
        element(
            "p",
            "Documents by the value of every signal that a rule reads: ",
            element("span", "green", class_="kept"),
            " is in the corpus, ",
            element("span", "amber", class_="dropped"),
            " was dropped, by this rule or another. The dashed line is a rule’s threshold and always lies on the "
            "border of two bars; the shaded side is the one that the rule drops. The bars at the ends also hold "
            "everything beyond the scale. Counts are drawn on a logarithmic scale, so that rare values near a "
            "threshold can be seen: each grid line is ten times the one below, and the two bars stand side by side.",
        )
    )
    section.content.append(
        element(
            "label", Markup('<input type="checkbox" id="logarithmic" checked> '), "logarithmic counts", class_="screen"
        )
    )
    cards = []
    for number, histogram in enumerate(summary.histograms):
        undefined = histogram.undefined_kept + histogram.undefined_dropped
        notes = [histogram.description]
        if histogram.smallest is not None and histogram.largest is not None:
            notes.append(f"From {histogram.smallest:,.6g} to {histogram.largest:,.6g}.")
        if undefined:
            notes.append(f"Undefined for {count(undefined)} documents ({count(histogram.undefined_kept)} kept).")
        hidden = [f"{t.rule} (keep {t.keep})" for t in histogram.thresholds if t.edge is None]
        if hidden:
            notes.append(f"Rules: {'; '.join(hidden)}.")
        figure = (
            section.plot(f"signal-{number}", histogram_plot(histogram), f"Documents by {histogram.signal}")
            if histogram.kept
            else Markup("")
        )
        noted = element("p", " ".join(f"{note.rstrip('.')}." for note in notes if note), class_="soft")
        cards.append(element("div", element("h3", histogram.signal), noted, figure))
    section.content.append(element("div", *cards, class_="grid"))
    return section


def _samples(summary: Summary) -> ReportSection:
    section = ReportSection("samples", "Samples", "Documents at random")
    section.say(
        "Chosen by a hash of the document’s id and the recipe’s seed, so that the same run always shows the same ones. "
        "The text is the original, before any edit, and cut after 600 characters. Characters that cannot be seen are "
        "spelled out."
    )
    for title, samples in (("Kept", summary.kept_samples), ("Dropped", summary.dropped_samples)):
        section.head(title)
        if samples:
            section.content.append(element("div", *[_card(sample) for sample in samples], class_="grid"))
        else:
            section.say("None.")
    return section


def _near(summary: Summary) -> ReportSection | None:
    shown = [entry for entry in summary.rule_samples if entry.failing]
    if not shown:
        return None
    section = ReportSection("near", "Near thresholds", "Near the thresholds")
    section.say(
        "For every rule that drops something: the documents nearest to its threshold on both sides. If those it drops "
        "read no worse than those it passes, the threshold may be wrong for this material. Rules without a scale show "
        "documents at random."
    )
    keeps = {rule.name: f"{rule.signal} {rule.keep}" for rule in summary.rules}
    for entry in shown:
        sides = [
            element("div", element("h3", title), *[_card(s, None, keeps[entry.rule].split()[0]) for s in samples])
            for title, samples in (("Fails the rule", entry.failing), ("Passes the rule", entry.passing))
            if samples
        ]
        section.content.append(
            element(
                "details",
                element("summary", f"{entry.rule}: keep {keeps[entry.rule]}"),
                element("div", *sides, class_="grid"),
            )
        )
    return section


def _provenance(summary: Summary) -> ReportSection:
    section = ReportSection("provenance", "How it was made", "How it was made")
    run = summary.run
    section.say(
        "The digests are sums over all rows: two runs with the same digest hold the same rows, whatever engine, order "
        "or number of machines made them."
    )
    rows = [
        [TableCell(f"digest of {name}", "name"), TableCell(element("code", value))]
        for name, value in sorted(run.digests.items())
    ]
    rows += [
        [TableCell("engine", "name"), TableCell(run.engine)],
        [TableCell("text version", "name"), TableCell(summary.text_version)],
        [TableCell("seconds in all", "name"), TableCell(f"{run.seconds:,.1f}")],
    ]
    section.content.append(table(["", ""], rows))
    stages = [
        [TableCell(name, "name"), TableCell(f"{seconds:,.1f}", "number")] for name, seconds in run.stage_seconds.items()
    ]
    section.head("Seconds of each stage when it last ran")
    section.content.append(table(["Stage", "#Seconds"], stages))
    return section


def _card(sample: SampleSection, head: str | None = None, signal: str | None = None) -> Markup:
    """One document: decision, where it comes from, its text."""
    verdict = element("span", "kept" if sample.kept else "dropped", class_="kept" if sample.kept else "dropped")
    facts: list[str | Markup] = [verdict, f"{count(sample.text_bytes)} bytes", sample.source]
    if head:
        facts.insert(0, element("b", head))
    if signal is not None and sample.value is not None:
        value = f"{sample.value:.6g}" if isinstance(sample.value, float) else str(sample.value).lower()
        facts.insert(0, element("b", f"{signal} = {value}"))
    failed = element("p", "fails ", ", ".join(sample.failed_rules)) if sample.failed_rules else Markup("")
    if sample.excerpt is None:
        text = element("p", "The run does not store this text.", class_="soft")
    else:
        text = element("blockquote", sample.excerpt + (" …" if sample.is_cut else ""), dir="auto")
    where = element("span", sample.location) if sample.url is None else link(sample.url)
    return element(
        "div",
        element("p", join(facts, " · ")),
        failed,
        element("p", element("code", sample.doc_id), " ", where, class_="soft"),
        text,
        class_="card",
    )
