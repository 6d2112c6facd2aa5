"""Every recogniser of presidio that we claim finds behind the pre-scan what it finds alone.

Values are generated from each recogniser's own expressions and kept when the recogniser itself finds them, check digits
and all; none is anybody's.
"""

import re
from collections.abc import Iterator
from functools import cache
from random import Random
from typing import Any

import phonenumbers
import pyarrow as pa
import pytest
from gristmill.filters.pii.accounts import crypto_recogniser, email_recogniser, iban_recogniser
from gristmill.filters.pii.find import find
from gristmill.filters.pii.identities import MIN_CHARACTERS, NAMED_BY, recognisers
from hypothesis import Phase, settings
from hypothesis import find as find_example
from hypothesis import strategies as st

from tests.filters.pii.made_values import base58_address, bech32_address, german_tax_id, iban
from tests.generated import examples

VALUES_OF_EACH, MAX_TEMPLATES, MAX_TRIES = 2, 6, 600
SHAPES = {  # of expressions with look-aheads, or checks that generated values never pass
    "InPanRecognizer": ["ABCPE1234F", "ABCDE1234F", "A1B2C3D4EF"],
    "EsNieRecognizer": ["X1234567L", "Z0000001A", "Y123456-B"],
    "UkDrivingLicenceRecognizer": ["KELLE701019AB9XY", "WU999655317CD9ZZ"],
    "ZaDriverLicenseRecognizer": ["12345678AB", "6001234567XYZ"],
}
SEARCH = settings(max_examples=examples(200), database=None, phases=[Phase.generate])


@cache
def recogniser(name: str) -> Any:
    return recognisers()[name].presidio


def finds(presidio: Any, value: str) -> bool:
    """Whether a recogniser alone finds a value that is an identity number at all."""
    return any(
        sum(map(str.isalnum, value[found.start : found.end])) >= MIN_CHARACTERS
        and any(map(str.isdecimal, value[found.start : found.end]))
        for found in presidio.analyze(value, presidio.supported_entities)
    )


def values_of(name: str) -> list[str]:
    """Values of each of a recogniser's expressions that the recogniser finds."""
    if name == "DeTaxIdRecognizer":
        return [german_tax_id(Random(seed)) for seed in range(VALUES_OF_EACH)]
    presidio, values = recogniser(name), set()
    for place, pattern in enumerate(presidio.patterns):
        rng, found = Random(pattern.name), set()
        for template in templates_of(name, pattern.regex, rng):
            tried = (other_characters(template, rng) for _ in range(MAX_TRIES))
            found |= {value for value in [next((v for v in tried if finds(presidio, v)), "")] if value}
            if len(found) == VALUES_OF_EACH:
                break
        assert found or place, f"no value of {pattern.regex}"
        values |= found
    return sorted(values)


def templates_of(name: str, expression: str, rng: Random) -> Iterator[str]:
    """Values that match an expression, of which check digits and dates may be wrong."""
    if name in SHAPES:
        yield from SHAPES[name] * MAX_TEMPLATES
        return
    expression = re.sub(r"^(.*?)\(\?i\)", r"(?i)\1", expression, flags=re.DOTALL)
    strategy = st.from_regex(re.compile(expression, re.ASCII), fullmatch=True).map(str.strip)
    for _ in range(MAX_TEMPLATES):
        yield find_example(strategy, lambda v: len(v) >= MIN_CHARACTERS, random=rng, settings=SEARCH)


def other_characters(value: str, rng: Random) -> str:
    """The value with some of its digits and capitals changed and plain blanks, so that check digits come out right."""
    changed = rng.choice((0.0, 0.2, 0.9))
    text = ""
    for c in value:
        choices = (
            "0123456789" if c.isdecimal() else "ABCDEFGHJKLMNPQRSTUVWXYZ" if c.isupper() else " " if c.isspace() else c
        )
        text += rng.choice(choices) if rng.random() < changed or c.isspace() else c
    return text


