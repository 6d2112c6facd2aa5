"""Texts at the borders of the Gopher rules: for a rule's name, texts it keeps and texts just beyond the limit."""

from collections.abc import Callable, Iterator

TOP_PERMILLE = {2: 200, 3: 180, 4: 160}
DUPLICATE_PERMILLE = {5: 150, 6: 140, 7: 130, 8: 120, 9: 110, 10: 100}


def fillers(characters: int, words: int | None = None) -> list[str]:
    """Different words of `characters` in all, five letters each but for the last."""
    count = words or characters // 5
    chosen = ["q" + "".join(chr(97 + i // 17**k % 17) for k in (2, 1, 0)) + "z" for i in range(count)]
    chosen[-1] += "y" * (characters - 5 * count)
    return chosen


def words_of(characters: int, words: int) -> list[str]:
    """`words` different words of `characters` in all."""
    chosen = [chr(97 + i) * (characters // words) for i in range(words)]
    chosen[-1] += "z" * (characters - sum(map(len, chosen)))
    return chosen


def repeated_gram(n: int, characters: int) -> str:
    """1,000 characters of words in which one n-gram of `characters` / 2 occurs twice and nothing else repeats."""
    gram = words_of(characters // 2, n)
    return " ".join([*gram, *fillers(1000 - characters), *gram])


def pieces(separator: str, repeated: int, total: int) -> str:
    """`total` pieces of ten words, `repeated` of them equal."""
    same = " ".join(fillers(50))
    return separator.join([same] * repeated + [f"{i} {' '.join(fillers(40))}" for i in range(total - repeated)])


def piece_characters(separator: str, characters: int) -> str:
    """1,000 characters in five pieces, two of which are equal and have `characters` together."""
    same, rest = "s" * (characters // 2), 1000 - characters
    return separator.join([same, "a" * (rest // 3), same, "b" * (rest // 3), "c" * (rest - 2 * (rest // 3))])


def lines(marked: str, count: int) -> str:
    return "\n".join([marked] * count + [f"line {i}" for i in range(100 - count)])


def words(special: str, count: int, plain: str = "word") -> str:
    return " ".join([special] * count + [plain] * (100 - count))


# rule -> (texts it keeps, texts it drops); each pair of neighbours straddles the limit
BORDERS: dict[str, tuple[list[str], list[str]]] = {
    "few_words": ([words("", 0), "word " * 51, "word\n" * 50], ["word " * 49, "", " \n"]),
    "many_words": (["w " * 99_999, "w " * 100_000], ["w " * 100_001]),
    "many_symbols": ([words("#", 9), words("#", 10)], [words("#", 11), words("…", 11)]),
    "many_bullet_lines": ([lines("- x", 89), lines("* x", 90)], [lines("* x", 91), lines("-", 100)]),
    "many_ellipsis_lines": ([lines("x…", 29), lines("x…", 30)], [lines("x…", 31)]),
    "few_alpha_words": ([words("12", 19), words("12", 20)], [words("12", 21)]),
    "few_stop_words": (["the word of it", "to be"], ["the word", "word"]),
}

MEAN_LENGTH = {
    "short_words": ([words("abcd", 1, "abc"), words("abc", 100)], [words("ab", 1, "abc")]),
    "long_words": ([words("a" * 9, 1, "a" * 10), words("a" * 10, 100)], [words("a" * 11, 1, "a" * 10)]),
}

MEDIAN_LENGTH = {
    "short_words": ([words("ab", 49, "abc"), words("abc", 100)], [words("ab", 50, "abc"), words("ab", 51, "abc")]),
    "long_words": ([words("a" * 11, 49, "a" * 10)], [words("a" * 11, 50, "a" * 10), words("a" * 11, 51, "a" * 10)]),
}


def _grams(permille: dict[int, int], name: str) -> Iterator[tuple[str, tuple[list[str], list[str]]]]:
    for n, limit in permille.items():
        below, at, above = (repeated_gram(n, limit + change) for change in (-2, 0, 2))
        yield name.format(n), ([below, at], [above])


def _pieces(name: str, separator: str, characters: Callable[[str, int], str]) -> dict[str, tuple[list[str], list[str]]]:
    return {
        f"repeated_{name}s": (
            [pieces(separator, 29, 100), pieces(separator, 30, 100), pieces(separator, 1, 1)],
            [pieces(separator, 31, 100)],
        ),
        f"repeated_{name}_characters": (
            [characters(separator, 198), characters(separator, 200)],
            [characters(separator, 202)],
        ),
    }


REPEATED_LINES = _pieces("line", "\n", piece_characters)
REPEATED_PARAGRAPHS = _pieces("paragraph", "\n\n", piece_characters)
FREQUENT_GRAMS = dict(_grams(TOP_PERMILLE, "frequent_{}gram"))
COVERED_GRAMS = dict(_grams(DUPLICATE_PERMILLE, "repeated_{}grams"))

DCLM = {
    **BORDERS,
    **MEAN_LENGTH,
    **REPEATED_LINES,
    **REPEATED_PARAGRAPHS,
    **FREQUENT_GRAMS,
    **COVERED_GRAMS,
}
DOLMA = {**BORDERS, **MEDIAN_LENGTH, **REPEATED_LINES, **FREQUENT_GRAMS}
EVERY_TEXT = [text for table in (DCLM, DOLMA) for kept, dropped in table.values() for text in kept + dropped]


def english(special: str, count: int) -> str:
    """100 tokens: `special` some times, then good words with two stop words among them."""
    return " ".join([special] * count + ["the", "of", *fillers(5 * (98 - count))])


# around datatrove's limits, which count other words and lines
DATATROVE_TEXTS = [
    *(english(mark, count) for mark in ("#", "…", "...") for count in (9, 10, 11)),
    *(english(",", count) for count in (19, 20, 21, 49, 50, 51)),
    *(english("ab", count) for count in (90, 97)),
    *(english("a" * 19, count) for count in (30, 36, 40, 60)),
    *(english("x", 1) + "\n" + lines(mark, count) for mark in ("• x", " - x") for count in (89, 90, 91, 92, 100)),
    *(english("x", 1) + "\n" + lines(mark, count) for mark in ("word…", "word... ") for count in (20, 30, 31, 60)),
    *(english("x", 1) + "\u2028" + "…\x0b".join(fillers(5 * count)) for count in (5, 20)),
    *(english("x", 1) + separator * 5 for separator in ("\n", "\n\n", "\r\n", "\x0c")),
    *(pieces(separator, count, 20) for separator in ("\n", "\n\n") for count in (5, 6, 7, 8)),
    *(piece_characters("\n", count) + "\n" + " ".join(fillers(50)) for count in (380, 400, 440)),
    *(piece_characters("\n\n", count) + "\n" + " ".join(fillers(50)) for count in (380, 400, 440)),
    *(
        f"{gram} " * times + english("x", 1)
        for gram in ("by the", "by the sea", "by the old sea")
        for times in (4, 9, 18)
    ),
    *(
        " ".join([*words_of(size, n), *fillers(1000 - 2 * size), *words_of(size, n)])
        for n in range(5, 13)
        for size in (120, 150, 180, 220)
    ),
]
