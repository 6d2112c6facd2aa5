"""Compare `refinedweb@dclm` with DCLM's own code: cleaned text, every rule, text after the line rules, every decision.

    python benchmarks/parity_dclm.py DCLM [PATH ...] [--generated 3000] [--limit 20000]

DCLM: a clone of https://github.com/mlfoundations/dclm. PATH: files or folders of JSON Lines, JSON, WARC or plain text (gz,
bz2, xz), beside generated texts. The oracle lives in benchmarks/.venv-dclm, made on the first run. Prints agreement and
the documents that differ; exit code 1 if any does.
"""

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
from documents import documents_under, generated
from gristmill.filters.profiles import profile
from gristmill.filters.text.top_level_domains import dclm_domains
from gristmill.filters.transforms.apply import versioned_text
from gristmill.schemas.recipe.rules import Rule
from parity_dolma import COMPARE, measure

HERE = Path(__file__).parent
VENV = HERE / ".venv-dclm"
ORACLE_PYTHON = VENV / "bin" / "python"
NEEDS = (
    "retrie==0.3.1 uniseg==0.10.1 nltk==3.10.4 fasttext-community blingfire==0.1.8 justext lxml_html_clean beautifulsoup4 "
    "unidecode transformers pyyaml zstandard pysimdjson boto3 s3fs jsonlines langdetect kenlm-ex sentencepiece"
)
REMOVAL = "word_removal_ratio_filter"
DOMAINS = "baselines/mappers/iana_tlds.txt"
FILTERS = {  # our rule -> DCLM's filter; the others are parts of massive_web_repetition_filters
    "few_words": "page_length_filter",
    "many_words": "page_length_filter",
    "short_words": "word_length_filter",
    "long_words": "word_length_filter",
    "many_symbols": "symbol_ratio_filter",
    "many_bullet_lines": "bullet_count_filter",
    "many_ellipsis_lines": "ellipsis_count_filter",
    "few_alpha_words": "alphabetic_word_ratio_filter",
    "few_stop_words": "stop_word_filter",
    "many_words_removed": REMOVAL,
}
REPETITION = "massive_web_repetition_filters"


def make_oracle() -> None:
    """A virtual environment of its own."""
    if ORACLE_PYTHON.exists():
        return
    venv.create(VENV, with_pip=True)
    subprocess.run([str(ORACLE_PYTHON), "-m", "pip", "install", "-q", *NEEDS.split()], check=True)


def oracle_answers(dclm: Path, texts: list[str]) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        asked, answered = Path(folder, "texts.jsonl"), Path(folder, "answers.jsonl")
        asked.write_text("".join(json.dumps(text) + "\n" for text in texts), encoding="utf-8")
        command = [str(ORACLE_PYTHON), str(HERE / "oracle_dclm.py"), str(asked), str(answered)]
        path = f"{dclm}:{dclm / 'baselines'}"
        subprocess.run(command, check=True, cwd=dclm, env={"PYTHONPATH": path}, stderr=subprocess.DEVNULL)
        with answered.open(encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]


def holds(rule: Rule, value: Any) -> bool:
    return rule.if_null == "keep" if value is None else bool(COMPARE[rule.operator](value, rule.operand))


def failed_filters(cleaned: list[str]) -> list[set[str]]:
    """What each cleaned text fails, by the names of DCLM's filters."""
    rules: tuple[Rule, ...] = profile("refinedweb@dclm").rules
    rows = measure(cleaned, [rule.signal_name for rule in rules])
    return [
        {FILTERS.get(rule.name, REPETITION) for rule in rules if not holds(rule, row[rule.signal_name])} for row in rows
    ]


def differences(texts: list[str], answers: list[dict[str, Any]]) -> Iterator[tuple[int, str, Any, Any]]:
    """(document, what, DCLM's, ours)."""
    given = pa.array(texts, pa.large_string())
    cleaned = versioned_text(given, "refinedweb_cleaned")[0].to_pylist()
    lines = versioned_text(given, "refinedweb_lines")[0].to_pylist()
    failed = failed_filters(cleaned)
    for number, theirs in enumerate(answers):
        if theirs["cleaned"] != cleaned[number]:
            yield number, "text without addresses", theirs["cleaned"], cleaned[number]
        if theirs["lines"] != lines[number]:
            yield number, "text after the line rules", theirs["lines"], lines[number]
        mine = failed[number]
        if not theirs["lines"]:  # DCLM ends a page that is empty before it counts the words removed
            mine = mine - {REMOVAL}
        if set(theirs["failed"]) != mine:
            yield number, "failed filters", sorted(theirs["failed"]), sorted(mine)
        kept = not failed[number] and bool(lines[number])
        if theirs["kept"] != kept:
            yield number, "decision", theirs["kept"], kept


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dclm", type=Path)
    parser.add_argument("paths", nargs="*", type=Path)
    parser.add_argument("--generated", type=int, default=3000)
    parser.add_argument("--limit", type=int, default=20_000, help="documents read from the paths")
    arguments = parser.parse_args()
    make_oracle()
    theirs = set((arguments.dclm / DOMAINS).read_text(encoding="utf-8").splitlines())
    equal = theirs == dclm_domains()
    print(
        f"top-level domains: DCLM {len(theirs):,}, gristmill {len(dclm_domains()):,}, {'equal' if equal else 'NOT equal'}"
    )
    read = list(itertools.islice(documents_under(arguments.paths), arguments.limit))
    texts = [*generated(arguments.generated), *read]
    found = list(differences(texts, oracle_answers(arguments.dclm.resolve(), texts)))
    wrong = {number for number, *_ in found}
    agree = f"{len(texts) - len(wrong):,} of {len(texts):,}"
    print(f"refinedweb@dclm: {agree} documents agree in both texts, every filter and the decision")
    for number, what, dclm, ours in found[:20]:
        print(f"  document {number}: {what}: DCLM {dclm!r:.120}, gristmill {ours!r:.120}; {texts[number][:60]!r}")
    return int(bool(wrong) or not equal)


if __name__ == "__main__":
    sys.exit(main())
