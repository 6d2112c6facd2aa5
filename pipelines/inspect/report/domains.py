"""Registered domains of a crawl: the largest by documents, what each gives and what is kept of it, in bounded memory.

A crawl has millions of domains. The first pass counts documents in buckets of domains by a hash; the second counts the
domains of the largest buckets one by one. No domain has more documents than its bucket, so every domain with more than the
largest bucket that was not looked into is certainly among those counted, and only such are shown.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import xxhash
from gristmill.pipelines.inspect.report.counts import DocumentWeights, encode
from gristmill.pipelines.inspect.report.section import ReportSection
from gristmill.pipelines.inspect.report.tables import TableCell, amount_cells, count, percent, table
from gristmill.schemas.report import Amount, DomainReport, MixSection, Summary

DOMAIN = "url_domain"
BUCKETS = 1 << 16
BUCKETS_OPENED = 1 << 9
DOMAINS_SHOWN = 50
NO_DOMAIN = ""  # no URL, or a host without a registered domain


def bucket_of(domain: str) -> int:
    """The bucket of a domain."""
    return int(xxhash.xxh3_64_intdigest(domain.encode("utf-8", "surrogatepass"))) % BUCKETS


def count_buckets(domains: pa.ChunkedArray, readable: np.ndarray) -> dict[str, int]:
    """Bucket -> documents whose domain falls into it."""
    codes, names = encode(domains, NO_DOMAIN)
    documents = np.bincount(codes[readable], minlength=len(names))
    counts: dict[str, int] = {}
    for name, number in zip(names, documents.tolist(), strict=True):
        if name != NO_DOMAIN:
            bucket = str(bucket_of(name))
            counts[bucket] = counts.get(bucket, 0) + number
    return counts


def buckets_to_open(counts: Mapping[str, int]) -> tuple[frozenset[int], int]:
    """(the largest buckets, documents of the largest one of the others)."""
    ranked = sorted(counts.items(), key=lambda entry: (-entry[1], int(entry[0])))
    closed = ranked[BUCKETS_OPENED:]
    return frozenset(int(bucket) for bucket, _ in ranked[:BUCKETS_OPENED]), closed[0][1] if closed else 0


def count_domains(
    domains: pa.ChunkedArray, weights: DocumentWeights, readable: np.ndarray, kept: np.ndarray, buckets: Collection[int]
) -> dict[str, dict[str, list[int]]]:
    """Domain -> [documents, bytes, tokens] before and after, of the domains in these buckets and of what has none."""
    codes, names = encode(domains, NO_DOMAIN)
    is_open = np.array([name == NO_DOMAIN or bucket_of(name) in buckets for name in names], bool)
    chosen = is_open[codes] if len(names) else np.zeros(0, bool)
    before = weights.by_code(codes, names, readable & chosen)
    after = weights.by_code(codes, names, kept & chosen)
    return {name: {"before": amount, "after": after.get(name, [0, 0, 0])} for name, amount in before.items()}


def domain_report(counts: Mapping[str, Mapping[str, Sequence[int]]], closed: int) -> DomainReport:
    """The largest domains. closed: documents of the largest bucket that was not looked into."""
    found = {name: (_amount(sides["before"]), _amount(sides["after"])) for name, sides in counts.items()}
    without = found.pop(NO_DOMAIN, (Amount(), Amount()))[0]
    ranked = sorted(found.items(), key=lambda entry: (-entry[1][0].documents, entry[0]))
    certain = [(name, amounts) for name, amounts in ranked if amounts[0].documents > closed]
    rest = [amounts[0].documents for _, amounts in ranked[min(len(certain), DOMAINS_SHOWN) :]]
    return DomainReport(
        largest=[MixSection(name=name, before=a, after=b) for name, (a, b) in certain[:DOMAINS_SHOWN]],
        others_have_at_most=max([closed, *rest]),
        without_domain=without,
    )


def domains_section(summary: Summary) -> ReportSection | None:
    """The section of the page; None where no domains were measured."""
    found = summary.domains
    if found is None or not (found.largest or found.without_domain.documents):
        return None
    section = ReportSection("domains", "Domains", "The largest registered domains")
    said = f"The {count(len(found.largest))} domains with most documents, before and after."
    if found.others_have_at_most:
        said += f" Every other domain has {count(found.others_have_at_most)} documents at most."
    if found.without_domain.documents:
        said += f" {count(found.without_domain.documents)} documents have no registered domain."
    section.say(said)
    whole = next((step.documents for step in summary.funnel if step.name == "Documents"), 0)
    heads = ["Domain", "#Share", "#Documents", "#MB", "#Tokens", "#Kept", "#MB", "#Tokens", "#Share kept"]
    rows = [
        [
            TableCell(one.name, "name"),
            TableCell(percent(one.before.documents, whole), "number"),
            *amount_cells(one.before.documents, one.before.bytes, one.before.tokens),
            *amount_cells(one.after.documents, one.after.bytes, one.after.tokens),
            TableCell(percent(one.after.documents, one.before.documents), "number"),
        ]
        for one in found.largest
    ]
    section.content.append(table(heads, rows))
    return section


def _amount(values: Sequence[int]) -> Amount:
    named: dict[str, Any] = dict(zip(("documents", "bytes", "tokens"), values, strict=True))
    return Amount(**named)
