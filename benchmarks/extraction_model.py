"""What the extractor learns from pages with their main text: scores of labels, and trees over the features of blocks."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from extraction_data import Example, fold_of
from gristmill.filters.html.declared import declared
from gristmill.filters.html.extract import Model, block_sizes, description_bytes, label_table
from gristmill.filters.html.features import FEATURES, NAMES, block_features
from gristmill.filters.html.layout import ELEMENT, FIRST_LABEL, LABEL, LABEL_END, LAST_LABEL, PARENT
from gristmill.filters.html.page_type import PAGE_FEATURES, PAGE_TYPES, page_row
from gristmill.filters.html.trees import Trees, parse_trees, sum_of_trees

LEVELS = 4  # elements around a block whose labels it teaches
MIN_HOSTS = 4  # a label of fewer sites is not learned
MAX_SCORE = 4.0
LONGEST = 60  # words of a block that count for its labels
SHORTENED_WEIGHT = 0.5  # of a shortened article, beside 1 of a page
MODELS = 2  # of other random choices, whose mean is taken: what one of them thinks of a page by chance counts half
MAX_ROWS = 200_000  # blocks that are learned from; small ones of large pages are left out by chance
PARAMETERS: dict[str, Any] = {
    "objective": "cross_entropy",
    "extra_trees": True,  # splits at random places, the best of them: sites differ more than 1,500 pages show
    "num_leaves": 16,
    "learning_rate": 0.12,
    "min_data_in_leaf": 60,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "max_bin": 127,
    "verbose": -1,
    "num_threads": 2,
    "deterministic": True,
    "force_row_wise": True,
}
PAGE_PARAMETERS: dict[str, Any] = PARAMETERS | {
    "objective": "multiclass",
    "extra_trees": False,
    "seed": 1,
    "num_class": len(PAGE_TYPES),
    "num_leaves": 6,
    "min_data_in_leaf": 15,
    "learning_rate": 0.1,
}
Evidence = dict[int, tuple[float, float]]
LabelTable = tuple[np.ndarray, np.ndarray]


def label_evidence(example: Example) -> Evidence:
    """Label -> the shares of the page's words, main and other, that stand in the elements nearest to it."""
    page = example.page
    shares = np.minimum(example.sizes, LONGEST) / max(1, np.minimum(example.sizes, LONGEST).sum())
    main = shares * example.matched / np.maximum(example.sizes, 1)
    above: dict[int, set[int]] = {}
    found: dict[int, list[float]] = {}
    for block, share, of_main in zip(page.blocks, shares, main, strict=True):
        element = int(block[ELEMENT])
        if element not in above:
            labels: set[int] = set()
            step = element
            for _ in range(LEVELS):
                if step >= 0:
                    labels.update(
                        page.labels[page.elements[step, FIRST_LABEL] : page.elements[step, LAST_LABEL]].tolist()
                    )
                    step = int(page.elements[step, PARENT])
            above[element] = labels
        for label in above[element] | set(page.labels[block[LABEL] : block[LABEL_END]].tolist()):
            entry = found.setdefault(label, [0.0, 0.0])
            entry[0] += of_main
            entry[1] += share - of_main
    return {label: (one, other) for label, (one, other) in found.items()}


def label_scores(examples: Sequence[Example], evidence: Sequence[Evidence]) -> dict[int, float]:
    """Label -> log odds of main text where it stands, above those of all text; labels of few hosts are left out."""
    sums: dict[int, list[float]] = {}
    hosts: dict[int, set[str]] = {}
    total = [0.0, 0.0]
    for example, found in zip(examples, evidence, strict=True):
        share = float((example.matched * np.minimum(example.sizes, LONGEST) / np.maximum(example.sizes, 1)).sum())
        share /= max(1, np.minimum(example.sizes, LONGEST).sum())
        total = [total[0] + share, total[1] + 1 - share]
        for label, (main, other) in found.items():
            entry = sums.setdefault(label, [0.0, 0.0])
            entry[0] += main
            entry[1] += other
            hosts.setdefault(label, set()).add(example.host)
    prior = total[0] / sum(total)
    scores = {}
    for label, (main, other) in sums.items():
        if label and len(hosts[label]) >= MIN_HOSTS:
            p = (main + 0.5 * prior) / (main + other + 0.5)
            scores[label] = float(np.clip(np.log(p / (1 - p)) - np.log(prior / (1 - prior)), -MAX_SCORE, MAX_SCORE))
    return scores


