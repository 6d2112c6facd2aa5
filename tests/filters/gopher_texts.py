"""Generated texts for the Gopher tests: few distinct words, so that they repeat, and every character with a trap."""

from hypothesis import strategies as st

# words at the borders of the definitions: stop words in cases, marks, symbols, other scripts, combining, astral
WORDS = (
    *("the", "The", "THE", "be", "to", "of", "and", "that", "have", "with", "a", "b", "ab", "abc", "wordy", "don't"),
    *(".", "..", "...", "....", "…", "#", "#tag", "-", "--", "*", "•", "●", "–x", "12", "3.5", "e-mail", "U.S.", "»"),
    *(
        "über",
        "naïve",
        "слово",
        "中文",
        "語",
        "İ",
        "K",
        "ſ",
        "e\u0301",
        "\u0301",
        "👩\u200d👩\u200d👧",
        "𝒳",
        "١٢",
        "：",
    ),
    *("\ufeff", "\u200b", "\x00", "x\x00y", "\x01"),
)
GAPS = (" ", " ", " ", "\n", "\n", "\n\n", "\n\n\n", "\t", "  ", "\r", "\r\n", " \n", "\x0b", "\x0c", "\x1c", "\x1f")
GAPS += ("\x85", "\u2028", "\u2029", "\xa0", "\u3000", "", ". . .", ". . . . .", "\n- ", "\n • ", "...\n", "… \n")

pieces = st.lists(st.tuples(st.sampled_from(WORDS), st.sampled_from(GAPS)), max_size=30)
paragraphs = pieces.map(lambda pairs: "".join(word + gap for word, gap in pairs))
nasty_texts = st.one_of(
    paragraphs,
    st.tuples(paragraphs, st.integers(1, 4), st.sampled_from(GAPS)).map(lambda t: (t[0] + t[2]) * t[1]),
    st.lists(st.sampled_from("ab .-#\n…"), max_size=40).map("".join),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
)
