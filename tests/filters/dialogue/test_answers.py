"""What is wrong with answers: tables of texts, negatives as long as positives, and kernels against references."""

import random

import pyarrow as pa
import pytest
from gristmill.filters.dialogue import code, copied, json_answers, loops, phrases, template_tokens
from gristmill.filters.dialogue.languages import measure as measure_languages
from gristmill.filters.dialogue.truncation import ends_mid_sentence
from gristmill.schemas.rows.kind import stored_batch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.generated import examples


def texts(*values: str) -> pa.RecordBatch:
    return pa.record_batch({"text": pa.array(values, pa.large_string())})


def column(measure, name: str, *values: str) -> list:
    return measure(texts(*values), {}).column(name).to_pylist()


REFUSALS = [
    "I'm sorry, but I can't help with that.",
    "I cannot provide instructions for that.",
    "As an AI language model, I don't have access to news.",
    "Unfortunately, I’m not able to open links.",
    "Es tut mir leid, aber ich kann das nicht tun.",
    "Je suis désolé, mais je ne peux pas répondre.",
    "Lo siento, pero no puedo ayudarte con eso.",
    "抱歉，我无法回答这个问题。",
    "申し訳ありませんが、お答えできません。",
    "죄송하지만 그 요청은 도와드릴 수 없습니다.",
    "Извините, но я не могу помочь с этим.",
]
ANSWERS = [
    "I can help you with that: first open the lid.",
    "You cannot provide more than two arguments.",
    "I can't help but wonder why the mill stopped.",
    "She said she was sorry, but the bread was gone.",
    "The function cannot write to a closed file.",
    "Das kann ich erklären: Mehl und Wasser.",
    "Il ne peut pas neiger en été.",
    "对不起在中文里是道歉的意思。",
]


@pytest.mark.parametrize("text", REFUSALS)
def test_refusals_are_found(text: str) -> None:
    assert column(phrases.measure, "opens_with_refusal", text) == [True]


def test_answers_are_no_refusals() -> None:
    assert column(phrases.measure, "opens_with_refusal", *ANSWERS) == [False] * len(ANSWERS)
    late = "The river is long. " * 20 + "I'm sorry, but I can't say more."
    assert column(phrases.measure, "opens_with_refusal", late) == [False]
    assert column(phrases.measure, "refusal_count", late) == [1]


def test_an_assistant_speaks_of_itself() -> None:
    found = [
        "As an AI language model, I agree.",
        "Als KI-Sprachmodell sage ich ja.",
        "作为一个人工智能，我同意。",
        "AI models grow.",
    ]
    assert column(phrases.measure, "self_reference_count", *found) == [1, 1, 1, 0]
    assert column(phrases.measure, "filler_phrase_count", "Certainly! It is 4. I hope this helps!", "It is 4.") == [
        2,
        0,
    ]


@pytest.mark.parametrize(
    ("text", "tokens", "markers"),
    [
        ("It is 4.<|im_end|>\n<|im_start|>user", 2, 0),
        ("[INST] hi [/INST] yes </s>", 3, 0),
        ("<<SYS>>be kind<</SYS>>", 2, 0),
        ("<｜begin▁of▁sentence｜>hi<end_of_turn>", 2, 0),
        ("It is 4.\n\n### Response:\nIt is 5.", 0, 1),
        ("It is 4.\nHuman: and 5?\nAssistant: yes", 0, 2),
        ("In F# one writes f <| x, and <s>old</s> is struck.", 0, 0),
        ("The Human: a history. [INSTALL] a || b |> c", 0, 0),
        ("### Responses of readers", 0, 0),
    ],
)
def test_template_tokens(text: str, tokens: int, markers: int) -> None:
    assert column(template_tokens.measure, "template_token_count", text) == [tokens]
    assert column(template_tokens.measure, "turn_marker_count", text) == [markers]


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("The mill stood by the river. It had turned for years. Then the flood came and took all the", True),
        ("Der Fluss war lang. Er floss durch das Tal und", True),
        ("There are several reasons. First, the water is cold. Second, the mill grinds slowly because", True),
        ("The river is long. The mill is old. The people of the valley came down every morning", True),
        ("First sentence here is fine,", True),
        ("1. Wash the grain.\n2. Dry it in the sun.\n3. Grind it between the", True),
        ("水车在河边。它转了很多年。后来洪水来了把所有的东西都带走了只剩下石头和", True),
        ("Paris", False),
        ("The answer is 42", False),
        ("The mill stood by the river. It had turned for years.", False),
        ("Here are some:\n- apples\n- pears of the south", False),
        ("See https://example.org/of/the", False),
        ("```python\nx = 1\n```", False),
        ("| a | b |\n| 1 | 2 |", False),
        ("Dear Anna,\n\nThe mill is old. Please come soon and bring bread.\n\nYours,\nBob", False),
        ("Roses are red\nViolets are blue\nThe mill by the river\nIs turning for you", False),
        ("", None),
    ],
)
def test_ends_in_the_middle(text: str, cut: bool | None) -> None:
    assert ends_mid_sentence(text) is cut


