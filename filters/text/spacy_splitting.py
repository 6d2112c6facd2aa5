# mypy: disallow-untyped-defs=False
"""Kernels that apply spaCy's splitting rules to decoded code points; `spacy_rules` builds their tables.

Each chunk between white space is split alone, once for its copies in a batch: exceptions first, then one prefix and one
suffix at a time until nothing changes, then a URL test and the infixes. At the end the exceptions whose own text holds
an affix are looked for in the tokens of the whole document (spaCy's `_apply_special_cases`).
"""

from string import ascii_letters
from typing import NamedTuple

import numpy as np
from gristmill.filters.text.spacy_address import is_url
from gristmill.filters.text.text_masks import ONE, below, without_lowest
from gristmill.kernels.compile import helper, inlined, kernel
from gristmill.kernels.hashing import FNV_START, GOLDEN, fnv1a
from gristmill.kernels.memory import load64, low_bytes
from gristmill.kernels.vectors import lowest_bit, set_bits

LONGEST_REMEMBERED = 15  # bytes of an ASCII chunk whose tokens are remembered: two numbers hold it and its length
MEMO_BITS = 14
BYTE = np.uint64(0xFF)
CASE_BITS, HIGHEST_BITS = np.uint64(0x2020202020202020), np.uint64(0x8080808080808080)


class ChunkMemo(NamedTuple):
    """What is known of short ASCII chunks, in slots by a hash of their bytes; words repeat, so most are split once.

    exceptions: bool, whether an exception may be in the slot; a chunk of letters that is none is one token.
    split: uint64, rows of the chunk as two numbers and the lengths of its tokens, a byte each. A row is right only where
    both numbers are equal; another chunk of the slot takes its place.
    """

    exceptions: np.ndarray
    split: np.ndarray


def chunk_memo(rules: np.record) -> ChunkMemo:
    """A memo of no chunks yet, for any number of texts."""
    exceptions = np.zeros(1 << MEMO_BITS, np.bool_)
    mark_exceptions(rules, exceptions)
    letters = [ord(letter) for letter in ascii_letters]
    if not rules.plain[rules.atom[letters]].all():
        exceptions[:] = True
    return ChunkMemo(exceptions, np.zeros((1 << MEMO_BITS, 3), np.uint64))


@kernel
def text_hash(cps, start, end):
    """64-bit hash of the string cps[start:end]."""
    h = FNV_START
    for i in range(start, end):
        h = fnv1a(h, cps[i])
    return h ^ (h >> np.uint64(29))


@helper
def find_string(cps, start, end, strings):
    """Number of the string cps[start:end] in the hash table of `strings`, or -1."""
    length = end - start
    if length > strings.longest[0]:
        return -1
    mask = np.uint64(len(strings.slots) - 1)
    at = text_hash(cps, start, end) & mask
    while strings.slots[at] >= 0:
        number = strings.slots[at]
        begin = strings.text_begin[number]
        if strings.text_begin[number + 1] - begin == length:
            same = True
            for i in range(length):
                if strings.text[begin + i] != cps[start + i]:
                    same = False
                    break
            if same:
                return number
        at = (at + np.uint64(1)) & mask
    return -1


@helper
def match_end(row, cps, at, low, high, rules):
    """End of the match of one alternative at `at` inside cps[low:high], or -1."""
    item, behind, body = row[0], row[1], row[2]
    if at - behind < low or at + body > high:
        return -1
    for i in range(behind):
        if not rules.member[rules.items[item + i], rules.atom[cps[at - behind + i]]]:
            return -1
    for i in range(body):
        if not rules.member[rules.items[item + behind + i], rules.atom[cps[at + i]]]:
            return -1
    end = at + body
    if row[3]:
        while end < high and rules.member[rules.items[item + behind + body - 1], rules.atom[cps[end]]]:
            end += 1
    if row[4] >= 0:
        holds = end < high and rules.member[row[4], rules.atom[cps[end]]] != 0
        if holds == (row[5] != 0):
            return -1
    return end