def features(example: Example, table: LabelTable) -> np.ndarray:
    """The rows of a page."""
    page = example.page
    out = np.zeros((len(page.blocks), FEATURES), np.float32)
    said = (example.heads.bytes_of("<title>"), description_bytes(example.heads), declared(example.heads))
    block_features(page.text, page.blocks, page.elements, page.labels, *said, *table, out)
    return out


def targets(example: Example) -> tuple[np.ndarray, np.ndarray]:
    """(share of each block that is main text, weight: the block's share of the page's words)."""
    sizes = np.maximum(example.sizes, 1)
    return example.matched / sizes, example.sizes / max(example.sizes.sum(), 1)


def shortened(example: Example) -> Example | None:
    """An article of which the beginning is left, as where the rest must be paid for; None of what cannot be shortened.

    From a tenth to a half of its blocks of main text stay, and all that is beside them. Whole articles alone teach that a
    page which is mostly links has links for its main text.
    """
    blocks = np.flatnonzero((example.sizes >= 8) & (2 * example.matched > example.sizes))
    if example.page_type != "article" or len(blocks) < 4:
        return None
    share = 0.1 + 0.4 * fold_of(example.id, 1000, "shortened") / 1000
    left = np.ones(len(example.sizes), bool)
    left[blocks[max(1, int(share * len(blocks))) :]] = False
    page = example.page._replace(blocks=np.ascontiguousarray(example.page.blocks[left]))
    return replace(example, page=page, sizes=example.sizes[left], matched=example.matched[left])


