"""Compare the profiles `@datatrove`, `fineweb` and `fineweb_chain` with datatrove's own filters on documents.

    python benchmarks/parity_datatrove.py [PATH ...] [--generated 1000] [--limit 5000]

Compared are the decision, for Gopher the reason too, and the text of kept documents where the filter rewrites it. Twice:
with the words spaCy itself gives (must agree on every document; exit code 1 if not) and with the compiled word rules.
PATH as in parity_dolma.py. Each filter sees the original text; the chain runs its four on one document.
"""

import argparse
import itertools
import operator
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from documents import documents_under, generated
from gristmill.filters.gopher.profiles import DATATROVE_QUALITY, DATATROVE_REPETITION
from gristmill.filters.profiles import profile
from gristmill.filters.registry import signals
from gristmill.filters.transforms.apply import versioned_text
from gristmill.schemas.recipe.rules import ORIGINAL, Rule

COMPARE = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "==": operator.eq,
    "!=": operator.ne,
}
# profile -> datatrove's filters with their arguments, and whether they run one after the other on one document
PEERS: dict[str, tuple[tuple[tuple[str, dict[str, Any]], ...], bool]] = {
    "gopher@datatrove": ((("GopherQualityFilter", {}), ("GopherRepetitionFilter", {})), False),
    "c4@datatrove": ((("C4QualityFilter", {}),), True),
    "fineweb": ((("FineWebQualityFilter", {}),), False),
    "fineweb_chain": (
        (
            ("GopherRepetitionFilter", {}),
            ("GopherQualityFilter", {}),
            ("C4QualityFilter", {"filter_no_terminal_punct": False}),
            ("FineWebQualityFilter", {}),
        ),
        True,
    ),
}
# datatrove's reasons in the order of our rules
QUALITY_REASONS = (
    *("gopher_short_doc", "gopher_long_doc", "gopher_below_avg_threshold", "gopher_above_avg_threshold"),
    *("gopher_too_many_hashes", "gopher_too_many_ellipsis", "gopher_too_many_bullets", "gopher_too_many_end_ellipsis"),
    *("gopher_below_alpha_threshold", "gopher_enough_stop_words"),
)
REPETITION_REASONS = (
    *("empty", "dup_para_frac", "dup_para_char_frac", "dup_line_frac", "dup_line_char_frac"),
    *(f"top_{n}_gram" for n in (2, 3, 4)),
    *(f"duplicated_{n}_n_grams" for n in range(5, 11)),
)
# (kept, reasons of the filters that dropped it, text after the filters or None where it does not matter)
Answer = tuple[bool, tuple[str, ...], str | None]


def datatrove_answers(name: str, texts: Sequence[str]) -> list[Answer]:
    from datatrove.data import Document
    from datatrove.pipeline import filters

    peers, chained = PEERS[name]
    steps = [getattr(filters, peer)(**options) for peer, options in peers]
    answers: list[Answer] = []
    for text in texts:
        reasons = []
        document = Document(text=text, id="0")
        for step in steps:
            if not chained:
                document = Document(text=text, id="0")
            verdict = step.filter(document) if document.text or not chained else (False, "empty")
            if verdict is not True:
                reasons.append(verdict[1])
                if chained:
                    break
        kept = not reasons
        named = tuple(reasons) if name == "gopher@datatrove" else ()
        answers.append((kept, named, document.text if chained and kept else None))
    return answers


def our_answers(name: str, texts: Sequence[str], exact: bool) -> list[Answer]:
    chosen = profile(name)
    columns = measured(chosen.rules, texts, exact)
    failed = [
        [rule for rule in chosen.rules if not holds(columns[rule.signal][row], rule)] for row in range(len(texts))
    ]
    edited = versioned_text(pa.array(texts, pa.large_string()), chosen.text_version or ORIGINAL)[0].to_pylist()
    answers: list[Answer] = []
    for rules, text in zip(failed, edited, strict=True):
        reasons = ()
        if name == "gopher@datatrove":
            groups = ((DATATROVE_QUALITY, QUALITY_REASONS), (DATATROVE_REPETITION, REPETITION_REASONS))
            reasons = tuple(reason for group in groups if (reason := first_reason(rules, *group)))
        answers.append((not rules, reasons, text if PEERS[name][1] and not rules else None))
    return answers


def measured(rules: Sequence[Rule], texts: Sequence[str], exact: bool) -> dict[str, list[Any]]:
    """The values of every signal the rules read (`name` or `name@version`)."""
    known, columns, batches = signals(), {}, {}
    for name in {rule.signal for rule in rules}:
        base, _, version = name.partition("@")
        family = known[base][0]
        if (family.name, version) not in batches:
            text, _ = versioned_text(pa.array(texts, pa.large_string()), version or ORIGINAL)
            options = family.complete_options({"exact": exact} if "exact" in family.options.model_fields else {})
            batches[family.name, version] = family.function(pa.record_batch([text], ["text"]), options)
        columns[name] = batches[family.name, version].column(base).to_pylist()
    return columns


def holds(value: Any, rule: Rule) -> bool:
    return rule.if_null == "keep" if value is None else bool(COMPARE[rule.operator](value, rule.operand))


def first_reason(failed: Sequence[Rule], rules: Sequence[Rule], reasons: Sequence[str]) -> str:
    return next((reason for rule, reason in zip(rules, reasons, strict=True) if rule in failed), "")


def compare(name: str, texts: Sequence[str]) -> bool:
    """Print how far the profile agrees; whether it does on every document with spaCy's words."""
    theirs = datatrove_answers(name, texts)
    kept = sum(answer[0] for answer in theirs)
    print(f"{name}: datatrove keeps {kept} of {len(texts)} documents")
    agree_exactly = True
    for exact in (True, False):
        ours = our_answers(name, texts, exact)
        differing = [n for n, (a, b) in enumerate(zip(ours, theirs, strict=True)) if a != b]
        decisions = [n for n in differing if ours[n][0] != theirs[n][0]]
        agree_exactly &= not (exact and differing)
        words = "spaCy's words" if exact else "compiled words"
        share = 1 - len(decisions) / len(texts)
        print(
            f"  {words}: {share:.2%} of decisions agree; {len(differing)} documents differ in decision, reason or text"
        )
        for number in differing[:5]:
            print(
                f"    document {number}: datatrove {theirs[number][:2]}, gristmill {ours[number][:2]}; {texts[number][:60]!r}"
            )
    return agree_exactly


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="*", type=Path)
    parser.add_argument("--generated", type=int, default=1000)
    parser.add_argument("--limit", type=int, default=5000, help="documents read from the paths")
    arguments = parser.parse_args()
    read = list(itertools.islice(documents_under(arguments.paths), arguments.limit))
    texts = [*generated(arguments.generated), *read]
    agreed = [compare(name, texts) for name in PEERS]  # every profile is compared, also after one that differs
    return int(not all(agreed))


if __name__ == "__main__":
    sys.exit(main())
