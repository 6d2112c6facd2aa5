# mypy: disallow-untyped-defs=False
"""What is known of each block of a page when it is decided whether it is main content: one row of numbers a block.

Nothing here knows a language: sizes, marks, links, repetition, the elements around a block, and how often the words of
their class, id, role and itemprop attributes stood around main content in the pages that were learned from; and what the
page declares itself to be (declared.py), the same in all its rows.
"""

import numpy as np
from gristmill.filters.html.declared import DECLARED
from gristmill.filters.html.elements import (
    CHILDREN,
    FAR,
    FIGURES,
    INSIDE_BLOCKS,
    INSIDE_LINKED,
    INSIDE_LONG,
    INSIDE_WORDS,
    LANDMARKS,
    LEAST,
    MOST,
    NOT_READ,
    NOT_SEEN,
    OWN,
    STEPS,
    TOTAL,
    describe_elements,
    sum_blocks,
)
from gristmill.filters.html.hash_counts import count_hash, find_hash, hash_bytes, label_score, next_word
from gristmill.filters.html.layout import (
    BEGIN,
    BREAKS,
    CAPITALS,
    DEPTH,
    DIGITS,
    ELEMENT,
    FINISH,
    H1,
    H6,
    HALF_WORDS,
    LABEL,
    LABEL_END,
    LINK_WORDS,
    LINKS,
    MARKS,
    PARENT,
    PREFORMATTED,
    STATE,
    TAG,
    WORDS,
)
from gristmill.filters.html.tags import tag_number
from gristmill.kernels.compile import inlined, kernel

LEVELS = 4  # ancestors whose figures a block carries
OWN_TAGS = ("p", "li", "h1", "h2", "h3", "h4", "td", "div", "pre", "dd", "button", "label", "figcaption", "th")
COMPARED_BYTES = 400  # of a block, with the title and description of the page
_COMPARED_WORDS = 64  # of a title or description, a power of two; four times as much is the size of their table

_OF_TEXT = (
    *("words", "log_words", "link_share", "links", "marks_per_word", "capitals_per_word", "digits_per_word"),
    *("half_words_per_word", "breaks", "bytes_per_word", "is_preformatted"),
)
_OF_PLACE = (
    *("depth", "place", "words_before_share", "blocks_from_h1", "words_from_h1", "after_h1"),
    *("words_from_heading", "blocks_from_heading", "heading_level", "words_of_previous", "words_of_next"),
)
_OF_OVERLAP = ("title_share", "title_covered", "description_share", "description_covered")
_OF_REPETITION = (
    *("copies", "is_copy", "same_path", "same_labels", "same_labels_words", "same_labels_link_share"),
    *("same_labels_share", "same_labels_span"),
)
_OF_ELEMENT = (
    *(
        "not_seen",
        "not_read",
        "label_own",
        "label_parent",
        "label_grandparent",
        "label_sum",
        "label_most",
        "label_least",
    ),
    *("label_inline", "children_of_parent", "children_of_grandparent"),
)
_UP = ("link_share_up", "words_share_up", "long_share_up", "blocks_up")
_OF_SECTION = ("in_densest", "steps_to_densest", "densest_share", "in_second", "section_words", "section_link_share")
_OF_PAGE = (
    *("page_words", "page_blocks", "page_link_share", "page_long_share", "page_has_article", "page_has_main"),
    "page_headings",
)
NAMES: tuple[str, ...] = (
    *_OF_TEXT,
    *_OF_PLACE,
    *_OF_OVERLAP,
    *_OF_REPETITION,
    *_OF_ELEMENT,
    *(f"steps_to_{name}" for name in LANDMARKS),
    *(f"is_{name}" for name in OWN_TAGS),
    *(f"{what}_{level}" for level in range(1, LEVELS + 1) for what in _UP),
    *_OF_SECTION,
    *_OF_PAGE,
    *DECLARED,
)
FEATURES = len(NAMES)
_AT_PLACE = len(_OF_TEXT)
_AT_OVERLAP = _AT_PLACE + len(_OF_PLACE)
_AT_REPETITION = _AT_OVERLAP + len(_OF_OVERLAP)
_AT_ELEMENT = _AT_REPETITION + len(_OF_REPETITION)
_AT_STEPS = _AT_ELEMENT + len(_OF_ELEMENT)
_AT_TAGS = _AT_STEPS + len(LANDMARKS)
_AT_UP = _AT_TAGS + len(OWN_TAGS)
_AT_SECTION = _AT_UP + LEVELS * len(_UP)
_AT_PAGE = _AT_SECTION + len(_OF_SECTION)
_AT_DECLARED = _AT_PAGE + len(_OF_PAGE)
_OWN_TAGS = np.array([tag_number(name) for name in OWN_TAGS], np.int64)
_ARTICLE, _MAIN = tag_number("article"), tag_number("main")


