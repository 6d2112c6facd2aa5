"""Compare `gopher@datatrove` with datatrove's own filters on documents: kept or dropped, and the first reason.

    python benchmarks/parity_datatrove.py [PATH ...] [--generated 1000] [--limit 5000]

Twice: with the words spaCy itself gives (must agree on every document; exit code 1 if not) and with the compiled word
rules. PATH as in parity_dolma.py. datatrove's filters each see the original text.
"""

import argparse
import itertools
import operator
import sys
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
from documents import documents_under, generated
from gristmill.filters.profiles.gopher import DATATROVE_QUALITY, DATATROVE_REPETITION
from gristmill.filters.registry import family, signals
from gristmill.schemas.policy import Rule

COMPARE = {">=": operator.ge, "<=": operator.le}
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


def datatrove_answers(texts: list[str]) -> list[tuple[str, str]]:
    """(quality, repetition) per text: the filter's reason, or "" when it keeps the text."""
    from datatrove.data import Document
    from datatrove.pipeline.filters import GopherQualityFilter, GopherRepetitionFilter

    filters = GopherQualityFilter(), GopherRepetitionFilter()
    answers = ([one.filter(Document(text=text, id="0")) for one in filters] for text in texts)
    return [tuple("" if answer is True else answer[1] for answer in row) for row in answers]  # type: ignore[misc]


def our_answers(texts: list[str], exact: bool) -> list[tuple[str, str]]:
    batch = pa.record_batch([pa.array(texts, pa.large_string())], ["text"])
    known = signals()
    names = {known[rule.signal_name][0].name for rule in (*DATATROVE_QUALITY, *DATATROVE_REPETITION)}
    tables = [family(name).function(batch, {"exact": exact}).to_pylist() for name in sorted(names)]
    rows = [{name: value for part in parts for name, value in part.items()} for parts in zip(*tables, strict=True)]
    return [
        (
            first_reason(row, DATATROVE_QUALITY, QUALITY_REASONS),
            first_reason(row, DATATROVE_REPETITION, REPETITION_REASONS),
        )
        for row in rows
    ]


def first_reason(row: dict[str, float | None], rules: Sequence[Rule], reasons: Sequence[str]) -> str:
    for rule, reason in zip(rules, reasons, strict=True):
        value = row[rule.signal_name]
        if value is not None and not COMPARE[rule.operator](value, rule.operand):
            return reason
    return ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="*", type=Path)
    parser.add_argument("--generated", type=int, default=1000)
    parser.add_argument("--limit", type=int, default=5000, help="documents read from the paths")
    arguments = parser.parse_args()
    read = list(itertools.islice(documents_under(arguments.paths), arguments.limit))
    texts = [*generated(arguments.generated), *read]
    theirs = datatrove_answers(texts)
    dropped = sum(answer != ("", "") for answer in theirs)
    print(
        f"{len(texts)} documents, {dropped} of them dropped by datatrove, for {len(set(theirs))} different pairs of reasons"
    )
    agree_exactly = True
    for exact in (True, False):
        ours = our_answers(texts, exact)
        reasons = [n for n, (a, b) in enumerate(zip(ours, theirs, strict=True)) if a != b]
        decisions = [n for n in reasons if (ours[n] == ("", "")) != (theirs[n] == ("", ""))]
        agree_exactly &= not (exact and reasons)
        words = "spaCy's words" if exact else "compiled words"
        print(f"{words}: {len(decisions)} decisions and {len(reasons)} reasons differ")
        for number in reasons[:10]:
            print(f"  document {number}: datatrove {theirs[number]}, gristmill {ours[number]}; {texts[number][:60]!r}")
    return int(not agree_exactly)


if __name__ == "__main__":
    sys.exit(main())
