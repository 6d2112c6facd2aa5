"""What kind of page a page is: article, forum, product and so on, by trees over the means of its blocks' features, with
what the page declares itself to be among them."""

import numpy as np
from gristmill.filters.html.features import NAMES
from gristmill.filters.html.trees import Trees, sum_of_trees

PAGE_TYPES = ("article", "collection", "documentation", "forum", "listing", "product", "service")
PAGE_FEATURES: tuple[str, ...] = (
    *(f"mean_{name}" for name in NAMES),
    *(f"main_{name}" for name in NAMES),
    "main_share",
)


def page_row(rows: np.ndarray, sizes: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """The features of a page (1, PAGE_FEATURES), float32: means of its blocks' rows, weighed by words, and by words times
    the probability of being main text."""
    weights = np.stack([sizes, sizes * scores])
    totals = weights.sum(axis=1, keepdims=True)
    means = np.einsum("kb,bf->kf", weights, rows) / np.maximum(totals, 1e-9)
    share = totals[1] / max(float(totals[0, 0]), 1e-9)
    return np.concatenate([means[0], means[1], share]).astype(np.float32)[None, :]


def most_probable_type(row: np.ndarray, trees: Trees) -> str:
    """The type whose trees (every seventh of the table) give the greatest sum."""
    sums = np.empty((len(PAGE_TYPES), 1))
    for number, total in enumerate(sums):
        sum_of_trees(row, *trees.every(len(PAGE_TYPES), number), total)
    return PAGE_TYPES[int(sums[:, 0].argmax())]
