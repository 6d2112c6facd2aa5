"""spaCy's English splitting rules as arrays, derived from the installed spaCy and cached under its version.

`load_rules()` reads spaCy's own tokenizer: its prefix, suffix and infix expressions become lists of alternatives over
sets of code points, its exceptions a hash table, its phrase matcher a trie. Nothing of spaCy's data is kept here.
"""

import hashlib
import os
from functools import cache
from importlib.metadata import version
from typing import Any

import numpy as np
from gristmill.filters.text.spacy_expressions import (
    Ranges,
    Sets,
    alternatives,
    candidates,
    code_point_set,
    plain_classes,
    rule_rows,
    unsupported,
)
from gristmill.filters.text.spacy_kernels import SpacyRules, split_chunk, text_hash
from gristmill.filters.text.unicode_tables import CLASS, cache_folder

TABLE_VERSION = 1
_URL_SHAPE = "2e11112e3ac5c95d"  # digest of the URL expression `is_url` renders, without its letter set
_NO_PATTERNS = {
    "end_marks": np.zeros(0, np.int32),
    "pair": np.zeros((129, 129), np.uint8),
    "node_begin": np.zeros(2, np.int32),
    "child_token": np.zeros(0, np.int32),
    "child_node": np.zeros(0, np.int32),
    "node_rule": np.full(1, -1, np.int32),
}


@cache
def load_rules() -> SpacyRules:
    """The rules of the installed spaCy: from the user's cache folder, else built (a second) and kept there."""
    path = cache_folder() / f"spacy-en-{version('spacy')}-v{TABLE_VERSION}.npz"
    try:
        with np.load(path, allow_pickle=False) as stored:
            return SpacyRules(**{name: stored[name] for name in SpacyRules._fields})
    except (OSError, ValueError, KeyError):
        rules = build_rules()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}.npz")
        np.savez(temporary, **rules._asdict())  # type: ignore[arg-type]
        temporary.replace(path)
    except OSError:
        pass  # a read-only home only costs the second again
    return rules


def build_rules() -> SpacyRules:
    """Derive every table from `spacy.blank("en")`."""
    import spacy
    from spacy.pipeline import Sentencizer

    tokenizer = spacy.blank("en").tokenizer
    if tokenizer.token_match is not None:
        raise unsupported("a token_match rule")
    exceptions = {text: [token[65] for token in tokens] for text, tokens in tokenizer.rules.items()}
    base = SpacyRules(**_expression_tables(tokenizer), **_exception_tables(exceptions, {}), **_NO_PATTERNS)
    patterns = {
        text: _without_exceptions(text, base)
        for text in exceptions
        if tokenizer.find_prefix(text) or tokenizer.find_infix(text) or tokenizer.find_suffix(text)
    }
    several = {text: tokens for text, tokens in patterns.items() if len(tokens) > 1}
    if any(exceptions[text] != tokens for text, tokens in patterns.items() if text not in several):
        raise unsupported("an exception that splits what no affix rule splits")
    words = sorted({token for tokens in several.values() for token in tokens})
    tokens = {word: number for number, word in enumerate(words)}
    marks = {"end_marks": _code_points("".join(sorted(Sentencizer.default_punct_chars)))}
    tables = base._asdict() | marks | _exception_tables(exceptions, tokens) | _trie(several, tokens, list(exceptions))
    return SpacyRules(**tables)


def _expression_tables(tokenizer: Any) -> dict[str, np.ndarray]:
    sets = Sets()
    items: list[int] = []
    affixes = ("prefix_search", "suffix_search", "infix_finditer")
    prefix, suffix, infix = (alternatives(getattr(tokenizer, name).__self__.pattern) for name in affixes)
    rows = [rule_rows(found, sets, items) for found in (prefix, suffix, infix)]
    letters = sets.number(url_letters(tokenizer.url_match.__self__.pattern))
    atom, member = sets.classes()
    numbers = np.array(items, np.int32)
    (prefix_begin, prefix_list), (suffix_begin, suffix_list), (infix_begin, infix_list) = (
        candidates(found, numbers, member) for found in rows
    )
    last = numbers[rows[1][:, 0] + rows[1][:, 1] + rows[1][:, 2] - 1]
    return {
        "atom": atom,
        "member": member,
        "plain": plain_classes(prefix + suffix + infix, sets, atom, member),
        "items": numbers,
        "prefix": rows[0],
        "prefix_begin": prefix_begin,
        "prefix_list": prefix_list,
        "suffix": rows[1],
        "suffix_begin": suffix_begin,
        "suffix_list": suffix_list,
        "suffix_last": member[last].max(axis=0),
        "suffix_repeat": member[last[rows[1][:, 3] != 0]].max(axis=0, initial=0),
        "suffix_reach": np.array([rows[1][:, 2].max()], np.int32),
        "infix": rows[2],
        "infix_begin": infix_begin,
        "infix_list": infix_list,
        "url_letters": np.array([letters], np.int32),
    }


