"""The three Gopher profiles: every limit met from both sides, and the decisions of datatrove's own filters."""

import pytest
from datatrove.data import Document
from datatrove.pipeline.filters import GopherQualityFilter, GopherRepetitionFilter
from gristmill.filters.gopher.profiles import DATATROVE_QUALITY, DATATROVE_REPETITION
from gristmill.filters.profiles import profile
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.filters.gopher_borders import DATATROVE_TEXTS, DCLM, DOLMA, EVERY_TEXT
from tests.filters.gopher_texts import nasty_texts
from tests.filters.profile_oracle import failed_rules
from tests.generated import examples

# datatrove's reason -> the rule that states the fact
QUALITY_REASONS = {
    "gopher_short_doc": "few_words",
    "gopher_long_doc": "many_words",
    "gopher_below_avg_threshold": "short_words",
    "gopher_above_avg_threshold": "long_words",
    "gopher_too_many_hashes": "many_hashes",
    "gopher_too_many_ellipsis": "many_ellipses",
    "gopher_too_many_bullets": "many_bullet_lines",
    "gopher_too_many_end_ellipsis": "many_ellipsis_lines",
    "gopher_below_alpha_threshold": "few_alpha_words",
    "gopher_enough_stop_words": "few_stop_words",
}
REPETITION_REASONS = {
    "empty": "empty_text",
    "dup_para_frac": "repeated_paragraphs",
    "dup_para_char_frac": "repeated_paragraph_characters",
    "dup_line_frac": "repeated_lines",
    "dup_line_char_frac": "repeated_line_characters",
    **{f"top_{n}_gram": f"frequent_{n}gram" for n in (2, 3, 4)},
    **{f"duplicated_{n}_n_grams": f"repeated_{n}grams" for n in range(5, 11)},
}


@pytest.mark.parametrize(
    ("profile_name", "rule_name"),
    [("gopher@dolma", name) for name in DOLMA] + [("gopher@dclm", name) for name in DCLM],
)
def test_each_limit_is_met_from_both_sides(profile_name: str, rule_name: str) -> None:
    rules = [rule for rule in profile(profile_name).rules if rule.name == rule_name]
    assert len(rules) == 1
    kept, dropped = {"gopher@dolma": DOLMA, "gopher@dclm": DCLM}[profile_name][rule_name]
    assert failed_rules(rules, kept) == [[]] * len(kept)
    assert failed_rules(rules, dropped) == [[rule_name]] * len(dropped)


def test_every_dclm_rule_is_in_the_table() -> None:
    assert {rule.name for rule in profile("gopher@dclm").rules} == set(DCLM)


def first_reasons(texts: list[str]) -> list[tuple[str | None, str | None]]:
    """What datatrove's two filters answer, each alone on the text, as names of our rules."""
    filters = ((GopherQualityFilter(), QUALITY_REASONS), (GopherRepetitionFilter(), REPETITION_REASONS))
    answers = []
    for text in texts:
        row = []
        for one, names in filters:
            answer = one.filter(Document(text=text, id="0"))
            row.append(None if answer is True else names[answer[1]])
        answers.append(tuple(row))
    return answers


def our_first_reasons(texts: list[str], exact: bool) -> list[tuple[str | None, str | None]]:
    quality = failed_rules(DATATROVE_QUALITY, texts, exact)
    repetition = failed_rules(DATATROVE_REPETITION, texts, exact)
    return [(next(iter(q), None), next(iter(r), None)) for q, r in zip(quality, repetition, strict=True)]


def prose_like(pairs: list[tuple[str, int]]) -> str:
    """Enough good words that the later rules are reached."""
    good = "the river and its banks have moved with every flood that came down to the valley of mills"
    return good + "\n" + "".join(text * times + good[: 7 * times] + "\n" for text, times in pairs) + good


prose_texts = st.lists(st.tuples(nasty_texts, st.integers(1, 6)), min_size=1, max_size=4).map(prose_like)


@given(texts=st.lists(st.one_of(nasty_texts, prose_texts), min_size=1, max_size=6))
@settings(max_examples=examples(60))
def test_datatrove_parity_on_generated_text(texts: list[str]) -> None:
    assert our_first_reasons(texts, exact=True) == first_reasons(texts)


@pytest.mark.parametrize("exact", [True, False])
def test_datatrove_parity_at_the_borders(exact: bool) -> None:
    texts = [text for text in EVERY_TEXT if len(text) < 50_000] + DATATROVE_TEXTS
    reasons = first_reasons(texts)
    assert our_first_reasons(texts, exact) == reasons
    quality, repetition = ({row[k] for row in reasons} - {None} for k in (0, 1))
    assert quality == set(QUALITY_REASONS.values()) - {"many_words"}
    assert repetition == set(REPETITION_REASONS.values())


HAND_WRITTEN = {
    "two words are a top 2-gram of the whole text": ("Hello world", "frequent_2gram"),
    "trailing newlines make an empty line": ("a b c\nd e f\n", "frequent_2gram"),
    "white space alone has one empty paragraph": (" \n \n ", "repeated_lines"),
    "words written together are compared": ("ab c d e f " * 3 + "a bc d e f " * 3, "frequent_2gram"),
    "empty": ("", "empty_text"),
}


@pytest.mark.parametrize("case", HAND_WRITTEN)
def test_datatrove_reasons(case: str) -> None:
    text, reason = HAND_WRITTEN[case]
    assert first_reasons([text])[0][1] == reason
    assert our_first_reasons([text], exact=True)[0][1] == reason
