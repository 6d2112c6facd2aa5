# mypy: disallow-untyped-defs=False
"""What is known of the elements of a page: landmarks above them, what their labels score, what they hold.

Parents come before their children, so one pass down hands on what is above, and one pass up sums what is inside.
"""

import numpy as np
from gristmill.filters.html.attributes import ARIA_HIDDEN, NOT_SHOWN
from gristmill.filters.html.hash_counts import label_score
from gristmill.filters.html.layout import (
    ELEMENT,
    FIRST_LABEL,
    LAST_LABEL,
    LINK_WORDS,
    NOSCRIPT,
    PARENT,
    SAID,
    TAG,
    WORDS,
)
from gristmill.filters.html.tags import tag_number
from gristmill.kernels.compile import helper, inlined
from gristmill.kernels.hashing import splitmix64

LANDMARKS = (
    *("article", "main", "nav", "header", "footer", "aside", "form", "section"),
    *("ul", "ol", "table", "figure", "blockquote"),
)
FAR = 30  # steps: what is farther, or nowhere above
LONG_WORDS = 20  # a paragraph counts as long from here on
_LANDMARK_TAGS = np.array([tag_number(name) for name in LANDMARKS], np.int64)

# Columns of what is known of an element (float32): label scores of its own, their sum, greatest and least with those
# above; words, words in links, long blocks and blocks inside; children; hidden; steps to each landmark above.
(OWN, TOTAL, MOST, LEAST, INSIDE_WORDS, INSIDE_LINKED, INSIDE_LONG, INSIDE_BLOCKS, CHILDREN, NOT_SEEN, NOT_READ) = (
    range(11)
)
STEPS = 11
FIGURES = STEPS + len(LANDMARKS)


@helper
def describe_elements(elements, labels, keys, scores, figures, paths, label_paths):
    """The pass down. keys, scores: the table of learned labels. paths, label_paths: uint64, hashes of the tags, and of
    tags and labels, from the root to each element."""
    for e in range(len(elements)):
        element, row = elements[e], figures[e]
        parent, tag = element[PARENT], element[TAG]
        score, h = np.float32(0), splitmix64(np.uint64(tag + 1))
        for k in range(element[FIRST_LABEL], element[LAST_LABEL]):
            score += label_score(labels[k], keys, scores)
            h = splitmix64(h ^ np.uint64(labels[k]))
        for column in range(FIGURES):
            row[column] = 0
        row[OWN] = score
        if parent < 0:
            row[TOTAL], row[MOST], row[LEAST] = score, max(score, np.float32(0)), min(score, np.float32(0))
            for k in range(len(_LANDMARK_TAGS)):
                row[STEPS + k] = FAR
            paths[e], label_paths[e] = splitmix64(np.uint64(tag)), h
        else:
            above = figures[parent]
            above[CHILDREN] += 1
            row[TOTAL] = above[TOTAL] + score
            row[MOST], row[LEAST] = max(above[MOST], score), min(above[LEAST], score)
            for k in range(len(_LANDMARK_TAGS)):
                row[STEPS + k] = min(np.float32(FAR), above[STEPS + k] + 1)
            row[NOT_SEEN], row[NOT_READ] = above[NOT_SEEN], above[NOT_READ]
            paths[e] = splitmix64(paths[parent] ^ np.uint64(tag + 1))
            label_paths[e] = splitmix64(label_paths[parent] + h)
        for k in range(len(_LANDMARK_TAGS)):
            if tag == _LANDMARK_TAGS[k]:
                row[STEPS + k] = 0
        if element[SAID] & NOT_SHOWN or tag == NOSCRIPT:
            row[NOT_SEEN] = 1
        if element[SAID] & ARIA_HIDDEN:
            row[NOT_READ] = 1


@inlined
def is_long(block):
    return block[WORDS] >= LONG_WORDS and 2 * block[LINK_WORDS] < block[WORDS]


@helper
def sum_blocks(blocks, elements, figures, long_children):
    """The pass up: what each element holds. long_children (int64): long blocks of elements whose parent this is."""
    for b in range(len(blocks)):
        block = blocks[b]
        e = block[ELEMENT]
        row = figures[e]
        row[INSIDE_WORDS] += block[WORDS]
        row[INSIDE_LINKED] += block[LINK_WORDS]
        row[INSIDE_BLOCKS] += 1
        if is_long(block):
            row[INSIDE_LONG] += 1
            long_children[max(elements[e, PARENT], 0)] += 1
    for e in range(len(elements) - 1, 0, -1):
        row, above = figures[e], figures[elements[e, PARENT]]
        for column in range(INSIDE_WORDS, INSIDE_BLOCKS + 1):
            above[column] += row[column]