@inlined
def _text_features(block, row):
    words = max(block[WORDS], 1)
    size = block[FINISH] - block[BEGIN]
    row[0] = min(block[WORDS], 500)
    row[1] = np.log1p(block[WORDS])
    row[2] = block[LINK_WORDS] / words
    row[3] = block[LINKS]
    row[4] = block[MARKS] / words
    row[5] = block[CAPITALS] / words
    row[6] = block[DIGITS] / words
    row[7] = block[HALF_WORDS] / words
    row[8] = block[BREAKS]
    row[9] = size / words
    row[10] = block[STATE] & PREFORMATTED != 0


@inlined
def _place_features(blocks, elements, page_words, out):
    """Where in the page blocks stand, and how far from its first h1 and from the heading before them."""
    count = len(blocks)
    first_h1, words_to_h1, before = -1, 0, 0
    for b in range(count):
        if elements[blocks[b][ELEMENT], TAG] == H1:
            first_h1, words_to_h1 = b, before
            break
        before += blocks[b][WORDS]
    before, heading, heading_words, level = 0, -1, 0, 0
    for b in range(count):
        block, row = blocks[b], out[b]
        tag = elements[block[ELEMENT], TAG]
        if tag >= H1 and tag <= H6:
            heading, heading_words, level = b, before, tag - H1 + 1
        f = _AT_PLACE
        row[f] = elements[block[ELEMENT], DEPTH]
        row[f + 1] = b / count
        row[f + 2] = before / max(page_words, 1)
        row[f + 3] = 10 * FAR if first_h1 < 0 else b - first_h1
        row[f + 4] = 100 * FAR if first_h1 < 0 else before - words_to_h1
        row[f + 5] = -1 if first_h1 < 0 else b >= first_h1
        row[f + 6] = 100 * FAR if heading < 0 else before - heading_words
        row[f + 7] = 10 * FAR if heading < 0 else b - heading
        row[f + 8] = level
        row[f + 9] = 0 if b == 0 else min(blocks[b - 1][WORDS], 200)
        row[f + 10] = 0 if b + 1 == count else min(blocks[b + 1][WORDS], 200)
        before += block[WORDS]


@inlined
def _collect_words(data, bit, keys, counts, texts):
    """The first words of a title or description into a table, marked by its bit in `texts`; returns how many different
    ones."""
    found, i = 0, 0
    while found < _COMPARED_WORDS:
        h, i = next_word(data, i, len(data))
        if h == 0:
            break
        place = count_hash(h, keys, counts)
        found += texts[place] & bit == 0
        texts[place] |= bit
    return found


@inlined
def _overlap_features(text, block, keys, texts, seen, stamp, in_title, in_description, row):
    """Of the title and the description: the share of a block's words that it has too, and the share of its words that
    the block has. in_title, in_description: how many words they have."""
    i, end = block[BEGIN], min(block[FINISH], block[BEGIN] + COMPARED_BYTES)
    words, of_title, of_description, title_covered, description_covered = 0, 0, 0, 0, 0
    while i < end and in_title + in_description > 0:
        h, i = next_word(text, i, end)
        if h == 0:
            break
        words += 1
        place = find_hash(h, keys)
        if place >= 0:
            title, description = texts[place] & 1, texts[place] >> 1
            of_title += title
            of_description += description
            if seen[place] != stamp:
                seen[place] = stamp
                title_covered += title
                description_covered += description
    row[_AT_OVERLAP] = of_title / max(words, 1)
    row[_AT_OVERLAP + 1] = title_covered / max(in_title, 1)
    row[_AT_OVERLAP + 2] = of_description / max(words, 1)
    row[_AT_OVERLAP + 3] = description_covered / max(in_description, 1)


