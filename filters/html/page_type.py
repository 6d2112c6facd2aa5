# mypy: disallow-untyped-defs=False
"""What kind of page a page is: article, forum, product and so on, by trees over the means of its blocks' features, with
what the page declares itself to be among them."""

import numpy as np
from gristmill.filters.html.features import NAMES
from gristmill.filters.html.trees import Trees, sum_of_trees
from gristmill.kernels.compile import kernel

PAGE_TYPES = ("article", "collection", "documentation", "forum", "listing", "product", "service")
PAGE_FEATURES: tuple[str, ...] = (
    *(f"mean_{name}" for name in NAMES),
    *(f"main_{name}" for name in NAMES),
    "main_share",
)
_LEAST = 1e-9  # of a sum of weights that is divided by


def page_row(rows: np.ndarray, sizes: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """The features of a page (1, PAGE_FEATURES), float32: means of its blocks' rows, weighed by words, and by words times
    the probability of being main text."""
    row = np.empty((1, len(PAGE_FEATURES)), np.float32)
    _page_means(rows, sizes, scores, row[0])
    return row


@kernel
def _page_means(rows, sizes, scores, out):
    features = rows.shape[1]
    sums, totals = np.zeros((2, features)), np.zeros(2)
    for b in range(len(rows)):
        weight = sizes[b]
        main = weight * scores[b]
        totals[0] += weight
        totals[1] += main
        for f in range(features):
            sums[0, f] += weight * rows[b, f]
            sums[1, f] += main * rows[b, f]
    for part in range(2):
        total = max(totals[part], _LEAST)
        for f in range(features):
            out[part * features + f] = sums[part, f] / total
    out[2 * features] = totals[1] / max(totals[0], _LEAST)


def most_probable_type(row: np.ndarray, trees: Trees) -> str:
    """The type whose trees (every seventh of the table) give the greatest sum."""
    sums = np.empty((len(PAGE_TYPES), 1))
    sum_of_trees(row, *trees, sums)
    return PAGE_TYPES[int(sums[:, 0].argmax())]