def training_rows(
    examples: Sequence[Example], evidence: Sequence[Evidence], inner_folds: int = 4
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features, targets and weights of all blocks, of shortened articles too; a page's labels are scored by the pages of
    other hosts."""
    folds = [fold_of(example.host, inner_folds, "inner") for example in examples]
    tables = []
    for fold in range(inner_folds):
        chosen = [number for number, other in enumerate(folds) if other != fold]
        tables.append(label_table(label_scores([examples[n] for n in chosen], [evidence[n] for n in chosen])))
    rows, shares, weights = [], [], []
    for example, fold in zip(examples, folds, strict=True):
        for page, page_weight in ((example, 1.0), (shortened(example), SHORTENED_WEIGHT)):
            if page is not None and len(page.sizes):
                rows.append(features(page, tables[fold]))
                share, weight = targets(page)
                shares.append(share)
                weights.append(weight * page_weight * page.weight)
    return np.concatenate(rows), np.concatenate(shares), np.concatenate(weights) * len(examples)


def sampled_rows(
    rows: np.ndarray, shares: np.ndarray, weights: np.ndarray, most: int = MAX_ROWS
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """About `most` of the rows: each with a chance in proportion to its weight, at most 1, and what weight the others had
    is theirs. A third of the blocks carries nearly all of the weight."""
    low, high = 0.0, 1 / max(float(weights[weights > 0].min(initial=1.0)), 1e-12)
    for _ in range(100):
        factor = (low + high) / 2
        low, high = (factor, high) if np.minimum(1, weights * factor).sum() < most else (low, factor)
    chances = np.minimum(1, weights * high)
    taken = np.random.default_rng(0).random(len(weights)) < chances
    return rows[taken], shares[taken], weights[taken] / chances[taken]


def fit(rows: np.ndarray, shares: np.ndarray, weights: np.ndarray, trees: int) -> list[str]:
    """A table of `trees` trees whose sum is the log odds of main text for a word of a block: the mean of MODELS models."""
    import lightgbm

    data = lightgbm.Dataset(rows, shares, weight=weights, feature_name=list(NAMES), free_raw_data=False)
    lines: list[str] = []
    for seed in range(1, MODELS + 1):
        model = lightgbm.train(PARAMETERS | {"seed": seed}, data, trees // MODELS)
        lines += tree_table(model, NAMES, first=len(lines), scale=1 / MODELS)
    return lines


def fit_page_types(rows: np.ndarray, types: Sequence[str], rounds: int) -> list[str]:
    """A table of trees, one for each of PAGE_TYPES in turn, the greatest of whose sums is the type of a page."""
    import lightgbm

    numbers = np.array([PAGE_TYPES.index(name) for name in types])
    data = lightgbm.Dataset(rows, numbers, feature_name=list(PAGE_FEATURES))
    return tree_table(lightgbm.train(PAGE_PARAMETERS, data, rounds), PAGE_FEATURES)


def tree_table(model: Any, names: Sequence[str], first: int = 0, scale: float = 1.0) -> list[str]:
    """The trees of a LightGBM model as the lines that `parse_trees` reads. Thresholds are rounded down to 32 bits, which
    decides every 32-bit value as the 64-bit threshold does.

    first: the number of the first of these lines in the whole table. scale: what the values of leaves are multiplied by.
    """
    lines: list[str] = []

    def add(node: dict[str, Any]) -> int:
        place = len(lines)
        lines.append("")
        if "leaf_value" in node:
            lines[place] = f"leaf\t{np.float32(scale * node['leaf_value']):.6g}"
            return first + place
        threshold = np.float32(node["threshold"])
        if float(threshold) > node["threshold"]:
            threshold = np.nextafter(threshold, np.float32(-np.inf))
        left, right = add(node["left_child"]), add(node["right_child"])
        lines[place] = f"{names[node['split_feature']]}\t{threshold:.9g}\t{left}\t{right}"
        return first + place

    for tree in model.dump_model()["tree_info"]:
        add(tree["tree_structure"])
    return lines


def log_odds(rows: np.ndarray, trees: Trees) -> np.ndarray:
    """The sums of trees for the blocks of a page."""
    sums = np.empty((1, len(rows)))
    sum_of_trees(rows, *trees, sums)
    return sums[0]


def learn(examples: Sequence[Example], evidence: Sequence[Evidence], trees: int, rounds: int) -> "Learned":
    """Everything that the extractor learns from some pages. rounds: of trees for page types, seven trees each."""
    rows, shares, weights = sampled_rows(*training_rows(examples, evidence))
    scores = label_scores(examples, evidence)
    block_lines = fit(rows, shares, weights, trees)
    block_trees = parse_trees(block_lines, NAMES)
    table = label_table(scores)
    page_rows, types = [], []
    for example in examples:
        if len(example.sizes) and example.page_type:
            found = features(example, table)
            probabilities = 1 / (1 + np.exp(-log_odds(found, block_trees)))
            page_rows.append(page_row(found, block_sizes(example.page), probabilities.astype(np.float32)))
            types.append(example.page_type)
    return Learned(scores, block_lines, fit_page_types(np.concatenate(page_rows), types, rounds))


class Learned(NamedTuple):
    """scores: of labels. block_lines, page_lines: tables of trees."""

    scores: dict[int, float]
    block_lines: list[str]
    page_lines: list[str]

    @property
    def model(self) -> Model:
        """As the extractor takes it."""
        block_trees, page_trees = parse_trees(self.block_lines, NAMES), parse_trees(self.page_lines, PAGE_FEATURES)
        return Model(*label_table(self.scores), block_trees, page_trees)
