"""Masks and pseudonyms: nothing is found in them, whatever stands around; the same value is the same everywhere."""

import re

import pyarrow as pa
import pytest
from gristmill.filters.pii.edits import MASK, PSEUDONYM, edits, masked, pii_edits
from gristmill.filters.pii.find import find
from gristmill.filters.pii.kinds import PATTERN_KINDS, PLACEHOLDERS
from gristmill.filters.pii.pseudonyms import PSEUDONYM_KINDS, Pseudonyms, load_key
from gristmill.filters.pii.reserved import BLANK, blanked
from gristmill.filters.transforms.apply import apply_edits, versioned_text
from gristmill.schemas.errors import RecipeError
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.generated import examples

KEY = b"a key of the tests, not secret"
VALUES = [
    "jo@corp-mail.com",
    "+1 212 664 7665",
    "tel. 467 3395",
    "4111 1111 1111 1111",
    "501800000009",
    "DE89 3704 0044 0532 0130 00",
    "52.95.110.1",
    "2a00:1450:4001:81b::200e",
    "536-22-8145",
    "my passport 123456789",
    "https://admin:hunter22x@db.corp.com/",
    "AKIAQ7X2Q7X2Q7X2Q7X2",
    "password = 'hk3$Kd92!xa'",
    "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
    "0x52908400098527886E0F52908400098527886E0F",
    *(
        "card",
        "ssn",
        "phone",
        "passport",
        "server",
        "number",
        "12",
        "1",
        "+",
        "(",
        "-",
        ".",
        "@",
        ":",
        "//",
        "é",
        "\n",
        "x",
    ),
]
TEXTS = st.lists(st.sampled_from(VALUES), max_size=12).flatmap(
    lambda parts: st.lists(st.sampled_from([" ", "", "  ", "-", ", "]), min_size=len(parts), max_size=len(parts)).map(
        lambda gaps: "".join(part + gap for part, gap in zip(parts, gaps, strict=True))
    )
)


def replaced(text: str, action: str) -> str:
    texts = pa.array([text], pa.large_string())
    changes = pii_edits(texts, dict.fromkeys(PATTERN_KINDS, action), {}, Pseudonyms(KEY))
    return str(apply_edits(texts, changes)[0].as_py())


@settings(max_examples=examples(60))
@given(TEXTS, st.sampled_from([MASK, PSEUDONYM]))
def test_masked_text_scanned_again_holds_nothing(text: str, action: str) -> None:
    once = replaced(text, action)
    assert find(pa.array([once]), {}) == [[]]
    assert replaced(once, action) == once


@settings(max_examples=examples(60))
@given(st.sampled_from(PSEUDONYM_KINDS), st.text(max_size=20), st.sampled_from(["", "0x", "::"]))
def test_pseudonyms_are_no_values(kind: str, value: str, mark: str) -> None:
    pseudonym = Pseudonyms(KEY).of(kind, mark + value)
    assert pseudonym == Pseudonyms(KEY).of(kind, mark + value)
    assert set(blanked(pseudonym)) == {BLANK}
    for context in ("{}", "my card, phone or ssn: {} office", "http://{}@host.com/", "password = '{}'"):
        assert find(pa.array([context.format(pseudonym)]), {"min_score": 0.01}) == [[]], context


def test_placeholders_name_the_kind() -> None:
    assert replaced("jo@corp.de or 52.95.110.1, https://u:pa55@h.com/", MASK) == (
        "<EMAIL> or <IP_ADDRESS>, https://<CREDENTIALS>@h.com/"
    )
    assert set(PATTERN_KINDS) < set(PLACEHOLDERS)
    assert all(set(blanked(placeholder)) == {BLANK} for placeholder in PLACEHOLDERS.values())


def test_the_same_value_in_other_writing_is_the_same_pseudonym() -> None:
    one, other = replaced("call +1 (212) 664-7665", PSEUDONYM), replaced("call +1 212 664 7665", PSEUDONYM)
    assert one == other != replaced("call +1 212 664 7666", PSEUDONYM)
    assert replaced("Jo@Corp.de", PSEUDONYM) == replaced("jo@corp.de", PSEUDONYM)
    assert Pseudonyms(KEY).of("email", "jo@corp.de") != Pseudonyms(KEY[::-1]).of("email", "jo@corp.de")


@pytest.mark.parametrize(
    ("kind", "form"),
    [
        ("email", r"[a-z]+\.[a-z]+\d{6}@mail\.example\.org"),
        ("phone", r"\+1-\d{3}-555-01\d\d"),
        ("credit_card", r"4000 0000 \d{4} \d{4}"),
        ("iban", r"XX00( \d{4}){4} \d\d"),
        ("ip_address", r"(192\.0\.2|198\.51\.100|203\.0\.113)\.\d{1,3}"),
        ("national_id", r"000-\d\d-\d{4}"),
        ("url_credentials", r"user-[0-9a-f]{8}:password-[0-9a-f]{12}"),
        ("secret", r"example-secret-[0-9a-f]{24}"),
        ("crypto_address", r"bc1qexample\w{31}"),
    ],
)
def test_forms_that_no_real_value_has(kind: str, form: str) -> None:
    assert all(re.fullmatch(form, Pseudonyms(KEY).of(kind, str(n))) for n in range(200))


def test_edits_say_kind_and_place_and_leave_other_kinds() -> None:
    texts = pa.array(["é jo@corp.de 52.95.110.1", None], pa.large_string())
    found = pii_edits(texts, {"email": MASK}, {})
    assert found.to_pylist() == [[{"start": 3, "end": 13, "replacement": "<EMAIL>", "reason": "pii_email"}], []]


def test_a_transform_composes_with_a_clean_text() -> None:
    cleaned, _ = versioned_text(pa.array(["Cafe\u0301  jo@corp.de"]), "clean")
    assert apply_edits(cleaned, edits(cleaned, {})).to_pylist() == ["Café <EMAIL>"]
    with pytest.raises(RecipeError, match="option 'scores'"):
        edits(cleaned, {"scores": 1})


def test_masked_text_for_people() -> None:
    assert masked("ask jo@corp.de", {}) == "ask <EMAIL>"


def test_keys(tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.delenv("PII_TEST_KEY", raising=False)
    with pytest.raises(RecipeError, match="PII_TEST_KEY is not set"):
        load_key("PII_TEST_KEY", None)
    with pytest.raises(RecipeError, match="cannot read the key"):
        load_key("PII_TEST_KEY", str(tmp_path / "none"))
    (tmp_path / "key").write_bytes(KEY + b"\n")
    assert load_key("PII_TEST_KEY", str(tmp_path / "key")) == KEY
    monkeypatch.setenv("PII_TEST_KEY", "short")
    with pytest.raises(RecipeError, match="a key of 5 bytes"):
        Pseudonyms(load_key("PII_TEST_KEY", None))
    assert KEY.decode() not in repr(Pseudonyms(KEY)) + Pseudonyms(KEY).fingerprint
