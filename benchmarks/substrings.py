"""Duplicate substrings: both routes against the bare suffix sort, on the same documents, with equal masks checked.

    python benchmarks/substrings.py PROSE.txt [more files] --megabytes 50

Prints megabytes a second of one core (processor seconds) without input and output, the bytes that the partitioned route
ships per byte of text (the runs' text and 32 bytes of numbers each) and the share of text marked.
"""

import time

import numpy as np
import prose
from gristmill.filters.dedup.suffix_array import duplicate_mask, memory_bytes, suffix_array
from gristmill.filters.dedup.super_kmers import mark_partition, run_bytes, super_kmers
from gristmill.filters.dedup.windows import DEFAULT_LENGTH, Policy
from gristmill.kernels.buffers import string_buffers

_ROW_BYTES = 32  # key, document, start, length


def _by_partition(
    data: np.ndarray, offsets: np.ndarray, policy: Policy, partitions: int
) -> tuple[np.ndarray, dict[str, float]]:
    """(mask, seconds of finding runs and of marking them, and bytes shipped): one partition after another."""
    begun = time.process_time()
    runs = super_kmers(data, offsets, DEFAULT_LENGTH)
    found = time.process_time() - begun
    mask, marking = np.zeros(len(data), bool), 0.0
    for partition in range(partitions):
        mine = type(runs)(*(column[runs.keys % np.uint64(partitions) == partition] for column in runs))
        text, edges = run_bytes(data, offsets, mine)
        begun = time.process_time()
        spans = mark_partition(mine.keys, mine.docs, mine.starts, text, edges, DEFAULT_LENGTH, policy)
        marking += time.process_time() - begun
        for begin, end in zip(offsets[spans.docs] + spans.starts, offsets[spans.docs] + spans.ends, strict=True):
            mask[begin:end] = True
    shipped = float(runs.lengths.sum()) + _ROW_BYTES * len(runs.keys)
    return mask, {"find": found, "mark": marking, "shipped": shipped}


def main() -> None:
    chosen = prose.arguments("Duplicate substrings, megabytes a second on one core.", 20)
    texts = prose.as_arrow(prose.chosen_documents(chosen))
    data, offsets = string_buffers(texts)
    data, size = data[: offsets[-1]], offsets[-1] / 1e6
    for policy in ("keep-first", "remove-all"):  # compile
        duplicate_mask(data[:1000], np.array([0, 500, 1000]), DEFAULT_LENGTH, policy)
        _by_partition(data[:1000], np.array([0, 500, 1000]), policy, 1)
    begun = time.process_time()
    suffix_array(data)
    bare = time.process_time() - begun
    print(f"{len(texts)} documents, {size:.1f} MB; windows of {DEFAULT_LENGTH} bytes")
    print(f"bare suffix sort: {size / bare:.1f} MB/s; memory of the whole route {memory_bytes(len(data)) / 1e6:.0f} MB")
    for policy in ("keep-first", "remove-all"):
        begun = time.process_time()
        mask = duplicate_mask(data, offsets, DEFAULT_LENGTH, policy)
        whole = time.process_time() - begun
        other, cost = _by_partition(data, offsets, policy, 8)
        if not np.array_equal(mask, other):
            raise SystemExit(f"{policy}: the routes mark different bytes")
        print(
            f"{policy}: marked {mask.mean():.4f} of the text; suffix array {size / whole:.1f} MB/s "
            f"= {whole / bare:.2f} x bare; partitions {size / (cost['find'] + cost['mark']):.1f} MB/s "
            f"(runs {size / cost['find']:.1f}, marks {size / cost['mark']:.1f}), "
            f"{cost['shipped'] / len(data):.2f} bytes shipped per byte"
        )


if __name__ == "__main__":
    main()
