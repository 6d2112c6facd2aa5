"""Every kind of instruction of IFEval, followed and not, strictly and loosely."""

from typing import Any

import pytest
from gristmill.answers.ifeval import INSTRUCTIONS, count_sentences, follows, loose_versions
from gristmill.answers.registry import checker

ENGLISH = "this is a small letter that was written in english, and it is long enough to be told from others."
CASES: dict[str, tuple[dict[str, Any], list[str], list[str]]] = {
    "keywords:existence": ({"keywords": ["mill", "C++"]}, ["A Windmill in c++"], ["a mill"]),
    "keywords:frequency": (
        {"keyword": "war", "frequency": 2, "relation": "at least"},
        ["War and warfare"],
        ["war", "peace"],
    ),
    "keywords:forbidden_words": ({"forbidden_words": ["rock", "roll"]}, ["a rocket"], ["Rock it", "let's roll."]),
    "keywords:letter_frequency": (
        {"letter": "a", "let_frequency": 3, "let_relation": "less than"},
        ["Aa bc"],
        ["banana"],
    ),
    "language:response_language": (
        {"language": "de"},
        ["Dies ist ein Satz, der auf Deutsch geschrieben wurde, und noch einer.", "123"],
        ["This is a sentence that was written in English, and another one.", "хорошо, это не тот язык"],
    ),
    "length_constraints:number_sentences": (
        {"num_sentences": 3, "relation": "less than"},
        ["One. Two!", "Mr. Smith came at 3.5 p.m. to Dr. Jones. He left."],
        ["One. Two! Three?"],
    ),
    "length_constraints:number_paragraphs": (
        {"num_paragraphs": 2},
        ["a\n***\nb", "***a***b***"],
        ["a", "a\n***\n\n***\nb"],
    ),
    "length_constraints:number_words": (
        {"num_words": 3, "relation": "at least"},
        ["one two-three", "नमस्ते आप कैसे"],
        ["one two"],
    ),
    "length_constraints:nth_paragraph_first_word": (
        {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "however"},
        ["a\n\nHowever, b", "a\n\n'However' b"],
        ["However\n\nb", "a\n\nHowever\n\nc", "a"],
    ),
    "detectable_content:number_placeholders": ({"num_placeholders": 2}, ["[a] and [b c]"], ["[a] and (b)"]),
    "detectable_content:postscript": (
        {"postscript_marker": "P.S."},
        ["Hi\nP.S. more", "hi p. s. more"],
        ["Hi PS more"],
    ),
    "detectable_format:number_bullet_lists": (
        {"num_bullets": 2},
        ["* a\n- b", "text\n  * a\n  * b"],
        ["* a", "* b\n- c\n- d"],
    ),
    "detectable_format:constrained_response": ({}, ["My answer is maybe."], ["My answer is maybe", "maybe."]),
    "detectable_format:number_highlighted_sections": ({"num_highlights": 2}, ["*a* **b**"], ["*a*", "* a\n* b"]),
    "detectable_format:multiple_sections": (
        {"section_spliter": "SECTION", "num_sections": 2},
        ["SECTION 1\na\nSECTION 2\nb"],
        ["SECTION 1\na", "Section 1\nSection 2"],
    ),
    "detectable_format:json_format": ({}, ['{"a": 1}', "```json\n[1]\n```"], ["a: 1", 'Here: {"a": 1}']),
    "detectable_format:title": ({}, ["<<A title>>\ntext"], ["<A title>", "<<>>", "<<  >>"]),
    "combination:two_responses": (
        {},
        ["a******b", "******a******b"],
        ["a", "a******a", "a******b******c", "a************b"],
    ),
    "combination:repeat_prompt": ({"prompt_to_repeat": "Say it."}, ["say it. I did"], ["I say it."]),
    "startend:end_checker": ({"end_phrase": "The end."}, ["So, the END. "], ["The end. Or not"]),
    "startend:quotation": ({}, ['"a"', ' "a" '], ['"', 'a"', "'a'"]),
    "change_case:capital_word_frequency": (
        {"capital_frequency": 2, "capital_relation": "at least"},
        ["A BIG day", "NASA and U.S. law"],
        ["BIG day", "Big Day"],
    ),
    "change_case:english_capital": (
        {},
        [ENGLISH.upper()],
        [ENGLISH, "DIES IST EIN SATZ, DER AUF DEUTSCH GESCHRIEBEN WURDE."],
    ),
    "change_case:english_lowercase": (
        {},
        [ENGLISH],
        [ENGLISH.title(), "dies ist ein satz, der auf deutsch ist."],
    ),
    "punctuation:no_comma": ({}, ["a; b", "a، b"], ["a, b"]),
}


