"""Near-duplicate removal: truth by brute force on real pages, and the speed of the whole dedup beside datatrove's.

    python benchmarks/near_duplicates.py truth [FOLDER]       pages of four Debian packages, see below
    python benchmarks/near_duplicates.py speed [MEGABYTES]    default 200; datatrove on 8 of them

`truth` compares all pairs of pages (sorted shingle hashes, the true Jaccard) of installation-guide for two architectures
and of libreoffice-help in two Englishes, and holds a build against them: every dropped page verified, recall beside what
the probability curve promises. FOLDER (default benchmarks/.work/debian) holds the unpacked packages; what is missing is
fetched with `apt-get download` and `dpkg -x`.
`speed` runs `gristmill build` with `dedup.near`, and datatrove's four MinHash stages, on the same documents with
the same n-gram length, permutations, bands and rows.
"""

import json
import random
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import inputs
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from gristmill.filters.dedup.jaccard import jaccard
from gristmill.filters.dedup.lsh_parameters import candidate_probability
from gristmill.filters.dedup.minhash import band_hashes, signatures
from gristmill.filters.dedup.shingles import shingle_hashes
from gristmill.pipelines.build import build
from gristmill.pipelines.dedup.near.options import bands_of, shingling_of
from gristmill.pipelines.run.dataset import read_part
from gristmill.pipelines.run.run import Run
from gristmill.schemas.recipe.dedup import NearDedup

WORK = inputs.WORK
PACKAGES = (
    ("installation-guide-amd64", "installation-guide-arm64"),
    ("libreoffice-help-en-us", "libreoffice-help-en-gb"),
)
SIMILARITY = 0.8
INDEX = ("edges/near/signatures", "edges/near/buckets", "edges/near/shingles")
BLOCK = 2_000_000  # pairs compared in one call


def main() -> None:
    WORK.mkdir(exist_ok=True)
    mode, *rest = sys.argv[1:] or ["truth"]
    if mode == "truth":
        folder = Path(rest[0]) if rest else WORK / "debian"
        for pair in PACKAGES:
            truth(folder, pair)
    else:
        speed(float(rest[0]) if rest else 200.0)


def pages(folder: Path, package: str) -> dict[str, str]:
    """Path below the documentation's root without architecture or language -> text of the page."""
    from resiliparse.extract.html2text import extract_plain_text

    root = folder / package
    if not root.exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", "-qq", package], cwd=folder, check=True)
        subprocess.run(["dpkg", "-x", str(next(folder.glob(f"{package}_*.deb"))), str(root)], check=True)
    found = {}
    for path in sorted(root.rglob("*.html")):
        name = str(path.relative_to(root)).replace("-amd64", "").replace("-arm64", "")
        name = name.replace("/en-GB/", "/").replace("/en-US/", "/")
        found[name] = extract_plain_text(path.read_text(encoding="utf-8", errors="replace"), main_content=False)
    return found


def truth(folder: Path, packages: tuple[str, str]) -> None:
    """One pair of packages against brute force."""
    one, other = (pages(folder, package) for package in packages)
    records = [
        {"id": f"{side}{name}", "text": text}
        for side, found in (("a", one), ("b", other))
        for name, text in found.items()
    ]
    texts = [record["text"] for record in records]
    paired = sorted(set(one) & set(other))
    near = NearDedup(similarity=SIMILARITY)
    found = shingle_hashes(pa.array(texts), shingling_of(near))
    place = {record["id"]: number for number, record in enumerate(records)}
    a, b = ([place[f"{side}{name}"] for name in paired] for side in "ab")
    of_pairs = jaccard(found.values, found.offsets, np.array(a), np.array(b))
    identical = sum(one[name] == other[name] for name in paired)
    print(f"{' + '.join(packages)}: {len(texts):,} pages, {sum(map(len, texts)) / 1e6:.1f} MB of text")
    print(
        f"  page pairs: {len(paired):,}, {identical:,} identical, "
        f"{int((of_pairs >= SIMILARITY).sum()) - identical:,} more at Jaccard >= {SIMILARITY}"
    )
    begun = time.perf_counter()
    left, right, similarity = all_similar(found.values, found.offsets, 0.5)
    print(f"  all {len(texts) * (len(texts) - 1) // 2:,} pairs compared in {time.perf_counter() - begun:.0f} s")
    run = deduplicated(f"truth-{packages[0]}", records)
    judge(run, records, left, right, similarity, near)
    chains = dict(rows_of(deduplicated(f"truth-{packages[0]}-component", records, link="component")))
    clusters = [chains[record["id"]]["cluster"] for record in records]
    close = [
        (i, j) for i, j, s in zip(left.tolist(), right.tolist(), similarity.tolist(), strict=True) if s >= SIMILARITY
    ]
    together = sum(clusters[i] is not None and clusters[i] == clusters[j] for i, j in close)
    print(f"  link: component: {together:,} of {len(close):,} similar pairs (copies included) in one cluster")


