"""Accuracy and speed of language identification on labelled sentences (`code<TAB>sentence`, plain or .gz).

    python benchmarks/language_id.py sentences.tsv.gz

Reported are the sentences that benchmarks/language_learn.py did not read, a quarter by hash, with the default options: a
sentence whose score is below the floor counts as wrong. All detectors' codes are normalised by the same table. Lenient
merges nb/nn, bs/hr/sr and id/ms. How far the score is a probability, and what no detector knows: language_scores.py.
"""

import gzip
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
from gristmill.filters.fasttext.classify import fasttext_classifier
from gristmill.filters.language.detectors import NO_LANGUAGE, cld2_candidates, default_model
from gristmill.filters.language.identify import measure
from gristmill.filters.language.options import LanguageOptions
from gristmill.filters.language.sample import sample_buffers
from language_learn import HELD_OUT, PARTS, hashed
from language_texts import tidy

DEFAULT = LanguageOptions()
NEAR = {"nn": "nb", "hr": "bs", "sr": "bs", "sh": "bs", "ms": "id"}
DETECTORS = {"fastText": "fasttext_language", "CLD2": "cld2_language", "combined": "language"}


def read(path: Path) -> list[tuple[str, str]]:
    """(language, sentence) of each line."""
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode()
    return [tuple(line.split("\t", 1)) for line in text.split("\n") if line]  # type: ignore[misc]


def in_reported_part(sentence: str) -> bool:
    return hashed(tidy(sentence)) % PARTS in HELD_OUT


def accuracy(truth: list[str], answers: list[str | None], lenient: bool) -> float:
    def merged(language: str | None) -> str | None:
        return NEAR.get(language or "", language) if lenient else language

    return sum(merged(a) == merged(b) for a, b in zip(truth, answers, strict=True)) / len(truth)


def seconds(*works: Callable[[], object]) -> list[float]:
    """CPU time of each, the best of 15 rounds in which they take turns: other load on the machine is not ours."""
    best = [float("inf")] * len(works)
    for _ in range(15):
        for n, work in enumerate(works):
            started = time.process_time()
            work()
            best[n] = min(best[n], time.process_time() - started)
    return best


def main(path: Path) -> None:
    rows = read(path)
    batch = pa.record_batch({"text": pa.array([sentence for _, sentence in rows], pa.large_string())})
    measure(batch.slice(0, 10), {})
    answers = measure(batch, {})
    part = [n for n, (_, sentence) in enumerate(rows) if in_reported_part(sentence)]
    truth = [rows[n][0] for n in part]
    columns = {name: answers.column(column).to_pylist() for name, column in DETECTORS.items()}
    print(f"{len(part)} of {len(rows)} sentences, {len(set(truth))} languages")
    print(f"{'detector':10} {'strict':>7} {'lenient':>8}")
    for name, column in columns.items():
        chosen = [column[n] for n in part]
        print(f"{name:10} {accuracy(truth, chosen, False):7.4f} {accuracy(truth, chosen, True):8.4f}")
    print("\nworst languages of combined, strict, with its most frequent mistake")
    right: Counter[tuple[str, str]] = Counter()
    mistakes: dict[str, Counter[str]] = {}
    for n in part:
        language = rows[n][0]
        for name, column in columns.items():
            right[language, name] += column[n] == language
        if columns["combined"][n] != language:
            mistakes.setdefault(language, Counter())[columns["combined"][n] or "none"] += 1
    totals = Counter(truth)
    for language in sorted(totals, key=lambda code: right[code, "combined"] / totals[code])[:15]:
        shares = "  ".join(f"{name} {right[language, name] / totals[language]:.3f}" for name in DETECTORS)
        print(f"{language:3} {shares}  {mistakes[language].most_common(2)}")
    speed(batch.take(pa.array(range(0, len(rows), 1 + len(rows) // 4000))), "sentences")
    speed(pa.record_batch({"text": pa.array(pages(rows), pa.large_string())}), "pages of 15 sentences")


def pages(rows: list[tuple[str, str]]) -> list[str]:
    """Neighbouring sentences of one language joined to texts of about 2 kB, as web pages are long."""
    found = []
    for start in range(0, len(rows) - 15, 15 * 8):
        some = rows[start : start + 15]
        if len({language for language, _ in some}) == 1:
            found.append("\n".join(sentence for _, sentence in some))
    return found


def speed(batch: pa.RecordBatch, unit: str) -> None:
    """Ours beside bare calls of both detectors on the same texts."""
    import pycld2
    from fasttext_pybind import fasttext

    sentences = batch.column("text").to_pylist()
    encoded = [sentence.replace("\n", " ").encode() + b"\n" for sentence in sentences]
    model = fasttext()  # its Python wrapper warns when it loads, and fails under numpy 2
    model.loadModel(str(default_model()))
    named = cld2_candidates(encoded).numbers[:, 0] != NO_LANGUAGE
    fit = [text for text, has in zip(encoded, named, strict=True) if has]

    def bare_fasttext() -> None:
        for text in encoded:
            model.predict(text, 2, 0.0, "replace")

    def bare_cld2() -> None:
        for text in fit:
            pycld2.detect(text, isPlainText=True, bestEffort=True)

    sampled = sample_buffers(batch.column("text"), DEFAULT.windows, DEFAULT.window_bytes)
    compiled = fasttext_classifier(default_model())
    works = bare_fasttext, bare_cld2, lambda: compiled.classify(*sampled, 2), lambda: measure(batch, {})
    fasttext, cld2, own_fasttext, ours = seconds(*works)
    print(f"\n{unit} per CPU second, one thread, best of 15")
    print(f"fastText, bare calls  {len(encoded) / fasttext:9,.0f}")
    print(
        f"fastText, compiled    {len(encoded) / own_fasttext:9,.0f}  = {fasttext / own_fasttext:.2f} of its bare calls"
    )
    print(f"CLD2, bare calls      {len(fit) / cld2:9,.0f}")
    print(f"both, bare calls      {len(encoded) / (fasttext + cld2):9,.0f}")
    print(f"family, all signals   {len(encoded) / ours:9,.0f}  = {(fasttext + cld2) / ours:.2f} of both bare")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
