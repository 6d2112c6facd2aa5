"""What each detector finds, and what it must leave alone: text, values with a band of scores; the rest of the text is none.

All values are made up: check digits computed, names and numbers of nobody.
"""

import pyarrow as pa
import pytest
from gristmill.filters.pii.find import find

Expected = list[tuple[str, str, float, float]]  # kind, value, least score, highest score

FOUND: list[tuple[str, Expected]] = [
    # e-mail
    ("Write to jo@mail-corp.co.uk, please.", [("email", "jo@mail-corp.co.uk", 1, 1)]),
    ("Наш адрес: почта@пример.рф сегодня", [("email", "почта@пример.рф", 1, 1)]),
    ("a.b+c_d@sub.corp.de;x@corp.de", [("email", "a.b+c_d@sub.corp.de", 1, 1), ("email", "x@corp.de", 1, 1)]),
    # phone: beside a word, in groups, with a country code
    ("tel. (212) 664-7665 or 467 3395", [("phone", "(212) 664-7665", 0.7, 0.8), ("phone", "467 3395", 0.7, 0.8)]),
    ("call me on 0301234567", [("phone", "0301234567", 0.7, 0.8)]),
    ("416 60 039 office", [("phone", "416 60 039", 0.7, 0.8)]),
    ("+44 20 7946 0958", [("phone", "+44 20 7946 0958", 0.4, 0.5)]),
    ("Écrire ou appeler : téléphone 01 42 68 53 00", [("phone", "01 42 68 53 00", 0.7, 0.8)]),
    ("(37) 788-063", [("phone", "(37) 788-063", 0.4, 0.5)]),
    # payment cards
    ("it ends 4111 1111 1111 1111 here", [("credit_card", "4111 1111 1111 1111", 0.6, 0.6)]),
    ("visa 4111111111111111", [("credit_card", "4111111111111111", 0.9, 1)]),
    ("amex 3782-822463-10005", [("credit_card", "3782-822463-10005", 0.9, 1)]),
    ("card 501800000009", [("credit_card", "501800000009", 0.4, 0.5)]),
    # bank accounts
    ("DE89 3704 0044 0532 0130 00 thanks", [("iban", "DE89 3704 0044 0532 0130 00", 1, 1)]),
    ("GB82WEST12345698765432", [("iban", "GB82WEST12345698765432", 1, 1)]),
    ("gb82west12345698765432", [("iban", "gb82west12345698765432", 1, 1)]),
    # public addresses
    ("connect to 52.95.110.1 now", [("ip_address", "52.95.110.1", 0.6, 0.6)]),
    ("server 52.95.110.1", [("ip_address", "52.95.110.1", 0.9, 1)]),
    ("http://52.95.110.1/x", [("ip_address", "52.95.110.1", 0.6, 0.6)]),
    ("2a00:1450:4001:81b::200e", [("ip_address", "2a00:1450:4001:81b::200e", 0.6, 0.6)]),
    # identity numbers
    ("536-22-8145", [("national_id", "536-22-8145", 0.5, 0.5)]),
    ("my SSN is 536228145", [("national_id", "536228145", 0.4, 0.5)]),
    ("passport number 123456789", [("national_id", "123456789", 0.4, 0.5)]),
    ("NHS 943 476 5919", [("national_id", "943 476 5919", 1, 1)]),
    ("RSSMRA85T10A562S", [("national_id", "RSSMRA85T10A562S", 1, 1)]),
    ("pesel: 44051401359", [("national_id", "44051401359", 1, 1)]),
    ("driver's license F1628235", [("national_id", "F1628235", 0.6, 0.7)]),
    # URLs with a password
    ("http://admin:hunter22x@db.corp.com/x", [("url_credentials", "admin:hunter22x", 0.9, 0.9)]),
    ("postgres://u:pa55@localhost/db", [("url_credentials", "u:pa55", 0.9, 0.9)]),
    # crypto addresses
    ("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", [("crypto_address", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", 1, 1)]),
    (f"0x{'52908400098527886E0F' * 2}", [("crypto_address", f"0x{'52908400098527886E0F' * 2}", 0.5, 0.5)]),
]

NOTHING = [
    # no e-mail
    "git@github.com:user/repo.git",
    "x@localhost, @decorator, a @ b.com, user@1.2.3",
    "joe@invalid.notatld",
    # no phone
    "2126647665",
    "order 467 3395 pieces",
    "2024-01-02, 10.5.2021, 1990-1999, 12/31/2020",
    "1.2345678 0.12345678 3.1415926535",
    "10 20 30 40 50 60 70",
    "ISBN 978-3-16-148410-0",
    # no card: Luhn, decimals, one digit only, runs of other lengths
    "4111111111111112 and 1234 5678 9012 3456",
    "0.4111111111111111",
    "0000000000000000",
    "44444444444",
    # no IBAN: check digits, country
    "DE89 3704 0044 0532 0130 01",
    "ZZ89 3704 0044 0532 0130 00",
    # nobody's address, and versions
    "10.0.0.1 192.168.1.1 127.0.0.1 203.0.113.7 224.0.0.1",
    "version 52.95.110.1, requests==52.95.110.1, lib-52.95.110.1",
    "section 3.1.4.2, 1.2.3.4.5, 300.1.1.1",
    "fe80::1 2001:db8::1 12:34:56 std::vector a::b face::1",
    # no identity number: nothing names it
    "9434765919",
    "123456789 and F1628235",
    "publicly 44051401359",
    # URLs without a password, or with a placeholder
    "https://corp.com:8080/@user and http://user@corp.com.invalid/ and mailto:x",
    "postgres://user:password@localhost/db https://u:${PASS}@host https://u:<pw>@h",
    # no crypto address: check sum, length
    "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb",
    "0x52908400098527886E0F7030069857D2E416",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    # no secret
    "token: bool = None, password=None, secret = other_secret_name, api_key: your_api_key_here",
    'password = os.environ["PASSWORD"], key = "config/settings.yaml"',
    "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEF\n-----END PUBLIC KEY-----",
    "commit 9fceb02d0ae598e95dc970b74767f19372d61af8",
    "password: correct horse, the secret: be kind",
]

_HEX = "0123456789abcdef" * 4
_MIXED = "aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xY" * 3
KEYS = [
    "AKIA" + "Q7X2" * 4,
    "ghp_" + _MIXED[:36],
    "github_pat_" + _MIXED[:30],
    "glpat-" + _MIXED[:20],
    "xoxb-123456789012-" + _MIXED[:24],
    "hooks.slack.com/services/T00000000/B00000000/" + _MIXED[:24],
    f"eyJhbGciOiJI.{_MIXED[:20]}.{_MIXED[:30]}",
    "sk_live_" + _MIXED[:24],
    "sk-proj-" + _MIXED[:40],
    f"SG.{_MIXED[:22]}.{_MIXED[:43]}",
    "sq0csp-" + _MIXED[:43],
    "pypi-AgEIcHlwaS5vcmc" + _MIXED[:70],
    "npm_" + _MIXED[:36],
    "AIza" + _MIXED[:35],
    "hf_" + "abcdefghij" * 3 + "QRST",
    "AKC" + _MIXED[:20],
    "AccountKey=" + (_MIXED + _MIXED)[:86] + "==",
    "AC" + _HEX[:32],
    _HEX[:32] + "-us12",
    "key-" + _HEX[:32],
    f"M{_MIXED[:23]}.{_MIXED[:6]}.{_MIXED[:27]}",
    "123456789:" + "AA" + _MIXED[:33],
    "dop_v1_" + _HEX,
    "shpat_" + _HEX[:32],
    "-----BEGIN RSA PRIVATE KEY-----\n" + f"{_MIXED[:64]}\n" * 4 + "-----END RSA PRIVATE KEY-----",
    "-----BEGIN OPENSSH PRIVATE KEY-----\n" + f"{_MIXED[:64]}\n{_MIXED[:40]}",
]
NAMED = [
    ('secret = "{}"', "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzZKEY12345"),
    ("AWS_SECRET_ACCESS_KEY={}", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzZKEY12345"),
    ('"api_key": "{}"', _HEX[:32]),
    ("db_password = '{}'", "hk3$Kd92!xa"),
    ("//registry.corp.com/:_authToken={}", "npm_" + _MIXED[:36]),
]


def values(text: str, min_score: float = 0.4) -> list[tuple[str, str, float]]:
    data = text.encode()
    (found,) = find(pa.array([text]), {"min_score": min_score})
    return [(value.kind, data[value.start : value.end].decode(), value.score) for value in found]


@pytest.mark.parametrize(("text", "expected"), FOUND, ids=[text for text, _ in FOUND])
def test_found(text: str, expected: Expected) -> None:
    found = values(text)
    assert [(kind, value) for kind, value, _ in found] == [(kind, value) for kind, value, _, _ in expected]
    for (_, value, score), (_, _, least, highest) in zip(found, expected, strict=True):
        assert least <= score <= highest, value


@pytest.mark.parametrize("text", NOTHING)
def test_nothing_found(text: str) -> None:
    assert values(text) == []


@pytest.mark.parametrize("key", KEYS, ids=[key[:20] for key in KEYS])
def test_keys(key: str) -> None:
    assert [found[:2] for found in values(f"first {key}\nlast")] == [("secret", key)]


@pytest.mark.parametrize(("form", "value"), NAMED)
def test_named_secrets(form: str, value: str) -> None:
    assert [found[:2] for found in values(form.format(value))] == [("secret", value)]


def test_context_raises_and_lowers_the_score() -> None:
    (alone,), (named,) = values("52.95.110.1"), values("server 52.95.110.1")
    assert alone[2] < named[2]
    assert values("version 52.95.110.1") == []
    assert [found[0] for found in values("version 52.95.110.1", min_score=0.05)] == ["ip_address"]


def test_positions_are_bytes_in_any_script() -> None:
    assert values("日本語 jo@corp.de … ÄÖ 4111111111111111 ß") == [
        ("email", "jo@corp.de", 1.0),
        ("credit_card", "4111111111111111", 0.6),
    ]


def test_values_far_into_a_long_document() -> None:
    text = "é" * 5000 + " jo@corp.de " + "word " * 5000 + "visa 4111111111111111"
    assert [found[:2] for found in values(text)] == [("email", "jo@corp.de"), ("credit_card", "4111111111111111")]


def test_null_and_empty_texts_hold_nothing() -> None:
    assert find(pa.array([None, ""], pa.large_string()), {}) == [[], []]