def all_similar(values: np.ndarray, offsets: np.ndarray, least: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(left, right, Jaccard) of every pair at least that similar; sizes that cannot be are left out."""
    sizes = np.diff(offsets)
    order = np.argsort(sizes, kind="stable")
    ends = np.searchsorted(sizes[order], np.ceil(sizes[order] / least), side="right")
    lefts, rights, kept = [], [], []
    block: list[tuple[np.ndarray, np.ndarray]] = []
    waiting = 0
    for at in range(len(order)):
        others = order[at + 1 : ends[at]]
        block.append((np.full(len(others), order[at]), others))
        waiting += len(others)
        if waiting > BLOCK or at == len(order) - 1:
            one, other = (np.concatenate(side) for side in zip(*block, strict=True))
            found = jaccard(values, offsets, one, other)
            lefts.append(one[found >= least])
            rights.append(other[found >= least])
            kept.append(found[found >= least])
            block, waiting = [], 0
    return np.concatenate(lefts), np.concatenate(rights), np.concatenate(kept)


def deduplicated(name: str, records: list[dict[str, str]], **near: Any) -> Run:
    """A fresh build of the records with near-duplicate removal, exact copies of the bytes first."""
    folder = WORK / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "input.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    recipe = {
        "name": "near",
        "sources": [{"name": "docs", "path": str(folder / "input.jsonl"), "columns": {"id": "id", "metadata": ["id"]}}],
        "dedup": {"near": {"similarity": SIMILARITY, **near}},
    }
    return build(recipe, folder / "run", report=False)


def rows_of(run: Run) -> Iterator[tuple[str, dict[str, Any]]]:
    """(the input's id, decision) of every document."""
    names = ["doc_id", "kept", "failed_rules", "duplicate_of", "similarity", "cluster"]
    for documents, decisions in zip(run.documents.parts, run.decisions.parts, strict=True):
        metadata = read_part(run.storage, documents, ["metadata"]).column("metadata").to_pylist()
        for text, row in zip(metadata, read_part(run.storage, decisions, names).to_pylist(), strict=True):
            yield json.loads(text)["id"], row


def judge(
    run: Run,
    records: list[dict[str, str]],
    left: np.ndarray,
    right: np.ndarray,
    similarity: np.ndarray,
    near: NearDedup,
) -> None:
    """Precision and recall of a build against the true similarities of all pairs."""
    decided = dict(rows_of(run))
    rows = [decided[record["id"]] for record in records]
    number = {row["doc_id"]: n for n, row in enumerate(rows)}
    true = {
        (min(i, j), max(i, j)): s for i, j, s in zip(left.tolist(), right.tolist(), similarity.tolist(), strict=True)
    }
    dropped = [(n, number[row["duplicate_of"]], row) for n, row in enumerate(rows) if row["duplicate_of"]]
    near_rows = [entry for entry in dropped if "duplicate/near" in entry[2]["failed_rules"]]
    right_ones = sum(
        true.get((min(n, s), max(n, s)), 0.0) == row["similarity"] >= SIMILARITY for n, s, row in near_rows
    )
    survivors = [n for n, row in enumerate(rows) if "duplicate/exact" not in row["failed_rules"]]
    is_survivor = np.zeros(len(rows), bool)
    is_survivor[survivors] = True
    similar = (similarity >= SIMILARITY) & is_survivor[left] & is_survivor[right]
    bands = bands_of(near)
    keys = band_hashes(
        signatures(pa.array([record["text"] for record in records]), shingling_of(near)).values, bands.bands, bands.rows
    )
    candidate = (keys[left[similar]] == keys[right[similar]]).any(axis=1)
    promised = candidate_probability(similarity[similar], bands.bands, bands.rows)
    spread = float(np.sqrt((promised * (1 - promised)).sum()) / max(1, len(promised)))
    kept = {n for n, row in enumerate(rows) if row["kept"]}
    neighbours: dict[int, list[int]] = {}
    for i, j in zip(left[similar].tolist(), right[similar].tolist(), strict=True):
        neighbours.setdefault(i, []).append(j)
        neighbours.setdefault(j, []).append(i)
    missed = sum(1 for n in kept if any(other in kept and other < n for other in neighbours.get(n, ())))
    facts = run.decisions.facts["near"]
    print(
        f"  dropped: {len(dropped):,}, {len(near_rows):,} as near duplicates; similarity confirmed by brute force for "
        f"{right_ones:,} of them: precision {right_ones / max(1, len(near_rows)):.4f}"
    )
    print(
        f"  similar pairs among exact survivors: {int(similar.sum()):,}; found as candidates: {candidate.mean():.4f}, "
        f"promised by the curve: {promised.mean():.4f} +- {spread:.4f} (one standard deviation of independent pairs)"
    )
    print(
        f"  kept pages with a similar kept page before them: {missed:,} of {len(kept):,}; candidates compared "
        f"{facts['compared']:,}, verified {facts['verified']:,}, left by the cap {facts['left_by_cap']:,}"
    )


def near_copies(megabytes: float, seed: int = 3) -> list[dict[str, str]]:
    """Documents of benchmarks/inputs.py, a tenth of which are followed by a version with some words replaced."""
    dice = random.Random(seed)
    records = []
    for number, text in enumerate(inputs.documents(megabytes, seed)):
        records.append({"id": f"d{number}", "text": text})
        if dice.random() < 0.1:
            words = text.split(" ")
            for _ in range(max(1, len(words) // 60)):
                words[dice.randrange(len(words))] = f"changed{dice.randrange(1000)}"
            records.append({"id": f"d{number}-version", "text": " ".join(words)})
    return records


def speed(megabytes: float) -> None:
    """Seconds and MB/s of the near stages of a build, and of datatrove's four stages on a sample of the same input."""
    same = {"bands": 14, "rows": 8, "shingle": {"words": 5, "normalise": ["case", "punctuation", "digits", "accents"]}}
    warm = near_copies(1.0)
    deduplicated("speed-warm", warm, **same)
    records = near_copies(megabytes)
    size = sum(len(record["text"].encode()) for record in records) / 1e6
    before = peak_megabytes()
    begun = time.perf_counter()
    run = deduplicated("speed", records, **same)
    whole = time.perf_counter() - begun
    grown = peak_megabytes() - before
    stages = {
        name: run.dataset(name).seconds
        for name in ("edges/near/signatures", "edges/near/buckets", "edges/near/shingles", "decisions")
    }
    seconds = sum(stages.values())
    shown = ", ".join(f"{name} {value:.1f} s" for name, value in stages.items())
    print(f"{len(records):,} documents, {size:.0f} MB: whole build {whole:.1f} s, of it {shown}")
    print(f"  near-duplicate removal {seconds:.1f} s, {size / seconds:.1f} MB/s")
    print(
        f"  peak memory grew by {grown:.0f} MB over the run: {grown / len(records) * 1e6:,.0f} MB for a million documents, "
        f"the reading of {size / len(records) * 1e3:.1f} kB texts included; index on disk "
        f"{sum(part.bytes for name in INDEX for part in run.dataset(name).parts) / len(records):,.0f} bytes a document"
    )
    sample = records[: max(1, int(len(records) * 8 / size))]
    sample_size = sum(len(record["text"].encode()) for record in sample) / 1e6
    theirs, their_seconds = datatrove(sample)
    ours = deduplicated("speed-sample", sample, **same)
    dropped = {name for name, row in rows_of(ours) if row["duplicate_of"]}
    print(f"  datatrove on {sample_size:.1f} MB: {their_seconds:.1f} s, {sample_size / their_seconds:.2f} MB/s")
    print(f"  ratio {size / seconds / (sample_size / their_seconds):.0f}")
    clusters = {name: row["cluster"] for name, row in rows_of(ours)}
    both = {clusters[name] for name in theirs} & {clusters[name] for name in dropped}
    print(
        f"  removed on the sample: ours {len(dropped):,}, theirs {len(theirs):,}; {len(dropped & theirs):,} the same document, "
        f"{sum(clusters[name] is not None for name in theirs):,} of theirs in {len(both):,} clusters of ours"
    )


def peak_megabytes() -> float:
    """Of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def datatrove(records: list[dict[str, str]]) -> tuple[set[str], float]:
    """(ids removed, seconds) of the four stages with one task."""
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup import MinhashDedupCluster, MinhashDedupFilter, MinhashDedupSignature
    from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupBuckets
    from datatrove.pipeline.readers import ParquetReader
    from datatrove.pipeline.writers import ParquetWriter
    from datatrove.utils.hashing import HashConfig

    folder = WORK / "datatrove"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "input").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(records), folder / "input/documents.parquet")
    config = MinhashConfig(n_grams=5, num_buckets=14, hashes_per_bucket=8, hash_config=HashConfig(precision=64))
    reader = ParquetReader(str(folder / "input"))
    removed = ParquetWriter(str(folder / "removed"))
    steps: list[tuple[list[Any], int]] = [
        ([reader, MinhashDedupSignature(str(folder / "signatures"), config=config)], 1),
        ([MinhashDedupBuckets(str(folder / "signatures"), str(folder / "buckets"), config=config)], 14),
        ([MinhashDedupCluster(str(folder / "buckets"), str(folder / "remove"), config=config)], 1),
        ([reader, MinhashDedupFilter(str(folder / "remove"), exclusion_writer=removed)], 1),
    ]
    begun = time.perf_counter()
    for number, (pipeline, tasks) in enumerate(steps):
        LocalPipelineExecutor(pipeline, tasks=tasks, workers=1, logging_dir=str(folder / f"logs-{number}")).run()
    seconds = time.perf_counter() - begun
    found = set()
    for path in (folder / "removed").rglob("*.parquet"):
        found |= set(pq.read_table(path, columns=["id"]).column("id").to_pylist())
    return found, seconds


if __name__ == "__main__":
    main()
