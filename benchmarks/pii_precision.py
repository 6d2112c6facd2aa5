"""How much of what is found in real text is right: findings drawn by hash, judged by a reader, counted by kind of text.

    python benchmarks/pii.py precision JUDGED.tsv --texts prose=PATH --texts "web pages=PATH" [--of phone] [--sample 150]

Every distinct finding has a hash of its kind, itself and the text around it; of each kind of text those with the first
hashes under a seed are drawn, so that a change of the rules leaves most of the sample as it was. JUDGED.tsv has lines
`hash<TAB>right|wrong|?<TAB>kind of text<TAB>what was shown`: findings that were drawn and never judged are added with a
`?`, which a reader replaces. It quotes texts that are others', so it stays outside the repository.

PATH: a pattern of files and folders (`'corpus/*.jsonl.gz'`): plain text, JSON (`text`, or any strings), Parquet or JSON
Lines with `html`, WARC, plain or packed. HTML is read as a build reads it. Of folders the documents are read, not the data.
"""

import argparse
import gzip
import hashlib
import json
import lzma
from collections.abc import Iterator
from glob import glob
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from documents import documents_of
from gristmill.filters.html.extract import Extraction
from gristmill.filters.pii.find import find

MIN_SCORE = 0.4
SHOWN_BEFORE, SHOWN_BEHIND = 70, 40  # characters
LARGEST_TEXT = 60_000  # characters; longer ones are read in pieces
TEXTS_AT_ONCE = 2_000
DOCUMENT_ENDS = frozenset(".md .rst .txt .html .htm .adoc .tex .jsonl".split())  # noqa: SIM905
PACKED_ENDS = (".gz", ".bz2", ".xz")
JUDGEMENTS = ("right", "wrong", "?")
_Z = 1.96  # standard normal quantile of a 95 % interval


class Finding(NamedTuple):
    """A finding with the text around it on one line, and its hash."""

    digest: str
    shown: str


class Precision(NamedTuple):
    """Of one kind of text: megabytes read, distinct findings, and of the drawn ones how many are judged and right."""

    megabytes: float
    findings: int
    drawn: int
    judged: int
    right: int


def texts_under(pattern: str) -> Iterator[str]:
    """The texts of all files that a pattern names, of folders all documents in them, in the order of their names."""
    for path in sorted(map(Path, glob(pattern))):
        files = sorted(file for file in path.rglob("*") if is_document(file)) if path.is_dir() else [path]
        for file in files:
            for text in texts_of(file):
                yield from (text[i : i + LARGEST_TEXT] for i in range(0, len(text), LARGEST_TEXT))


def is_document(file: Path) -> bool:
    """Whether a file is one that people write for people, by its name: `README`, `METADATA`, `changelog.gz`, `notes.md`."""
    name = file.name
    for end in PACKED_ENDS:
        name = name.removesuffix(end)
    return file.is_file() and (Path(name).suffix.lower() in DOCUMENT_ENDS or ("." not in name and name[:1].isalpha()))


def texts_of(file: Path) -> Iterator[str]:
    ends = {end.lower() for end in file.suffixes}
    if ".parquet" in ends:
        table = pq.ParquetFile(file)
        column = "html" if "html" in table.schema_arrow.names else "text"
        for batch in table.iter_batches(batch_size=64, columns=[column]):
            yield from (as_text(value) for value in batch.column(column).to_pylist() if value)
    elif ".jsonl" in ends and "html" in (first := first_record(file)) and isinstance(first["html"], str):
        with packed_open(file) as lines:
            yield from (as_text(json.loads(line)["html"].encode()) for line in lines)
    elif ends & {".html", ".htm"}:
        with packed_open(file) as opened:
            yield as_text(opened.read())
    elif not is_binary(file):
        for text in documents_of(file):
            yield as_text(text.encode()) if ".warc" in ends and "<html" in text[:2000].lower() else text


def first_record(file: Path) -> dict[str, object]:
    with packed_open(file) as lines:
        found = json.loads(next(iter(lines), b"{}"))
    return found if isinstance(found, dict) else {}


def packed_open(file: Path):  # type: ignore[no-untyped-def]
    return {".gz": gzip.open, ".xz": lzma.open}.get(file.suffix, open)(file, "rb")


def is_binary(file: Path) -> bool:
    return file.suffix not in PACKED_ENDS and b"\0" in file.open("rb").read(4096)


def as_text(value: str | bytes) -> str:
    return value if isinstance(value, str) else Extraction(value).text


def findings_in(text: str, values: list[tuple[int, int, str]]) -> Iterator[Finding]:
    """values: (start, end, kind) in characters."""
    for start, end, kind in values:
        before, behind = text[max(0, start - SHOWN_BEFORE) : start], text[end : end + SHOWN_BEHIND]
        digest = hashlib.blake2b(f"{kind}\0{before}\0{text[start:end]}\0{behind}".encode(), digest_size=8).hexdigest()
        shown = f"{before}[[{text[start:end]}]]{behind}"
        yield Finding(digest, " ".join(shown.replace("\n", " ⏎ ").split()))