@helper
def prefix_length(cps, low, high, rules):
    """Code points of the prefix spaCy takes off cps[low:high]; 0 for none."""
    atom = rules.atom[cps[low]]
    for k in range(rules.prefix_begin[atom], rules.prefix_begin[atom + 1]):
        end = match_end(rules.prefix[rules.prefix_list[k]], cps, low, low, high, rules)
        if end >= 0:
            return end - low
    return 0


@helper
def suffix_length(cps, low, high, rules):
    """Code points of the suffix spaCy takes off cps[low:high]: the leftmost match that ends there; 0 for none."""
    if low >= high or not rules.suffix_last[rules.atom[cps[high - 1]]]:
        return 0
    at = high
    while at > low and rules.suffix_repeat[rules.atom[cps[at - 1]]]:
        at -= 1
    at = max(low, min(at, high - rules.suffix_reach[0]))
    while at < high:
        atom = rules.atom[cps[at]]
        for k in range(rules.suffix_begin[atom], rules.suffix_begin[atom + 1]):
            if match_end(rules.suffix[rules.suffix_list[k]], cps, at, low, high, rules) == high:
                return high - at
        at += 1
    return 0


@helper
def emit_rule(rule, at, rules, starts, ends, count):
    """Write the tokens of an exception that begins at `at`; returns the new count."""
    for k in range(rules.rule_begin[rule], rules.rule_begin[rule + 1]):
        starts[count] = at
        at += rules.rule_lengths[k]
        ends[count] = at
        count += 1
    return count


@helper
def emit_infixes(cps, low, high, rules, starts, ends, count):
    """Write cps[low:high] cut at its infixes; an infix at the very start stays with what follows."""
    token = low
    at = low
    while at < high:
        atom = rules.atom[cps[at]]
        end = -1
        for k in range(rules.infix_begin[atom], rules.infix_begin[atom + 1]):
            end = match_end(rules.infix[rules.infix_list[k]], cps, at, low, high, rules)
            if end >= 0:
                break
        if end < 0:
            at += 1
            continue
        if at > low:
            if at > token:
                starts[count], ends[count] = token, at
                count += 1
            starts[count], ends[count] = at, end
            count += 1
            token = end
        at = end
    if token < high:
        starts[count], ends[count] = token, high
        count += 1
    return count


@kernel
def split_chunk(cps, low, high, with_exceptions, rules, classes, starts, ends, count, suffixes):
    """Write the tokens of one chunk without white space; returns the new count. `suffixes` is scratch."""
    last, cut, end = 0, 0, high
    while low < high and high - low != last:
        if with_exceptions and find_string(cps, low, high, rules) >= 0:
            break
        last = high - low
        prefix = prefix_length(cps, low, high, rules)
        middle = low + prefix
        whole = prefix > 0 and middle < high and with_exceptions and find_string(cps, middle, high, rules) >= 0
        suffix = 0 if whole else suffix_length(cps, middle, high, rules)
        if suffix and high - suffix > low and with_exceptions and find_string(cps, low, high - suffix, rules) >= 0:
            high -= suffix
            suffixes[cut] = high
            cut += 1
            break
        if prefix:
            starts[count], ends[count] = low, middle
            count += 1
            low = middle
        if suffix:
            high -= suffix
            suffixes[cut] = high
            cut += 1
        if whole:
            break
    if low < high:
        rule = find_string(cps, low, high, rules) if with_exceptions else -1
        if rule >= 0:
            count = emit_rule(rule, low, rules, starts, ends, count)
        elif is_url(cps, low, high, rules, classes):
            starts[count], ends[count] = low, high
            count += 1
        else:
            count = emit_infixes(cps, low, high, rules, starts, ends, count)
    for k in range(cut - 1, -1, -1):
        starts[count] = suffixes[k]
        ends[count] = suffixes[k - 1] if k else end
        count += 1
    return count


@helper
def follows(cps, starts, ends, i):
    """Whether token i + 1 is spaCy's next token: nothing or one plain space lies between, no white-space token."""
    gap = starts[i + 1] - ends[i]
    return gap == 0 or (gap == 1 and cps[ends[i]] == 32)


