"""The mix on the report page: target tokens by group, and what limits mean for them."""

from gristmill.pipelines.inspect.report.section import ReportSection
from gristmill.pipelines.inspect.report.tables import TableCell, count, table
from gristmill.pipelines.run.run import Run
from gristmill.pipelines.write.mix.stored import mixed_corpus
from gristmill.schemas.report import MixedGroup, MixReport, Summary


def mix_report(run: Run) -> MixReport | None:
    """None when the corpus was not mixed, or was written anew since."""
    manifest = mixed_corpus(run)
    if manifest is None:
        return None
    targets = manifest.facts["targets"]
    copies: dict[str, int] = {}
    for part in manifest.parts:
        for number, documents in part.rows_by.items():
            copies[number] = copies.get(number, 0) + documents
    names = set(MixedGroup.model_fields)
    return MixReport(
        by=manifest.config["mix"]["by"],
        tokens=targets["tokens"],
        groups=[MixedGroup(**{key: value for key, value in row.items() if key in names}) for row in targets["groups"]],
        notes=list(targets["notes"]),
        documents_by_copies=dict(sorted(copies.items(), key=lambda entry: int(entry[0]))),
    )


def mixing_section(summary: Summary) -> ReportSection | None:
    """The section of the page; None without a mix."""
    found = summary.mixing
    if found is None:
        return None
    section = ReportSection("mix", "Mix", f"The mix by {found.by}")
    section.say(
        f"{count(found.tokens)} tokens are the target, from the documents written to the corpus. A document is used a whole "
        "number of times, drawn from its id; mixed/ holds the documents used, with their copies."
    )
    heads = ["Group", "#Documents", "#Tokens", "#Share wanted", "#Share", "#Planned tokens", "#Repetitions", "Limit"]
    rows = [
        [
            TableCell(group.name, "name"),
            *[TableCell(number, "number") for number in _figures(group)],
            TableCell(f"{group.limit}, costs {count(group.lost)} tokens" if group.lost else group.limit, "words"),
        ]
        for group in found.groups
    ]
    section.content.append(table(heads, rows))
    for note in found.notes:
        section.say(note)
    rows = [
        [TableCell(copies, "number"), TableCell(count(n), "number")] for copies, n in found.documents_by_copies.items()
    ]
    section.content.append(table(["#Copies", "#Documents"], rows))
    return section


def _figures(group: MixedGroup) -> list[str]:
    shares = [f"{100 * share:.2f} %" for share in (group.wanted, group.share)]
    amounts = [count(group.documents), count(group.available)]
    return [*amounts, *shares, count(group.tokens), f"{group.repetitions:.3f}"]