def url_letters(pattern: str) -> Ranges:
    """The set of letters a top-level domain is made of, after checking that the rest is the expression we render."""
    end = pattern.find("]{2,63})")
    start = pattern.rfind("(?:[", 0, end)
    shape = hashlib.blake2b((pattern[:start] + pattern[end:]).encode(), digest_size=8).hexdigest()
    if shape != _URL_SHAPE:
        raise unsupported(f"URL expression of shape {shape}")
    return code_point_set(pattern[start + 3 : end + 1])


def _exception_tables(exceptions: dict[str, list[str]], tokens: dict[str, int]) -> dict[str, np.ndarray]:
    strings = list(exceptions) + [word for word in tokens if word not in exceptions]
    slots, entry_begin, entry_text = _string_table(strings)
    lengths = [[len(token) for token in split] for split in exceptions.values()]
    return {
        "slots": slots,
        "entry_begin": entry_begin,
        "entry_text": entry_text,
        "entry_rule": np.array([i if i < len(exceptions) else -1 for i in range(len(strings))], np.int32),
        "entry_token": np.array([tokens.get(text, -1) for text in strings], np.int32),
        "longest_entry": np.array([max(map(len, strings))], np.int32),
        "rule_begin": np.cumsum([0, *map(len, lengths)]).astype(np.int32),
        "rule_lengths": np.array([length for split in lengths for length in split], np.int32),
    }


def _string_table(strings: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    slots = np.full(1 << (4 * len(strings)).bit_length(), -1, np.int32)
    for entry, text in enumerate(strings):
        at = int(text_hash(_code_points(text), 0, len(text))) % len(slots)
        while slots[at] >= 0:
            at = (at + 1) % len(slots)
        slots[at] = entry
    begin = np.cumsum([0, *map(len, strings)]).astype(np.int32)
    return slots, begin, _code_points("".join(strings))


def _code_points(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("utf-32-le"), np.int32).copy()


def _without_exceptions(text: str, rules: SpacyRules) -> list[str]:
    """The tokens of an exception's text when no exception applies: the sequence spaCy's matcher looks for."""
    if any(char.isspace() for char in text):
        return [text]  # white space is no word here, whatever the matcher makes of it
    starts, ends, scratch = (np.zeros(len(text), np.int32) for _ in range(3))
    count = split_chunk(_code_points(text), 0, len(text), False, rules, CLASS, starts, ends, 0, scratch)
    return [text[starts[i] : ends[i]] for i in range(count)]


def _trie(patterns: dict[str, list[str]], tokens: dict[str, int], order: list[str]) -> dict[str, np.ndarray]:
    children: list[dict[int, int]] = [{}]
    node_rule = [-1]
    pair = np.zeros((129, 129), np.uint8)
    for text, sequence in patterns.items():
        node = 0
        for word in sequence:
            if tokens[word] not in children[node]:
                children[node][tokens[word]] = len(children)
                children.append({})
                node_rule.append(-1)
            node = children[node][tokens[word]]
        node_rule[node] = order.index(text)
        pair[min(ord(sequence[0][0]), 128), min(ord(sequence[1][0]), 128)] = 1
    return {
        "pair": pair,
        "node_begin": np.cumsum([0, *map(len, children)]).astype(np.int32),
        "child_token": np.array([token for edges in children for token in edges], np.int32),
        "child_node": np.array([node for edges in children for node in edges.values()], np.int32),
        "node_rule": np.array(node_rule, np.int32),
    }