@inlined
def _repetition_features(text, blocks, paths, label_paths, page_words, tables, counts, sums, places, out):
    """How often a text, and the path of tags and labels to it, are there; what all blocks of that path hold.

    tables: uint64 (3, size). counts: int32 (3, size). sums: int64 (size, 4). places: int64 (blocks, 3).
    """
    count = len(blocks)
    for b in range(count):
        block = blocks[b]
        places[b, 0] = count_hash(hash_bytes(text, block[BEGIN], block[FINISH]), tables[0], counts[0])
        places[b, 1] = count_hash(paths[block[ELEMENT]], tables[1], counts[1])
        place = count_hash(label_paths[block[ELEMENT]], tables[2], counts[2])
        places[b, 2] = place
        out[b, _AT_REPETITION + 1] = counts[0, places[b, 0]] > 1
        if counts[2, place] == 1:
            sums[place, 2] = b
        sums[place, 0] += block[WORDS]
        sums[place, 1] += block[LINK_WORDS]
        sums[place, 3] = b
    for b in range(count):
        row, f, place = out[b], _AT_REPETITION, places[b, 2]
        same = counts[2, place]
        row[f] = min(counts[0, places[b, 0]], 20)
        row[f + 2] = min(counts[1, places[b, 1]], 200)
        row[f + 3] = min(same, 200)
        row[f + 4] = sums[place, 0] / same
        row[f + 5] = sums[place, 1] / max(sums[place, 0], 1)
        row[f + 6] = sums[place, 0] / max(page_words, 1)
        row[f + 7] = (sums[place, 3] - sums[place, 2]) / count


@inlined
def _element_features(block, elements, figures, labels, keys, scores, page_words, row):
    e = block[ELEMENT]
    mine = figures[e]
    parent = max(elements[e, PARENT], 0)
    grandparent = max(elements[parent, PARENT], 0)
    f = _AT_ELEMENT
    row[f] = mine[NOT_SEEN]
    row[f + 1] = mine[NOT_READ]
    row[f + 2] = mine[OWN]
    row[f + 3] = figures[parent, OWN]
    row[f + 4] = figures[grandparent, OWN]
    row[f + 5] = mine[TOTAL]
    row[f + 6] = mine[MOST]
    row[f + 7] = mine[LEAST]
    inline_score = np.float32(0)
    for k in range(block[LABEL], block[LABEL_END]):
        inline_score += label_score(labels[k], keys, scores)
    row[f + 8] = inline_score
    row[f + 9] = min(figures[parent, CHILDREN], 300)
    row[f + 10] = min(figures[grandparent, CHILDREN], 300)
    for k in range(len(LANDMARKS)):
        row[_AT_STEPS + k] = mine[STEPS + k]
    for k in range(len(_OWN_TAGS)):
        row[_AT_TAGS + k] = elements[e, TAG] == _OWN_TAGS[k]
    f, up = _AT_UP, parent
    for _ in range(LEVELS):
        above = figures[up]
        row[f] = above[INSIDE_LINKED] / max(above[INSIDE_WORDS], 1)
        row[f + 1] = above[INSIDE_WORDS] / max(page_words, 1)
        row[f + 2] = above[INSIDE_LONG] / max(above[INSIDE_BLOCKS], 1)
        row[f + 3] = min(above[INSIDE_BLOCKS], 300)
        f += 4
        up = max(elements[up, PARENT], 0)