@pytest.mark.parametrize(
    ("text", "repeats", "period"),
    [
        ("the cat sat. " * 5, 5, 13),
        ("A start, then " + "no " * 30, 30, 3),
        ("a b c d x a b c d y " * 4, 4, 20),
        ("好的。" * 12 + "然后", 12, 3),
        ("ha" * 40, 40, 2),
        ("-" * 80, 0, None),
        ("the cat sat. the cat sat.", 0, None),
        ("1. one thing\n2. two things\n3. three things\n4. four things", 0, None),
    ],
)
def test_loops(text: str, repeats: int, period: int | None) -> None:
    assert column(loops.measure, "loop_repeats", text) == [repeats]
    assert column(loops.measure, "loop_period", text) == [period]
    assert loops.loops_plainly(text)[:2] == (repeats, period)


WORDS = st.text("abcé 中.", min_size=2, max_size=25)


@settings(max_examples=examples(80))
@given(WORDS, st.text("xyzw", max_size=30), st.integers(3, 6), st.text("uvkl", max_size=30))
def test_planted_loops_are_found_whole(unit: str, before: str, times: int, after: str) -> None:
    text = before + unit * times + after
    repeats, period, covered = loops.loops_plainly(text)
    row = loops.measure(texts(text), {}).to_pylist()[0]
    assert (row["loop_repeats"], row["loop_period"]) == (repeats, period)
    assert row["loop_character_fraction"] == pytest.approx(covered / len(text))


def test_loops_cost_what_the_text_is_long() -> None:
    """Texts made against the search: Fibonacci and Thue-Morse words, one character, long copies far apart."""
    a, b = "a", "ab"
    while len(b) < 200_000:
        a, b = b, b + a
    far = "".join(random.Random(1).choices("abcdefgh ", k=5000))
    measured = loops.measure(texts(b, "a" * 200_000, far * 40), {}).to_pylist()
    assert measured[1]["loop_character_fraction"] == 1
    assert measured[2]["loop_repeats"] == 40


@settings(max_examples=examples(80))
@given(st.text("ab ", max_size=60), st.text("ab ", max_size=60), st.text("aBc \n", max_size=40))
def test_copies_are_those_of_the_reference(prompt: str, answer: str, shared: str) -> None:
    prompt, answer = f"{prompt}{shared}", f"{answer}{shared}{answer}"
    row = copied.measure(stored_batch([[("user", prompt), ("assistant", answer)]]), {}).to_pylist()[0]
    assert row["copied_character_fraction"] == pytest.approx(copied.copied_plainly(prompt, answer))


def test_an_echo_repeats_what_was_asked_a_correction_does_not() -> None:
    text = "The mill stood by the river for years. It turned whenever the water was high enough to turn it."
    asked = f"Correct the spelling of this text, and leave everything else as it is, please: {text}"
    batch = stored_batch([[("user", asked), ("assistant", answer)] for answer in (text, f"Yes: {asked}", "No.")])
    rows = copied.measure(batch, {}).to_pylist()
    assert rows[0]["copied_character_fraction"] == 1
    assert rows[0]["prompt_echo_fraction"] == 0
    assert rows[1]["prompt_echo_fraction"] > 0.95
    assert rows[2]["prompt_echo_fraction"] is None