@helper
def may_begin(cps, starts, ends, i, patterns):
    """Quick test on two first characters: whether a matcher pattern can begin at token i."""
    first, second = min(cps[starts[i]], 128), min(cps[starts[i + 1]], 128)
    return patterns.pair[first, second] != 0 and follows(cps, starts, ends, i)


@helper
def find_patterns(cps, count, patterns, starts, ends, found):
    """Every match of an exception's token sequence as rows (first token, tokens, rule) in `found`; their number.

    `found` may be too short: rows past its end are counted only.
    """
    matches = 0
    for i in range(count - 1):
        if not may_begin(cps, starts, ends, i, patterns):
            continue
        node, j = 0, i
        while j < count and (j == i or follows(cps, starts, ends, j - 1)):
            token = find_string(cps, starts[j], ends[j], patterns)
            child = -1
            if token >= 0:
                for k in range(patterns.node_begin[node], patterns.node_begin[node + 1]):
                    if patterns.child_token[k] == token:
                        child = patterns.child_node[k]
                        break
            if child < 0:
                break
            node = child
            j += 1
            if patterns.node_rule[node] >= 0:
                if matches < len(found):
                    found[matches, 0], found[matches, 1], found[matches, 2] = i, j - i, patterns.node_rule[node]
                matches += 1
    return matches


@kernel
def apply_patterns(cps, count, found, matches, rules, starts, ends):
    """Replace the matched tokens by their exception's, longest match first, then leftmost; returns the new count.

    A match with a space inside is no exception and changes nothing, but still keeps shorter ones from its tokens.
    """
    longest = 0
    for m in range(matches):
        longest = max(longest, found[m, 1])
    seen = np.zeros(count, np.bool_)
    chosen = np.full(count, -1, np.int32)
    for length in range(longest, 0, -1):
        for m in range(matches):
            if found[m, 1] != length:
                continue
            first = found[m, 0]
            if not seen[first] and not seen[first + length - 1]:
                chosen[first] = m
            seen[first : first + length] = True
    old_starts, old_ends = starts[:count].copy(), ends[:count].copy()
    written, i = 0, 0
    while i < count:
        m = chosen[i]
        length = 1 if m < 0 else found[m, 1]
        joined = m >= 0
        for j in range(i, i + length - 1):
            joined = joined and old_ends[j] == old_starts[j + 1]
        if joined:
            written = emit_rule(found[m, 2], old_starts[i], rules, starts, ends, written)
        else:
            for j in range(i, i + length):
                starts[written], ends[written] = old_starts[j], old_ends[j]
                written += 1
        i += length
    return written


@kernel
def split_any_chunk(cps, low, high, rules, classes, starts, ends, count, suffixes):
    """As `split_chunk` with exceptions; a chunk that no rule can touch is one token without trying them."""
    plain = True
    for i in range(low, high):
        plain = plain and rules.plain[rules.atom[cps[i]]] != 0
    if plain and find_string(cps, low, high, rules) < 0:
        starts[count], ends[count] = low, high
        return count + 1
    return split_chunk(cps, low, high, True, rules, classes, starts, ends, count, suffixes)


@inlined
def chunk_key(text, start, length):
    """(low, high) of a chunk of 1 to LONGEST_REMEMBERED bytes: the bytes themselves, and their number in the highest."""
    low = low_bytes(load64(text, start), min(length, 8))
    rest = max(length - 8, 0)
    high = load64(text, start + 8) & ((ONE << np.uint64(8 * rest)) - ONE)
    return low, high | np.uint64(length) << np.uint64(56)


@inlined
def chunk_slot(low, high):
    return np.int64((low * np.uint64(GOLDEN) ^ high * FNV_START) >> np.uint64(64 - MEMO_BITS))


@inlined
def other_bytes(eight):
    """Which of eight ASCII bytes are no letters: their highest bits."""
    lower = eight | CASE_BITS
    return ~((lower + np.uint64(0x1F1F1F1F1F1F1F1F)) & ~(lower + np.uint64(0x0505050505050505))) & HIGHEST_BITS