@pytest.mark.parametrize("name", NAMED_BY)
def test_identity_numbers_behind_each_of_their_names(name: str) -> None:
    values = values_of(name)
    assert values, "no expression of the recogniser gives a value"
    texts, spans = [], []
    for value in values:
        for words in NAMED_BY[name]:
            for before, behind in (
                (f"The {words} is ", ""),
                (f"{words.upper()}: ", ", thanks"),
                (f"({words}) no. ", "\n"),
            ):
                texts.append(before + value + behind)
                spans.append((len(before.encode()), len((before + value).encode())))
    for text, (start, end), found in zip(texts, spans, find(pa.array(texts), {}), strict=True):
        assert any(v.kind != "phone" and v.start < end and start < v.end for v in found), text


@pytest.mark.parametrize(
    "text",
    [
        "주민등록번호는 900101-1234568",
        "เลขบัตรประชาชน 2345678901234",
        "IdNr. 98765432106 liegt vor.",
        "Pass-Nr.: F12345671",
        "RVNR: 15070649C103",
        "mon NAS: 258 933 688",
        "my travel document is A12803456",
    ],
)
def test_names_of_other_languages(text: str) -> None:
    (found,) = find(pa.array([text]), {})
    assert [v.kind for v in found] == ["national_id"]


@pytest.mark.parametrize("value", ["536-22-8145", "536–22–8145"])
def test_social_security_numbers_without_a_word(value: str) -> None:
    (found,) = find(pa.array([f"from {value} on"]), {})
    assert [v.kind for v in found] == ["national_id"]


@pytest.mark.parametrize(
    "country", sorted({"MT", "LC", "NO", "GB", "DE", "FR", "BR", "SA", "MU", "KW", "IL", "TR", "AE"})
)
def test_account_numbers_of_countries_with_letters_and_without(country: str) -> None:
    for seed in range(3):
        value = iban(country, Random(seed), letters=seed == 0)
        assert iban_recogniser().analyze(value, ["IBAN_CODE"]), value
        grouped = " ".join(value[i : i + 4] for i in range(0, len(value), 4))
        for text in (value, grouped, grouped.replace(" ", "\u00a0"), value.lower(), f"账号{value}", f"IBAN:{grouped}."):
            (found,) = find(pa.array([text]), {})
            assert [v.kind for v in found] == ["iban"], text


@pytest.mark.parametrize("seed", range(4))
def test_crypto_addresses(seed: int) -> None:
    for value in (base58_address(0, Random(seed)), base58_address(5, Random(seed)), bech32_address(Random(seed))):
        assert crypto_recogniser().analyze(value, ["CRYPTO"]), value
        for text in (value, f"to {value}.", f"btc:{value}", f"address_{value}", f"地址{value}"):
            (found,) = find(pa.array([text]), {})
            data = text.encode()
            assert [(v.kind, data[v.start : v.end].decode()) for v in found] == [("crypto_address", value)], text


def test_mail_addresses_of_its_expression() -> None:
    presidio = email_recogniser()
    strategy = st.from_regex(
        r"[a-z0-9]+([.+_-][a-z0-9]+)*@[a-z0-9]+(-[a-z0-9]+)*\.(com|de|co\.uk|рф|中国|org)", fullmatch=True
    )
    for seed in range(12):
        value = find_example(
            strategy, lambda v: bool(presidio.analyze(v, ["EMAIL_ADDRESS"])), random=Random(seed), settings=SEARCH
        )
        (found,) = find(pa.array([f"to {value} now"]), {})
        assert [(v.kind, v.start, v.end - 3) for v in found] == [("email", 3, len(value.encode()))], value


@pytest.mark.parametrize("region", ["US", "CA", "GB", "DE", "FR", "IL", "IN", "BR"])
def test_telephone_numbers_of_its_countries(region: str) -> None:
    """Its default countries' example numbers: with the country code, in national groups, and behind a word."""
    for kind in (phonenumbers.PhoneNumberType.FIXED_LINE, phonenumbers.PhoneNumberType.MOBILE):
        number = phonenumbers.example_number_for_type(region, kind)
        international = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
        national = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
        compact = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        for text in (
            international,
            compact,
            f"phone {national}",
            f"Tel. {re.sub('[^0-9]', '', national)}",
            f"{national}\n",
        ):
            if text.endswith("\n") and (re.fullmatch(r"[\d ]{9,11}\n", text) and len(re.sub(r"\D", "", text)) < 10):
                continue  # nine digits between blanks are any row of numbers
            (found,) = find(pa.array([text]), {})
            assert [v.kind for v in found] == ["phone"], text
