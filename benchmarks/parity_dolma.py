"""Compare the profiles `*@dolma` with Dolma 1.2.1 itself: every attribute value, every cut line, every decision.

    python benchmarks/parity_dolma.py [PATH ...] [--generated 3000] [--limit 20000]

PATH: files or folders of JSON Lines, JSON, WARC or plain text (gz, bz2, xz), beside generated texts. The oracle lives in
benchmarks/.venv-dolma, made on the first run. Prints agreement and the documents that differ; exit code 1 if any does.
"""

import argparse
import itertools
import json
import operator
import subprocess
import sys
import tempfile
import venv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
from documents import documents_under, generated
from gristmill.filters.profiles import PROFILES, profile
from gristmill.filters.registry import signals
from gristmill.filters.transforms.registry import TEXT_VERSIONS, transform
from gristmill.schemas.recipe.rules import Profile

HERE = Path(__file__).parent
VENV = HERE / ".venv-dolma"
ORACLE_PYTHON = VENV / "bin" / "python"
NEEDS = (
    "anyascii blingfire==0.1.8 fasttext-wheel==0.9.2 numpy<2 nltk uniseg msgspec omegaconf smart-open jsonpath-ng jq "
    "boto3 necessary tokenizers platformdirs zstandard requests rich python-dotenv charset-normalizer"
)

# Dolma's attribute -> our signal; the limit the decision puts on the attribute
GOPHER_SIGNALS = {
    "character_count": "character_count",
    "word_count": "word_count",
    "median_word_length": "median_word_length",
    "symbol_to_word_ratio": "symbol_word_fraction_dolma",
    "fraction_of_words_with_alpha_character": "alpha_word_fraction",
    "required_word_count": "stop_word_count",
    "fraction_of_lines_starting_with_bullet_point": "bullet_line_fraction_dolma",
    "fraction_of_lines_ending_with_ellipsis": "ellipsis_line_fraction_dolma",
    "fraction_of_duplicate_lines": "dup_line_fraction_dolma",
    "fraction_of_characters_in_duplicate_lines": "dup_line_char_fraction_dolma",
    **{f"fraction_of_characters_in_most_common_{n}grams": f"top_{n}gram_char_fraction_dolma" for n in (2, 3, 4)},
    **{f"fraction_of_characters_in_duplicate_{n}grams": f"dup_{n}gram_char_fraction_dolma" for n in range(5, 11)},
}
# Dolma writes 0.0 where a text without words has no such quantity
ZERO_WITHOUT_WORDS = {"median_word_length", "symbol_word_fraction_dolma", "alpha_word_fraction"}
PAPER_LIMITS = {
    "word_count": (50, 100_000),
    "median_word_length": (3, 10),
    "symbol_to_word_ratio": (0, 0.1),
    "fraction_of_words_with_alpha_character": (0.8, 1),
    "required_word_count": (2, float("inf")),
    "fraction_of_lines_starting_with_bullet_point": (0, 0.9),
    "fraction_of_lines_ending_with_ellipsis": (0, 0.3),
    "fraction_of_duplicate_lines": (0, 0.3),
    "fraction_of_characters_in_duplicate_lines": (0, 0.2),
    **{f"fraction_of_characters_in_most_common_{n}grams": (0, x) for n, x in ((2, 0.2), (3, 0.18), (4, 0.16))},
    **{f"fraction_of_characters_in_duplicate_{n}grams": (0, (20 - n) / 100) for n in range(5, 11)},
}
C4_FLAGS = {
    "has_curly_brace": "c4_dolma_curly_bracket",
    "has_lorem_ipsum": "c4_dolma_lorem_ipsum",
    "has_javascript": "c4_dolma_javascript",
}
C4_LINES = {
    "lines_with_no_ending_punctuation": "c4_dolma_lines_without_terminal_mark",
    "lines_with_too_few_words": "c4_dolma_short_lines",
}
COMPARE = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt, "==": operator.eq}

Row = dict[str, Any]


def make_oracle() -> None:
    """A virtual environment of its own: Dolma pins versions that nothing else here could live with."""
    if ORACLE_PYTHON.exists():
        return
    venv.create(VENV, with_pip=True)
    pip = [str(ORACLE_PYTHON), "-m", "pip", "install", "-q"]
    subprocess.run([*pip, "--no-deps", "dolma==1.2.1"], check=True)
    subprocess.run([*pip, *NEEDS.split()], check=True)


def oracle_spans(texts: list[str]) -> list[dict[str, list]]:
    with tempfile.TemporaryDirectory() as folder:
        asked, answered = Path(folder, "texts.jsonl"), Path(folder, "spans.jsonl")
        asked.write_text("".join(json.dumps(text) + "\n" for text in texts), encoding="utf-8")
        command = [str(ORACLE_PYTHON), str(HERE / "oracle_dolma.py"), str(asked), str(answered)]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        with answered.open(encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]