@inlined
def _find_sections(elements, figures, long_children, sections, steps):
    """For each element the nearest around it with a tenth of the page's words, and its steps below the two elements with
    most long children (FAR where it is not below); returns the first of these two."""
    page_words = figures[0, INSIDE_WORDS]
    densest, second = 0, 0
    for e in range(1, len(elements)):
        if long_children[e] > long_children[densest]:
            densest, second = e, densest
        elif long_children[e] > long_children[second] or second == densest:
            second = e
    for e in range(len(elements)):
        parent = elements[e, PARENT]
        steps[e, 0] = steps[e, 1] = FAR
        sections[e] = 0
        if parent >= 0:
            steps[e, 0] = min(FAR, steps[parent, 0] + 1)
            steps[e, 1] = min(FAR, steps[parent, 1] + 1)
            sections[e] = e if 10 * figures[e, INSIDE_WORDS] >= page_words else sections[parent]
        if e == densest:
            steps[e, 0] = 0
        if e == second:
            steps[e, 1] = 0
    return densest


@inlined
def _page_features(blocks, elements, figures, out):
    page = figures[0]
    count, headings, has_article, has_main, linked = len(blocks), 0, 0, 0, 0
    for b in range(count):
        tag = elements[blocks[b][ELEMENT], TAG]
        headings += tag >= H1 and tag <= H6
        linked += blocks[b][LINK_WORDS]
    for e in range(len(elements)):
        has_article += elements[e, TAG] == _ARTICLE
        has_main += elements[e, TAG] == _MAIN
    for b in range(count):
        row, f = out[b], _AT_PAGE
        row[f] = min(page[INSIDE_WORDS], 20000)
        row[f + 1] = min(count, 3000)
        row[f + 2] = linked / max(page[INSIDE_WORDS], 1)
        row[f + 3] = page[INSIDE_LONG] / max(count, 1)
        row[f + 4] = min(has_article, 50)
        row[f + 5] = has_main
        row[f + 6] = headings


@kernel
def block_features(text, blocks, elements, labels, title, description, declared, keys, scores, out):
    """Fill `out`, float32 (blocks, FEATURES). title, description: uint8. declared: float32, the values of DECLARED. keys,
    scores: what was learned of labels."""
    count, size = len(blocks), len(elements)
    figures = np.empty((size, FIGURES), np.float32)
    paths, label_paths = np.empty(size, np.uint64), np.empty(size, np.uint64)
    describe_elements(elements, labels, keys, scores, figures, paths, label_paths)
    long_children, sections, steps = np.zeros(size, np.int64), np.empty(size, np.int64), np.empty((size, 2), np.int64)
    sum_blocks(blocks, elements, figures, long_children)
    densest = _find_sections(elements, figures, long_children, sections, steps)
    page_words = figures[0, INSIDE_WORDS]
    slots = 16
    while slots < 2 * count + 2:
        slots *= 2
    tables, counts = np.zeros((3, slots), np.uint64), np.zeros((3, slots), np.int32)
    _repetition_features(
        *(text, blocks, paths, label_paths, page_words, tables, counts),
        *(np.zeros((slots, 4), np.int64), np.empty((count, 3), np.int64), out),
    )
    _place_features(blocks, elements, page_words, out)
    compared, word_counts = np.zeros(4 * _COMPARED_WORDS, np.uint64), np.zeros(4 * _COMPARED_WORDS, np.int64)
    texts, seen = np.zeros(4 * _COMPARED_WORDS, np.int64), np.full(4 * _COMPARED_WORDS, -1, np.int64)
    in_title = _collect_words(title, 1, compared, word_counts, texts)
    in_description = _collect_words(description, 2, compared, word_counts, texts)
    for b in range(count):
        block, row = blocks[b], out[b]
        _text_features(block, row)
        _overlap_features(text, block, compared, texts, seen, b, in_title, in_description, row)
        _element_features(block, elements, figures, labels, keys, scores, page_words, row)
        e = block[ELEMENT]
        section, f = figures[sections[e]], _AT_SECTION
        row[f] = steps[e, 0] < FAR
        row[f + 1] = steps[e, 0]
        row[f + 2] = figures[densest, INSIDE_WORDS] / max(page_words, 1)
        row[f + 3] = steps[e, 1] < FAR
        row[f + 4] = section[INSIDE_WORDS] / max(page_words, 1)
        row[f + 5] = section[INSIDE_LINKED] / max(section[INSIDE_WORDS], 1)
        row[_AT_DECLARED:] = declared
    _page_features(blocks, elements, figures, out)