def test_a_response_that_is_its_prompt() -> None:
    batch = stored_batch(
        [
            [("user", "What is\n a MILL?"), ("assistant", "what is a mill? ")],
            [("system", "What is a mill?"), ("user", "x"), ("assistant", "what is a mill?")],
            [("assistant", "b")],
        ]
    )
    assert copied.measure(batch, {}).column("response_equals_prompt").to_pylist() == [True, False, None]


def test_fences() -> None:
    text = "a\n```python\nprint(1)\n```\n~~~\n```\n~~~\n  ````json\n{\n```\n  ````\n```py\nif x\n```\n```c\nint"
    assert column(code.measure, "code_fence_count", text) == [5]
    assert column(code.measure, "unclosed_code_fence_count", text, "`a` ```b``` c") == [1, 0]
    assert column(code.measure, "unparsed_python_fence_count", text) == [1]
    assert column(code.measure, "unparsed_json_fence_count", text) == [1]
    assert code.prepare(texts(text, "no"), {}).column("text").to_pylist() == [text, ""]


@pytest.mark.parametrize(
    ("source", "parses"),
    [
        ("def f(x):\n    return x", True),
        ("    x = 1\n    y = 2", True),
        (">>> 1 + 1\n2\n>>> for i in x:\n...     print(i)\n3", True),
        ("%matplotlib inline\n!pip install x\nimport x", True),
        ("return 1", True),
        ("print 'x'", False),
        ("def f(:\n  pass", False),
        ("(" * 5000, False),
        ("-" * 60_000 + "1", False),
        ("x = '\0'", False),
    ],
)
def test_python_is_parsed_never_run(source: str, parses: bool) -> None:
    assert code.parses_as_python(source) is parses


@pytest.mark.parametrize(
    ("prompt", "response", "requested", "valid"),
    [
        ("List two mills. Respond in JSON.", '{"mills": []}', True, True),
        ("Return the result as a JSON object.", '```json\n{"a": 1}\n```', True, True),
        ("Give the answer in JSON format", "Here: [1, 2, 3, 4, 5, 6] done.", True, True),
        ("Return only valid JSON", '{"a": 1', True, False),
        ("Return only valid JSON", 'Here, "name": "mill", "parts": ["wheel"]}', True, False),
        ("Antworte im JSON-Format.", "Nein.", True, False),
        ("请以JSON格式输出", '{"a": 1,}', True, False),
        ("Write a Python function that returns JSON.", "def f(): ...", False, None),
        ("What is JSON?", "A format.", False, None),
        ("Jason asked in class", "Yes.", False, None),
    ],
)
def test_json_where_json_was_asked_for(prompt: str, response: str, requested: bool, valid: bool | None) -> None:
    row = json_answers.measure(stored_batch([[("user", prompt), ("assistant", response)]]), {}).to_pylist()[0]
    assert row == {"json_requested": requested, "json_answer_valid": valid}


def test_the_language_that_was_asked_in() -> None:
    german = "Wie backe ich zu Hause ein gutes Brot ohne einen Ofen? Bitte erkläre es mir ausführlich."
    english = "You can bake good bread without an oven by using a heavy pan with a lid on a low heat."
    batch = stored_batch(
        [
            [("user", german), ("assistant", english)],
            [("user", english), ("assistant", english)],
            [("user", "Translate this into German for my friends, please: bread is good"), ("assistant", german)],
            [("user", german), ("assistant", "```\nfor x in y: print(x)\n```")],
            [("user", f"Bitte übersetze das, danke schön: {german}"), ("assistant", english)],
        ]
    )
    same = measure_languages(batch, {}).column("response_in_prompt_language").to_pylist()
    assert same == [False, True, None, None, None]