def measure(texts: list[str], names: list[str]) -> list[Row]:
    """The named signals of each text, as rows."""
    batch = pa.record_batch([pa.array(texts, pa.large_string())], ["text"])
    families = {signals()[name][0].name: signals()[name][0] for name in names}
    tables = [family.function(batch, family.complete_options({})).to_pylist() for family in families.values()]
    return [{name: value for row in rows for name, value in row.items()} for rows in zip(*tables, strict=True)]


def keeps(chosen: Profile, row: Row) -> bool:
    def holds(value: Any, rule: Any) -> bool:
        return rule.if_null == "keep" if value is None else COMPARE[rule.operator](value, rule.operand)

    return all(holds(row[rule.signal_name], rule) for rule in chosen.rules)


def gopher_differences(spans: list[dict[str, list]], texts: list[str]) -> Iterator[tuple[int, str, Any, Any]]:
    """(document, what, Dolma's value, ours) for each attribute and the decision."""
    chosen = profile("gopher@dolma")
    ours = measure(texts, [*GOPHER_SIGNALS.values()])
    for number, (row, answer) in enumerate(zip(ours, spans, strict=True)):
        attributes = {kind: score for kind, _, _, score in answer["gopher"]}
        for attribute, signal in GOPHER_SIGNALS.items():
            value = row[signal]
            if value is None and signal in ZERO_WITHOUT_WORDS and row["word_count"] == 0:
                value = 0.0
            if attributes.get(attribute) != value:
                yield number, attribute, attributes.get(attribute), value
        limits = ((attributes.get(a), low, high) for a, (low, high) in PAPER_LIMITS.items())
        kept = all(value is None or low <= value <= high for value, low, high in limits)
        if kept != keeps(chosen, row):
            yield number, "decision", kept, keeps(chosen, row)


def c4_differences(spans: list[dict[str, list]], texts: list[str]) -> Iterator[tuple[int, str, Any, Any]]:
    """The same for c4_v2's flags (but for the naughty words, which need a list), line counts, cut text, decision."""
    chosen = profile("c4@dolma")
    ours = measure(texts, [*C4_FLAGS.values(), *C4_LINES.values()])
    cut = texts
    for step, options in TEXT_VERSIONS[chosen.text_version]:
        edits = transform(step)(pa.array(cut, pa.large_string()), options).to_pylist()
        cut = [
            without(text.encode(), [(e["start"], e["end"]) for e in one]).decode()
            for text, one in zip(cut, edits, strict=True)
        ]
    for number, (row, answer) in enumerate(zip(ours, spans, strict=True)):
        kinds = Counter(kind for kind, *_ in answer["c4"])
        for flag, signal in C4_FLAGS.items():
            if (kinds[flag] > 0) != row[signal]:
                yield number, flag, kinds[flag] > 0, row[signal]
        for kind, signal in C4_LINES.items():
            if kinds[kind] != row[signal]:
                yield number, kind, kinds[kind], row[signal]
        left = without_lines(texts[number], {start for kind, start, _, _ in answer["c4"] if kind in C4_LINES})
        if left != cut[number]:
            yield number, "text without flagged lines", left, cut[number]
        kept = not any(kinds[flag] for flag in C4_FLAGS)
        if kept != keeps(chosen, row):
            yield number, "decision", kept, keeps(chosen, row)


def without(data: Any, spans: list[tuple[int, int]]) -> Any:
    """`data` (str or bytes) less the spans, which are sorted and do not overlap."""
    edges = [0, *itertools.chain.from_iterable(spans), len(data)]
    return data[:0].join(data[edges[i] : edges[i + 1]] for i in range(0, len(edges), 2))


def without_lines(text: str, flagged: set[int]) -> str:
    """The text less the lines Dolma flags, each with its newline.

    Dolma's offsets count in the lower-cased text, where İ is two characters; they are read as line numbers here, as
    its spans cut a text with that letter in the wrong places.
    """
    starts = itertools.accumulate((len(line) + 1 for line in text.lower().split("\n")), initial=0)
    lines = [line + "\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return "".join(line for line, start in zip(lines, starts, strict=False) if start not in flagged)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="*", type=Path)
    parser.add_argument("--generated", type=int, default=3000)
    parser.add_argument("--limit", type=int, default=20_000, help="documents read from the paths")
    arguments = parser.parse_args()
    make_oracle()
    read = list(itertools.islice(documents_under(arguments.paths), arguments.limit))
    texts = [*generated(arguments.generated), *read]
    spans = oracle_spans(texts)
    differing = False
    for name, compare in (("gopher@dolma", gopher_differences), ("c4@dolma", c4_differences)):
        if name not in PROFILES:
            continue
        found = list(compare(spans, texts))
        wrong = {number for number, *_ in found}
        differing |= bool(wrong)
        print(f"{name}: {len(texts) - len(wrong)} of {len(texts)} documents agree in every value and the decision")
        for number, what, theirs, ours in found[:20]:
            print(f"  document {number}: {what}: Dolma {theirs!r:.80}, gristmill {ours!r:.80}; {texts[number][:60]!r}")
    return int(differing)


if __name__ == "__main__":
    sys.exit(main())
