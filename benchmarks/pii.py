"""Personal data and secrets: quality on labelled text, speed beside bare presidio, and what differs from it.

    python benchmarks/pii.py quality PATH      labelled texts (pii_labels.py names the formats): precision, recall by type
    python benchmarks/pii.py speed [MB]        MB/s of one core: prose without hits, and package documentation
    python benchmarks/pii.py differences [MB]  values that presidio finds and we do not, and the reverse, by reason
    python benchmarks/pii.py precision ...     how much of what is found in real text is right: see pii_precision.py
    python benchmarks/pii.py secrets           keys that detect-secrets' plugins find (where it is installed) and we do not

Bare presidio: its default pattern recognisers of our kinds over a blank spaCy pipeline, in the same process, on the same
documents, score 0.4 and above. Any overlap with a labelled span of the same kind counts as found.
"""

import argparse
import random
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
from gristmill.filters.pii.find import PiiFinding, find, has_candidates
from inputs import documents
from pii_labels import KINDS, Span, labelled_texts
from pii_precision import precision

MIN_SCORE = 0.4
LARGEST_DOCUMENT = 60_000


@cache
def presidio() -> Any:
    """AnalyzerEngine with patterns only: no model, no download, not even of a newer list of public suffixes."""
    import spacy
    import tldextract
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import SpacyNlpEngine

    class Blank(SpacyNlpEngine):
        def __init__(self) -> None:
            super().__init__(models=[{"lang_code": "en", "model_name": "blank"}])
            self.nlp = {"en": spacy.blank("en")}

        def load(self) -> None:
            """Nothing to load."""

        def is_loaded(self) -> bool:
            return True

    tldextract.extract = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)  # what its e-mail recogniser calls
    registry = RecognizerRegistry()
    registry.load_predefined_recognizers(languages=["en"])
    return AnalyzerEngine(registry=registry, nlp_engine=Blank(), supported_languages=["en"])


def theirs(text: str) -> list[Span]:
    found = presidio().analyze(text, language="en", entities=list(KINDS), score_threshold=MIN_SCORE)
    return [(result.start, result.end, KINDS[result.entity_type]) for result in found]


def ours(texts: list[str]) -> list[list[Span]]:
    found = find(pa.array(texts, pa.large_string()), {"min_score": MIN_SCORE})
    return [list(in_characters(text, values)) for text, values in zip(texts, found, strict=True)]


def in_characters(text: str, values: list[PiiFinding]) -> Iterator[Span]:
    data = text.encode()
    for value in values:
        start = len(data[: value.start].decode())
        yield start, start + len(data[value.start : value.end].decode()), value.kind


def overlaps(span: Span, others: list[Span], same_kind: bool = True) -> bool:
    return any(o[0] < span[1] and span[0] < o[1] and (o[2] == span[2] or not same_kind) for o in others)


def quality(path: Path) -> None:
    rows = labelled_texts(path)
    texts, labels = [text for text, _ in rows], [spans for _, spans in rows]
    print(f"{len(rows):,} texts, {sum(map(len, labels)):,} labelled values of our kinds")
    report("gristmill", labels, ours(texts))
    report("presidio, patterns", labels, [theirs(text) for text in texts])


def report(name: str, labels: list[list[Span]], found: list[list[Span]]) -> None:
    right: Counter[str] = Counter()
    total: Counter[str] = Counter()
    recalled: Counter[str] = Counter()
    labelled: Counter[str] = Counter()
    for gold, spans in zip(labels, found, strict=True):
        for span in spans:
            total[span[2]] += 1
            right[span[2]] += overlaps(span, gold)
        for span in gold:
            labelled[span[2]] += 1
            recalled[span[2]] += overlaps(span, spans)
    print(f"{name}: precision {right.total() / total.total():.3f} of {total.total()} found")
    for kind in labelled:
        precision = f"{right[kind] / total[kind]:.3f}" if total[kind] else "-"
        print(f"  {kind:12} recall {recalled[kind] / labelled[kind]:.3f} of {labelled[kind]}, precision {precision}")


def package_documents(megabytes: float) -> list[str]:
    """Whole documentation files of the installed packages, in an order drawn once."""
    packages = Path(pa.__file__).parent.parent
    paths = sorted(path for end in ("md", "rst", "txt") for path in packages.rglob(f"*.{end}"))
    paths += sorted(packages.rglob("METADATA"))
    random.Random(1).shuffle(paths)
    texts, size = [], 0
    for path in paths:
        text = path.read_bytes().decode("utf-8", "ignore")
        if 0 < len(text) <= LARGEST_DOCUMENT and size < megabytes * 1e6:
            texts.append(text)
            size += len(text.encode())
    return texts


def rate(texts: list[str], work: Any) -> float:
    start = time.process_time()
    work(texts)
    return sum(len(text.encode()) for text in texts) / 1e6 / (time.process_time() - start)