def findings_under(pattern: str, kind: str) -> tuple[dict[str, Finding], float]:
    """(distinct findings of a kind of value by hash, megabytes read)."""
    found: dict[str, Finding] = {}
    size = 0
    texts = texts_under(pattern)
    while some := list(islice(texts, TEXTS_AT_ONCE)):
        size += sum(len(text.encode()) for text in some)
        for text, values in zip(some, find(pa.array(some, pa.large_string()), {"min_score": MIN_SCORE}), strict=True):
            wanted = [value for value in values if value.kind == kind]
            if wanted:
                data = text.encode()
                spans = [(len(data[: v.start].decode()), len(data[: v.end].decode()), v.kind) for v in wanted]
                found |= {one.digest: one for one in findings_in(text, spans)}
    return found, size / 1e6


def drawn(found: dict[str, Finding], sample: int, seed: int) -> list[Finding]:
    """`sample` of the findings: those with the first hashes under the seed."""
    key = str(seed).encode()
    return sorted(found.values(), key=lambda f: hashlib.blake2b(f.digest.encode(), key=key).digest())[:sample]


def read_judgements(path: Path) -> dict[str, str]:
    """Hash -> right, wrong, or `?` where nobody has judged yet."""
    judgements: dict[str, str] = {}
    for number, line in enumerate(path.read_text("utf-8").split("\n") if path.exists() else (), 1):
        if not line:
            continue
        digest, judgement = [*line.split("\t"), ""][:2]
        if judgement not in JUDGEMENTS:
            raise SystemExit(f"{path}, line {number}: found {judgement!r}, expected one of {', '.join(JUDGEMENTS)}")
        judgements[digest] = judgement
    return judgements


def interval(right: int, judged: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share.

    >>> [round(edge, 3) for edge in interval(95, 100)], interval(0, 0)
    ([0.888, 0.978], (0.0, 1.0))
    """
    if judged == 0:
        return 0.0, 1.0
    share, z = right / judged, _Z
    middle = share + z * z / (2 * judged)
    width = z * (share * (1 - share) / judged + z * z / (4 * judged * judged)) ** 0.5
    whole = 1 + z * z / judged
    return (middle - width) / whole, (middle + width) / whole


def precision(arguments: list[str]) -> None:
    """The subcommand: draws, adds what is to be judged to the file, prints the table."""
    parser = argparse.ArgumentParser(
        prog="pii.py precision", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("judged", type=Path, help="TSV of judgements; made when it is not there")
    parser.add_argument("--texts", action="append", required=True, metavar="NAME=PATH", help="may be repeated")
    parser.add_argument("--of", default="phone", help="kind of value")
    parser.add_argument("--sample", type=int, default=150)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    patterns: dict[str, list[str]] = {}
    for item in given.texts:
        name, _, pattern = item.partition("=")
        if not glob(pattern):
            raise SystemExit(f"--texts {item!r}: expected NAME=PATH of files or folders that are there")
        patterns.setdefault(name, []).append(pattern)
    print(f"{'texts':20} {'MB':>6} {'found':>6} {'drawn':>6} {'judged':>6} {'right':>6}  precision, 95 % interval")
    for name, its in patterns.items():
        row = judge(name, its, given)
        low, high = interval(row.right, row.judged)
        share = f"{row.right / row.judged:.3f}, {low:.3f} to {high:.3f}" if row.judged else "-"
        print(
            f"{name:20} {row.megabytes:6.1f} {row.findings:6} {row.drawn:6} {row.judged:6} {row.right:6}  {share}",
            flush=True,
        )
        if row.judged < row.drawn:
            print(f"  {row.drawn - row.judged} to be judged in {given.judged}: replace `?` by right or wrong")


def judge(name: str, patterns: list[str], given: argparse.Namespace) -> Precision:
    """Draw from texts of one kind; findings never drawn before are added to the file."""
    found: dict[str, Finding] = {}
    megabytes = 0.0
    for pattern in patterns:
        some, size = findings_under(pattern, given.of)
        found |= some
        megabytes += size
    chosen, judgements = drawn(found, given.sample, given.seed), read_judgements(given.judged)
    with given.judged.open("a", encoding="utf-8") as file:
        file.writelines(f"{one.digest}\t?\t{name}\t{one.shown}\n" for one in chosen if one.digest not in judgements)
    answers = [judgements.get(one.digest, "?") for one in chosen]
    right = answers.count("right")
    return Precision(megabytes, len(found), len(chosen), right + answers.count("wrong"), right)
