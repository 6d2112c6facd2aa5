"""spaCy's English splitting rules as arrays, derived from the installed spaCy and cached under its version.

`load_rules()` reads spaCy's own tokenizer: its prefix, suffix and infix expressions become lists of alternatives over
sets of code points, its exceptions a hash table, its phrase matcher a trie. Nothing of spaCy's data is kept here.
"""

import hashlib
from collections.abc import Callable
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
from gristmill.filters.text.spacy_splitting import split_chunk, text_hash
from gristmill.filters.text.unicode_tables import CLASS
from gristmill.kernels.cache import Tables, as_record, stored_tables

TABLE_VERSION = 2
_URL_SHAPE = "2e11112e3ac5c95d"  # digest of the URL expression `is_url` renders, without its letter set


@cache
def load_rules() -> tuple[np.record, np.record]:
    """(rules, patterns) of the installed spaCy: from the user's cache folder, else built (seconds) and kept there."""
    return _stored("rules", build_rules), _stored("patterns", build_patterns)


def _stored(name: str, build: Callable[[], Tables]) -> np.record:
    return as_record(stored_tables(f"spacy-en-{version('spacy')}-{name}-v{TABLE_VERSION}", build))


def build_rules() -> Tables:
    """What splits a chunk, derived from `spacy.blank("en")`.

    atom: code point -> class of code points that no rule tells apart; member[set, class]: whether a set holds it.
    prefix, suffix, infix: rows (first of items, lookbehinds, body items, last item repeats, lookahead set or -1, its
    negation), and the candidate rows by class of their first body item in *_begin (classes + 1) and *_list.
    plain: classes whose strings no affix or URL rule can touch. suffix_last, suffix_repeat: classes a suffix can end in
    and repeat; suffix_reach: longest other suffix. rule_begin, rule_lengths: token lengths of the exceptions, which
    are in the string table (slots, text_begin, text, longest). end_marks: of sentences, for `sentences`.
    """
    from spacy.pipeline import Sentencizer

    tokenizer = _tokenizer()
    if tokenizer.token_match is not None:
        raise unsupported("a token_match rule")
    exceptions = _exceptions(tokenizer)
    lengths = [[len(token) for token in split] for split in exceptions.values()]
    return {
        **_expression_tables(tokenizer),
        **_string_table(list(exceptions)),
        "rule_begin": np.cumsum([0, *map(len, lengths)]).astype(np.int32),
        "rule_lengths": np.array([length for split in lengths for length in split], np.int32),
        "end_marks": _code_points("".join(sorted(Sentencizer.default_punct_chars))),
    }


def build_patterns() -> Tables:
    """What spaCy's matcher looks for in the tokens of a document: exceptions whose own text an affix rule splits.

    The string table holds the tokens they are made of; node_begin, child_token, child_node, node_rule are the trie of
    their sequences; pair[a, b]: whether one begins with tokens of these first characters (128 for any other).
    """
    tokenizer = _tokenizer()
    exceptions = _exceptions(tokenizer)
    affixed = (tokenizer.find_prefix, tokenizer.find_infix, tokenizer.find_suffix)
    rules = as_record(build_rules())
    patterns = {text: _affix_tokens(text, rules) for text in exceptions if any(find(text) for find in affixed)}
    several = {text: tokens for text, tokens in patterns.items() if len(tokens) > 1}
    if any(exceptions[text] != tokens for text, tokens in patterns.items() if text not in several):
        raise unsupported("an exception that splits what no affix rule splits")
    tokens = sorted({token for sequence in several.values() for token in sequence})
    return _string_table(tokens) | _trie(several, tokens, list(exceptions))


def _tokenizer() -> Any:
    import spacy

    return spacy.blank("en").tokenizer


def _exceptions(tokenizer: Any) -> dict[str, list[str]]:
    from spacy.symbols import ORTH

    return {text: [token[ORTH] for token in tokens] for text, tokens in tokenizer.rules.items()}


def _expression_tables(tokenizer: Any) -> Tables:
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


def _string_table(strings: list[str]) -> Tables:
    slots = np.full(1 << (4 * len(strings)).bit_length(), -1, np.int32)
    for number, text in enumerate(strings):
        at = int(text_hash(_code_points(text), 0, len(text))) % len(slots)
        while slots[at] >= 0:
            at = (at + 1) % len(slots)
        slots[at] = number
    return {
        "slots": slots,
        "text": _code_points("".join(strings)),
        "text_begin": np.cumsum([0, *map(len, strings)]).astype(np.int32),
        "longest": np.array([max(map(len, strings))], np.int32),
    }


def _code_points(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("utf-32-le"), np.int32).copy()


def _affix_tokens(text: str, rules: np.record) -> list[str]:
    """The tokens of an exception's text when no exception applies: the sequence spaCy's matcher looks for."""
    if any(char.isspace() for char in text):
        return [text]  # white space is no word here, whatever the matcher makes of it
    starts, ends, scratch = (np.zeros(len(text), np.int32) for _ in range(3))
    count = split_chunk(_code_points(text), 0, len(text), False, rules, CLASS, starts, ends, 0, scratch)
    return [text[starts[i] : ends[i]] for i in range(count)]


def _trie(patterns: dict[str, list[str]], tokens: list[str], order: list[str]) -> Tables:
    children: list[dict[int, int]] = [{}]
    node_rule = [-1]
    pair = np.zeros((129, 129), np.uint8)
    for text, sequence in patterns.items():
        node = 0
        for token in map(tokens.index, sequence):
            if token not in children[node]:
                children[node][token] = len(children)
                children.append({})
                node_rule.append(-1)
            node = children[node][token]
        node_rule[node] = order.index(text)
        pair[min(ord(sequence[0][0]), 128), min(ord(sequence[1][0]), 128)] = 1
    return {
        "pair": pair,
        "node_begin": np.cumsum([0, *map(len, children)]).astype(np.int32),
        "child_token": np.array([token for edges in children for token in edges], np.int32),
        "child_node": np.array([node for edges in children for node in edges.values()], np.int32),
        "node_rule": np.array(node_rule, np.int32),
    }
