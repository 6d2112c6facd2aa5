"""Text to MinHash signature, one core: this kernel, datasketch, rensa and datatrove on the same raw documents.

    python benchmarks/minhash_kernels.py PROSE.txt [more files] --megabytes 50

112 permutations of word 5-grams everywhere. Seconds are processor seconds, so that a busy machine
distorts less. Peers get the fewest Python steps their interface allows, and no more text
than they need for a steady figure. Each figure is the best of three runs but datatrove's, which runs once.
Full normalisation is lower case, accents, digits, punctuation and white space; datatrove always normalises, and splits
words with its own tokenizer.
"""

import logging
import time
from collections.abc import Callable

import prose
import xxhash
from gristmill.filters.dedup.minhash import signatures
from gristmill.filters.dedup.normalise import FULL
from gristmill.filters.dedup.shingles import Shingling, shingle_hashes

PERMUTATIONS = 112


def _shingles(text: str) -> list[str]:
    words = text.split()
    return [" ".join(words[i : i + 5]) for i in range(max(1, len(words) - 4))] if words else []


def _datasketch(documents: list[str], hash_function: Callable[[bytes], int] | None = None) -> None:
    from datasketch import MinHash

    sets = ([shingle.encode() for shingle in _shingles(text)] for text in documents)
    MinHash.bulk(sets, num_perm=PERMUTATIONS, hashfunc=hash_function)


def _datasketch_xxh32(documents: list[str]) -> None:
    _datasketch(documents, xxhash.xxh32_intdigest)


def _rensa(documents: list[str]) -> None:
    from rensa import RMinHash

    RMinHash.digest_matrix_from_token_sets((_shingles(text) for text in documents), PERMUTATIONS, 1)


def _datatrove(documents: list[str]) -> None:
    from datatrove.pipeline.dedup import MinhashDedupSignature
    from datatrove.utils.logging import logger

    logger.disable("datatrove")
    logging.disable(logging.WARNING)
    stage = MinhashDedupSignature("/nonexistent")  # only its hashing is called, nothing is written
    for text in documents:
        shingles = stage.get_shingles(text)
        if shingles.size:
            stage.get_signature(shingles)


def _speed(run: Callable[[], object], megabytes: float, times: int = 3) -> float:
    """Megabytes of text a second, best of `times`."""
    best = float("inf")
    for _ in range(times):
        begun = time.process_time()
        run()
        best = min(best, time.process_time() - begun)
    return megabytes / best


def main() -> None:
    chosen = prose.arguments("MinHash signatures from raw text, megabytes a second on one core.", 50)
    documents = prose.chosen_documents(chosen)
    texts, size = prose.as_arrow(documents), prose.megabytes_of(documents)
    full = Shingling(normalisation=FULL)
    for shingling in (Shingling(), full):  # compile
        signatures(texts[:2], shingling)
        shingle_hashes(texts[:2], shingling)
    ours = _speed(lambda: signatures(texts), size)
    ours_full = _speed(lambda: signatures(texts, full), size)
    rows = [
        ("gristmill signatures", ours),
        ("gristmill signatures, full normalisation", ours_full),
        ("gristmill sorted unique shingle hashes", _speed(lambda: shingle_hashes(texts), size)),
    ]
    for name, peer, megabytes, times in (
        ("rensa", _rensa, 10.0, 3),
        ("datasketch (its default hash, SHA-1)", _datasketch, 4.0, 3),
        ("datasketch with xxh32", _datasketch_xxh32, 4.0, 3),
        ("datatrove (normalises)", _datatrove, 0.5, 1),
    ):
        sample = prose.first_megabytes(documents, min(megabytes, size))
        peer(sample[:1])
        rows.append((name, _speed(lambda p=peer, s=sample: p(s), prose.megabytes_of(sample), times)))  # type: ignore[misc]
    print(f"{len(documents)} documents, {size:.1f} MB")
    print(f"{'':44} {'MB/s':>8} {'ours /':>8} {'full /':>8}")
    for name, speed in rows:
        print(f"{name:44} {speed:8.2f} {ours / speed:8.1f} {ours_full / speed:8.1f}")


if __name__ == "__main__":
    main()
