# mypy: disallow-untyped-defs=False
"""Which blocks of a page are kept: those that are most probable, as many as give the best expected F1.

Two views of what is not known of a page have half of the say each. Each block for itself: with probabilities p and sizes w,
a set K has the expected F1 2 Σ_K pw / (Σ_K w + Σ pw). All together: main text are all blocks above one border of
probability, which may lie anywhere (each block then is main text with its own probability), and the F1 of K is its mean
over all borders. Blocks do stand and fall together: by the first view alone many doubtful teasers are surer of some gain
than few sure paragraphs, and a short article drowns in them. In both the best set is one of the most probable blocks.
Probabilities are told apart to half a hundredth.

Any set has a better expected F1 than none. But a page may have no main text at all: an error, a refusal, a shell that a
script fills. So nothing is kept of a page of some length on which no block is even remotely probable.

Code that stands between paragraphs which are kept is kept too, whatever its probability, preformatted or not: a tutorial
without its code says nothing. (The references that the trees learned from leave the code of some articles out.)
"""

import numpy as np
from gristmill.filters.html.layout import BEGIN, FINISH, PREFORMATTED, STATE
from gristmill.kernels.compile import kernel

STEPS = 200
LEAST_STEPS = 30  # of 200: nothing is kept of a page whose most probable block has less ...
LEAST_WORDS = 40  # ... and which has so many words: a scrap of a page has little beside its main text
PROSE_WORDS = 3  # of a block between which code may stand; shorter ones are its language, a file name, "Copy"
TIE = 1e-9  # of two expected values that differ by less, that of the fewer blocks counts


@kernel
def choose_blocks(sums, sizes, allowed, scores, kept):
    """Fill scores (float32) and kept (bool). sums: of the trees, log odds. sizes: words. allowed: bool, False for blocks
    that are never kept."""
    size, wanted, total = np.zeros(STEPS + 1), np.zeros(STEPS + 1), 0.0
    for b in range(len(sums)):
        p = 1 / (1 + np.exp(-sums[b]))
        scores[b] = p
        if allowed[b]:
            size[int(p * STEPS)] += sizes[b]
            wanted[int(p * STEPS)] += p * sizes[b]
            total += p * sizes[b]
    # what the sets hold that borders give, highest border first, and how many borders give each
    taken, got, borders = np.zeros(STEPS + 1), np.zeros(STEPS + 1), np.zeros(STEPS + 1)
    lowest, sets = np.zeros(STEPS + 1, np.int64), 0
    for step in range(STEPS, -1, -1):
        if size[step]:
            taken[sets] = size[step] + (taken[sets - 1] if sets else 0.0)
            got[sets] = wanted[step] + (got[sets - 1] if sets else 0.0)
            lowest[sets] = step
            sets += 1
        if sets:
            borders[sets - 1] += 1 / (STEPS + 1)
    best, least = 0.0, STEPS + 1
    for k in range(sets):
        expected = got[k] / (taken[k] + total)
        for m in range(sets):
            expected += borders[m] * min(taken[k], taken[m]) / (taken[k] + taken[m])
        if expected > best + TIE:
            best, least = expected, lowest[k]
    if sets and lowest[0] < LEAST_STEPS and taken[sets - 1] >= LEAST_WORDS:
        least = STEPS + 1
    for b in range(len(sums)):
        kept[b] = allowed[b] and int(STEPS / (1 + np.exp(-sums[b]))) >= least


@kernel
def keep_code(text, blocks, code, sizes, allowed, kept):
    """Keep code between two blocks of prose that are kept, but for blocks without a letter: numbers of lines.

    code: bool, which blocks are all `code`; the others that are code are preformatted.
    """
    before, first = False, 0  # whether the last block of prose is kept; the block behind it
    for b in range(len(blocks)):
        if blocks[b, STATE] & PREFORMATTED or code[b] or sizes[b] < PROSE_WORDS:
            continue
        if before and kept[b]:
            for c in range(first, b):
                if allowed[c] and (blocks[c, STATE] & PREFORMATTED or code[c]):
                    for at in range(blocks[c, BEGIN], blocks[c, FINISH]):
                        kept[c] |= text[at] >= 128 or 65 <= text[at] & 0xDF <= 90
        before, first = kept[b], b + 1


def keep_code_plainly(code: list[str | None], sizes: list[float], allowed: list[bool], kept: list[bool]) -> list[bool]:
    """What is kept after `keep_code`, in plain Python. code: the text of a block of code, None of another."""
    prose = [b for b in range(len(code)) if code[b] is None and sizes[b] >= PROSE_WORDS]

    def added(b: int) -> bool:
        before, behind = [p for p in prose if p < b], [p for p in prose if p > b]
        between = bool(before) and bool(behind) and kept[before[-1]] and kept[behind[0]]
        return between and allowed[b] and any(letter.isalpha() or letter > "\x7f" for letter in code[b] or "")

    return [kept[b] or added(b) for b in range(len(code))]


def choose_plainly(sums: np.ndarray, sizes: np.ndarray, allowed: np.ndarray) -> list[bool]:
    """What `choose_blocks` keeps, in plain Python."""
    blocks = [
        (p, int(p * STEPS), float(w))
        for p, w, may in zip(1 / (1 + np.exp(-sums)), sizes, allowed, strict=True)
        if may and w > 0
    ]
    total = sum(p * w for p, _, w in blocks)

    def taken(least: int) -> float:
        return sum(w for _, step, w in blocks if step >= least)

    best, chosen = 0.0, STEPS + 1
    for least in sorted({step for _, step, _ in blocks}, reverse=True):
        size = taken(least)
        alone = sum(p * w for p, step, w in blocks if step >= least) / (size + total)
        together = sum(min(size, taken(border)) / (size + taken(border)) for border in range(STEPS + 1)) / (STEPS + 1)
        if alone + together > best + TIE:
            best, chosen = alone + together, least
    if blocks and max(step for _, step, _ in blocks) < LEAST_STEPS and taken(0) >= LEAST_WORDS:
        chosen = STEPS + 1
    steps = [int(STEPS / (1 + float(np.exp(-one)))) for one in sums]
    return [bool(may) and step >= chosen for step, may in zip(steps, allowed, strict=True)]