@inlined
def only_letters(low, high, length):
    """Whether the ASCII chunk of this key is nothing but letters."""
    rest = max(length - 8, 0)
    others = other_bytes(high) & ((ONE << np.uint64(8 * rest)) - ONE)
    return low_bytes(other_bytes(low), min(length, 8)) | others == 0


@kernel
def mark_exceptions(rules, marked):
    """Set marked[slot] for the slot of each exception of 1 to LONGEST_REMEMBERED bytes of ASCII."""
    text = np.zeros(LONGEST_REMEMBERED + 9, np.uint8)
    for number in range(len(rules.text_begin) - 1):
        begin, length = rules.text_begin[number], rules.text_begin[number + 1] - rules.text_begin[number]
        if not 0 < length <= LONGEST_REMEMBERED:
            continue
        for i in range(length):
            text[i] = min(rules.text[begin + i], 128)
        low, high = chunk_key(text, 0, length)
        if not (low | high) & HIGHEST_BITS:
            marked[chunk_slot(low, high)] = True


@helper
def remember(split, slot, low_key, high_key, low, high, starts, ends, first, count):
    """Keep the tokens first..count of the chunk cps[low:high], if they cover it one after the other and are few."""
    if count - first > 8:
        return
    lengths = np.uint64(0)
    at = low
    for token in range(first, count):
        if starts[token] != at or ends[token] <= at:
            return
        lengths |= np.uint64(ends[token] - at) << np.uint64(8 * (token - first))
        at = ends[token]
    if at == high:
        split[slot, 0], split[slot, 1], split[slot, 2] = low_key, high_key, lengths


@kernel
def spacy_english_words(reading, size, cps, classes, rules, patterns, memo, starts, ends, suffixes):
    """Spans of the English words of a text into `starts`, `ends`; returns their number.

    reading, size, cps: the text of `size` bytes as `read_text` and `decode_utf8` read it. `rules`, `patterns`: the
    records of `load_rules()`. memo: a `chunk_memo`. `starts`, `ends` and the
    scratch `suffixes`: int32, room for as many as there are characters.
    """
    count, split = 0, memo.split
    after_space, inside = ONE, False
    first_byte, low = 0, 0
    for k in range((size >> 6) + 1):
        space, first, before = reading.spaces[k], reading.firsts[k], reading.characters[k]
        changes = space ^ (space << ONE | after_space)
        after_space = space >> np.uint64(63)
        while changes:
            bit = lowest_bit(changes)
            changes = without_lowest(changes)
            byte, high = 64 * k + bit, before + set_bits(first & below(bit))
            inside = not inside
            if inside:
                first_byte, low = byte, high
                continue
            length = byte - first_byte
            if length > LONGEST_REMEMBERED or length != high - low:
                count = split_any_chunk(cps, low, high, rules, classes, starts, ends, count, suffixes)
                continue
            low_key, high_key = chunk_key(reading.text, first_byte, length)
            slot = chunk_slot(low_key, high_key)
            if not memo.exceptions[slot] and only_letters(low_key, high_key, length):
                starts[count], ends[count] = low, high
                count += 1
                continue
            if split[slot, 0] == low_key and split[slot, 1] == high_key:
                lengths = split[slot, 2]
                at = np.int64(low)
                while lengths:
                    starts[count] = at
                    at += np.int64(lengths & BYTE)
                    ends[count] = at
                    count += 1
                    lengths >>= np.uint64(8)
                continue
            before_it = count
            count = split_any_chunk(cps, low, high, rules, classes, starts, ends, count, suffixes)
            remember(split, slot, low_key, high_key, low, high, starts, ends, before_it, count)
    found = np.empty((16, 3), np.int32)
    matches = find_patterns(cps, count, patterns, starts, ends, found)
    if matches > len(found):
        found = np.empty((matches, 3), np.int32)
        find_patterns(cps, count, patterns, starts, ends, found)
    if matches:
        count = apply_patterns(cps, count, found, matches, rules, starts, ends)
    return count
