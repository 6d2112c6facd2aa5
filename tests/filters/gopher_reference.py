"""The Gopher quantities in plain Python: what every kernel must equal. Slow and obvious on purpose."""

import re
from collections import Counter
from statistics import median

STOP_WORDS = {"the", "be", "to", "of", "and", "that", "have", "with"}
Values = dict[str, int | float | None]


def ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def quality(text: str) -> Values:
    words = text.split()
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    raw_lines = text.split("\n")
    ellipses = text.count("...") + text.count("…")
    tokens = [token for token in re.split("[ \t\n\v\f\r\0]", text) if token]
    return {
        "character_count": len(text),
        "word_count": len(words),
        "word_character_count": sum(map(len, words)),
        "mean_word_length": ratio(sum(map(len, words)), len(words)),
        "median_word_length": float(median(map(len, words))) if words else None,
        "hash_count": text.count("#"),
        "ellipsis_count": ellipses,
        "hashes_per_word": ratio(text.count("#"), len(words)),
        "ellipses_per_word": ratio(ellipses, len(words)),
        "symbols_per_word_dclm": ratio(sum(text.count(s) for s in ("#", "...", ". . .", "…")), len(words)),
        "symbol_word_fraction_dolma": ratio(sum("#" in w or "…" in w for w in words), len(words)),
        "alpha_word_fraction": ratio(sum(any(c.isalpha() for c in w) for w in words), len(words)),
        "stop_word_count": sum(w in STOP_WORDS for w in words),
        "stop_word_count_lower_cased": sum(w.lower() in STOP_WORDS for w in words),
        "unique_stop_word_count": len(STOP_WORDS & set(words)),
        "word_count_dclm": sum(token[0].isalnum() for token in tokens),
        "line_count": len(lines),
        "bullet_line_fraction": ratio(sum(line.startswith(("●", "•", "*", "-")) for line in lines), len(lines)),
        "ellipsis_line_fraction": ratio(sum(line.endswith(("...", ". . .", "…")) for line in lines), len(lines)),
        "bullet_line_fraction_dolma": ratio(sum(line.startswith(("*", "-")) for line in raw_lines), len(raw_lines)),
        "ellipsis_line_fraction_dolma": ratio(sum(line.endswith("…") for line in raw_lines), len(raw_lines)),
    }


def paper_ngrams(words: list[str], suffix: str = "") -> Values:
    characters = sum(map(len, words))
    values: Values = {}
    for n in range(2, 11):
        grams = [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]
        counts = Counter(grams)
        if n <= 4:
            most = max(counts.values(), default=0)
            longest = max((len("".join(g)) for g, c in counts.items() if c == most), default=0)
            values[f"top_{n}gram_char_fraction{suffix}"] = ratio(longest * most if most > 1 else 0, characters)
        else:
            covered = {i + k for i, g in enumerate(grams) if counts[g] > 1 for k in range(n)}
            values[f"dup_{n}gram_char_fraction{suffix}"] = ratio(sum(len(words[i]) for i in covered), characters)
    return values


def dolma_ngrams(words: list[str]) -> Values:
    values: Values = {}
    for n in range(2, 11):
        counts = Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
        name = f"{'top' if n <= 4 else 'dup'}_{n}gram_char_fraction_dolma"
        if not counts:
            values[name] = None
        elif n <= 4:
            gram, count = counts.most_common(1)[0]
            values[name] = count * len("".join(gram)) / len("".join(words))
        else:
            shares = {gram: count * len("".join(gram)) for gram, count in counts.items()}
            values[name] = sum(s for gram, s in shares.items() if counts[gram] > 1) / sum(shares.values())
    return values


def repeats(pieces: list[str]) -> tuple[int, int, int, int]:
    """Pieces after the first copy, their characters, all copies of repeated pieces, their characters."""
    repeated = [(piece, count) for piece, count in Counter(pieces).items() if count > 1]
    return (
        sum(count - 1 for _, count in repeated),
        sum((count - 1) * len(piece) for piece, count in repeated),
        sum(count for _, count in repeated),
        sum(count * len(piece) for piece, count in repeated),
    )


def lines_and_paragraphs(text: str) -> Values:
    values: Values = {}
    for name, separator in (("line", "\n"), ("paragraph", "\n\n")):
        pieces = [piece.strip() for piece in text.split(separator) if piece.strip()]
        after, after_characters, copies, copies_characters = repeats(pieces)
        characters = sum(map(len, pieces))
        values[f"dup_{name}_fraction_after_first"] = ratio(after, len(pieces))
        values[f"dup_{name}_fraction_all_copies"] = ratio(copies, len(pieces))
        values[f"dup_{name}_char_fraction_after_first"] = ratio(after_characters, characters)
        values[f"dup_{name}_char_fraction_all_copies"] = ratio(copies_characters, characters)
    lines = text.split("\n")
    _, _, copies, copies_characters = repeats(lines)
    values["dup_line_fraction_dolma"] = copies / len(lines)
    values["dup_line_char_fraction_dolma"] = copies_characters / max(len("".join(text.split())), 1)
    for name, pieces in (("line", re.split("\n+", text)), ("paragraph", re.split("\n{2,}", text.strip()))):
        after, after_characters, _, _ = repeats(pieces)
        values[f"dup_{name}_fraction_datatrove"] = after / len(pieces) if text else None
        values[f"dup_{name}_char_fraction_datatrove"] = ratio(after_characters, len(text))
    return values


def greedy_duplicates(words: list[str], n: int) -> int:
    seen: set[str] = set()
    characters = at = 0
    while at + n <= len(words):
        gram = "".join(words[at : at + n])
        if gram in seen:
            characters += len(gram)
            at += n
        else:
            seen.add(gram)
            at += 1
    return characters


def datatrove(text: str, tokens: list[str], symbols: set[str]) -> Values:
    words = [t for t in tokens if not set(t) <= symbols]
    lines = text.splitlines()
    values: Values = {
        "char_count_datatrove": len(text),
        "token_count_datatrove": len(tokens),
        "word_count_datatrove": len(words),
        "mean_word_length_datatrove": ratio(sum(map(len, words)), len(words)),
        "hashes_per_token_datatrove": ratio(text.count("#"), len(tokens)),
        "ellipses_per_token_datatrove": ratio(text.count("...") + text.count("…"), len(tokens)),
        "bullet_line_fraction_datatrove": ratio(sum(x.lstrip().startswith(("•", "-")) for x in lines), len(lines)),
        "ellipsis_line_fraction_datatrove": ratio(sum(x.rstrip().endswith(("...", "…")) for x in lines), len(lines)),
        "alpha_token_fraction_datatrove": ratio(sum(any(c.isalpha() for c in t) for t in tokens), len(tokens)),
        "unique_stop_word_count_datatrove": len(STOP_WORDS & set(tokens)),
    }
    for n in (2, 3, 4):
        counts = Counter(" ".join(tokens[i : i + n]) for i in range(len(tokens) - n + 1))
        top = counts.most_common(1)
        values[f"top_{n}gram_char_fraction_datatrove"] = len(top[0][0]) * top[0][1] / len(text) if top else None
    for n in range(5, 11):
        values[f"dup_{n}gram_char_fraction_datatrove"] = ratio(greedy_duplicates(tokens, n), len(text))
    return values