def test_there_are_twenty_five() -> None:
    assert set(CASES) == set(INSTRUCTIONS)
    assert len(INSTRUCTIONS) == 25


@pytest.mark.parametrize("name", CASES)
def test_followed_and_not(name: str) -> None:
    arguments, right, wrong = CASES[name]
    for response in right:
        assert follows(response, name, arguments), response
    for response in wrong:
        assert not follows(response, name, arguments), response
    assert not follows("", name, arguments)
    assert not follows(" \n", name, arguments)


def test_a_language_has_one_code() -> None:
    hebrew = "זהו משפט שנכתב בעברית, והוא ארוך מספיק כדי שאפשר יהיה לזהות את השפה."
    assert follows(hebrew, "language:response_language", {"language": "he"})
    assert follows(hebrew, "language:response_language", {"language": "iw"})
    norwegian = "Dette er en setning som er skrevet på norsk, og den er lang nok til at språket kan gjenkjennes."
    assert follows(norwegian, "language:response_language", {"language": "nb"})


def test_loosely() -> None:
    response = "Sure, here it is:\n*no comma*\nHope, this helps"
    assert not follows(response, "punctuation:no_comma", {})
    assert follows(response, "punctuation:no_comma", {}, strict=False)
    assert len(list(loose_versions(response))) == 8
    assert follows('**"a"**', "startend:quotation", {}, strict=False)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("One", 1),
        ("One. Two? Three!", 3),
        ("Wait... what?! Yes.", 3),
        ('He said "Go." Then he went.', 2),
        ("It costs 3.50 euros. Cheap!", 2),
        ("J. R. R. Tolkien wrote it.", 1),
        ("See e.g. this one, etc. and so on.", 1),
        ("你好。再见！", 2),
        ("यह एक वाक्य है। यह दूसरा है।", 2),
    ],
)
def test_sentences(text: str, count: int) -> None:
    assert count_sentences(text) == count


def test_the_checker() -> None:
    spec = {
        "kind": "ifeval",
        "instruction_id_list": ["punctuation:no_comma", "length_constraints:number_words"],
        "kwargs": [{"num_words": None}, {"relation": "at least", "num_words": 2}],
    }
    assert checker(spec).check("two words").why == "2 of 2 followed"
    assert checker(spec).check("<think>a, b</think>two words").score == 1.0
    assert checker({**spec, "thinking": True}).check("<think>a, b</think>two words").score == 0.0
    verdict = checker({**spec, "partial": True}).check("one, two")
    assert (verdict.score, verdict.why) == (0.5, "1 of 2 followed; not punctuation:no_comma")


BAD = [
    ({"instruction_id_list": ["punctuation:no_coma"]}, "did you mean 'punctuation:no_comma'"),
    ({"instruction_id_list": ["punctuation:no_comma"], "kwargs": []}, None),
    ({"instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}, {}]}, "1 instructions, but 2 kwargs"),
    ({"instruction_id_list": ["length_constraints:number_words"]}, "expected num_words, relation"),
    (
        {
            "instruction_id_list": ["length_constraints:number_words"],
            "kwargs": [{"num_words": 2, "relation": "about"}],
        },
        "expected one of less than, at least",
    ),
]


@pytest.mark.parametrize(("spec", "message"), BAD)
def test_instructions_that_do_not_fit_are_not_scored(spec: dict[str, Any], message: str | None) -> None:
    verdict = checker({"kind": "ifeval", **spec}).check("some text")
    if message is None:
        assert verdict.score == 1.0
    else:
        assert verdict.score is None
        assert message in verdict.why