def speed(megabytes: float) -> None:
    ours(["jo@corp.de, tel. 467 3395, passport 123456789"])
    theirs("jo@corp.de")
    prose = documents(20 * megabytes)
    array = pa.array(prose, pa.large_string())
    without = [text for text, seen in zip(prose, has_candidates(array, {}).to_pylist(), strict=True) if not seen]
    print(f"prose without hits: {rate(without, ours):.1f} MB/s of processor time")
    print(f"prose as it is: {rate(prose, ours):.1f} MB/s")
    tables, texts = [], []
    for text in package_documents(megabytes):
        (tables if is_table(text) else texts).append(text)
    for name, chosen in (("package documentation", texts), ("tables of numbers among it", tables)):
        if chosen:
            mine, bare = rate(chosen, ours), rate(chosen, lambda texts: [theirs(text) for text in texts])
            size = sum(map(len, chosen)) / 1e6
            print(
                f"{name} ({len(chosen)} files, {size:.2f} M characters): {mine:.2f} MB/s; presidio {bare:.3f} MB/s; "
                f"{mine / bare:.1f} times"
            )


def is_table(text: str) -> bool:
    """More digits than letters."""
    return sum(map(str.isdigit, text)) > sum(map(str.isalpha, text))


_DECIMAL = re.compile(r"\d+\.\d+|\d+e[-+]?\d+", re.IGNORECASE)


def reason(text: str, span: Span) -> str:
    """Why a value that presidio finds is none of ours."""
    value, around = text[span[0] : span[1]], text[max(0, span[0] - 24) : span[1] + 24]
    digits = sum(map(str.isdigit, value))
    if span[2] == "phone" and digits < 7:
        return "phone of fewer than seven digits"
    if re.search(r"\d\.\d*$", text[max(0, span[0] - 20) : span[0]]) or _DECIMAL.search(value):
        return "part of a decimal number"
    if span[2] == "phone" and re.fullmatch(r"\d+", value):
        return "phone: a run of digits that no word calls a number"
    if span[2] == "phone" and re.search(r"\d+\.\d+\.\d+\.\d+", around):
        return "phone: an IP address or a version"
    if span[2] == "phone" and re.search(r"(?:19|20)\d\d[-/. ]", around):
        return "phone: a date or years"
    if span[2] == "ip_address":
        return "IP address: private, reserved, or a version"
    if span[2] == "national_id":
        return "identity number that no word names"
    return f"{span[2]}: other"


def differences(megabytes: float) -> None:
    texts = package_documents(megabytes)
    dropped: dict[str, list[str]] = defaultdict(list)
    added: dict[str, list[str]] = defaultdict(list)
    both = 0
    for text, mine in zip(texts, ours(texts), strict=True):
        bare = theirs(text)
        for span in bare:
            if overlaps(span, mine, same_kind=False):
                both += 1
            else:
                dropped[reason(text, span)].append(text[span[0] : span[1]])
        for span in mine:
            if not overlaps(span, bare, same_kind=False):
                added[span[2]].append(text[span[0] : span[1]])
    print(f"{len(texts)} documents, {sum(len(t.encode()) for t in texts) / 1e6:.2f} MB; found by both: {both}")
    for title, groups in (("presidio alone", dropped), ("gristmill alone", added)):
        print(title)
        for name, values in sorted(groups.items(), key=lambda group: -len(group[1])):
            print(f"  {len(values):6,} {name}: {', '.join(map(repr, sorted(set(values))[:5]))}")


def secrets() -> None:
    """Words that match each plugin's own pattern are not known: the keys of our tests are offered to both."""
    import sys

    sys.path.insert(0, str(Path(__file__).parents[1]))
    from tests.filters.pii.test_detectors import KEYS

    try:
        from detect_secrets.core.scan import scan_line
        from detect_secrets.settings import default_settings
    except ImportError:
        raise SystemExit("detect-secrets is not installed here: pip install detect-secrets") from None
    with default_settings():
        for key in KEYS:
            their = sorted({secret.type for secret in scan_line(key)})
            mine = [kind for _, _, kind in ours([key])[0]]
            print(
                f"{key[:28]!r:32} gristmill {'found' if 'secret' in mine else 'NOT FOUND'}; detect-secrets {their or 'none'}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("quality", "speed", "differences", "precision", "secrets"))
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    chosen = parser.parse_args()
    first = next(iter(chosen.arguments), None)
    if chosen.what == "quality":
        if first is None:
            raise SystemExit("expected the path of a labelled dataset")
        quality(Path(first))
    elif chosen.what == "precision":
        precision(chosen.arguments)
    elif chosen.what == "secrets":
        secrets()
    else:
        {"speed": speed, "differences": differences}[chosen.what](float(first or 1))


if __name__ == "__main__":
    main()
