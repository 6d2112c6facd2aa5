"""Labels and decoders against the WHATWG Encoding Standard: hashes of its tables of May 2026, and what errors cost."""

import hashlib
import json

import pytest
import webencodings
from gristmill.filters.encoding.decode import decode, replaced_bytes
from gristmill.filters.encoding.labels import codec_of, encoding_of
from gristmill.filters.encoding.multi_byte import MULTI_BYTE
from gristmill.filters.encoding.single_byte import SINGLE_BYTE
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.generated import examples

# Of every sequence of one and two bytes (and three in euc-jp, four in gb18030), decoded by a decoder written after the
# standard's text with its indexes (commit a985b62a of github.com/whatwg/encoding).
TABLES = {
    "big5": "fc279e7edba77d5a63d4a820cfa3a0ca",
    "euc-jp": "7a162810e885836dadc4a069e62c120d",
    "euc-kr": "0893279ab58dcc54af1b3505cc149c4c",
    "shift_jis": "bafc40c2781364e5f2c36ae0e7ebd206",
    "gb18030": "961cdc719802f994916e87d4b6028d6b",
}


def table_hash(encoding: str) -> str:
    digest = hashlib.sha256()

    def add(raw: bytes) -> None:
        digest.update(decode(raw, encoding).encode("utf-8", "surrogatepass") + b"\n")

    for lead in range(0x80, 0x100):
        add(bytes([lead]))
        for trail in range(0x100):
            add(bytes([lead, trail]))
    if encoding == "euc-jp":
        for lead in range(0xA1, 0xFF):
            for trail in range(0xA1, 0xFF):
                add(bytes([0x8F, lead, trail]))
    if encoding == "gb18030":
        for pointer in (*range(39500), *range(188990, 189100), *range(1237500, 1237650)):
            rest, fourth = divmod(pointer, 10)
            rest, third = divmod(rest, 126)
            first, second = divmod(rest, 10)
            add(bytes([0x81 + first, 0x30 + second, 0x81 + third, 0x30 + fourth]))
    return digest.hexdigest()[:32]


@pytest.mark.parametrize("encoding", TABLES)
def test_east_asian_tables(encoding: str) -> None:
    assert table_hash(encoding) == TABLES[encoding]


def test_tables_of_one_byte() -> None:
    digest = hashlib.sha256()
    for name in sorted(set(SINGLE_BYTE) - {"x-user-defined"}):
        digest.update(f"{name} {decode(bytes(range(256)), name)}\n".encode())
    assert digest.hexdigest()[:32] == "e90b9925381cef20ccb60e3d6d6062a5"
    assert decode(b"a\x80\xff", "x-user-defined") == "a\uf780\uf7ff"


def test_every_label_of_the_standard() -> None:
    labels = {label: encoding.name for label in webencodings.LABELS if (encoding := webencodings.lookup(label))}
    assert {label: encoding_of(label) for label in labels} == labels
    assert hashlib.sha256(json.dumps(labels, sort_keys=True).encode()).hexdigest()[:32] == (
        "673dc4b1c761c0aa5ebbefd4f6b23f74"
    )
    for name in set(labels.values()):
        assert isinstance(decode(b"ab", name), str), name


@pytest.mark.parametrize(
    ("label", "encoding"),
    [
        ("euc-kr", "euc-kr"), ("ks_c_5601-1987", "euc-kr"), ("windows-949", "euc-kr"), ("cp949", "euc-kr"),
        ("Big5-HKSCS", "big5"), ("cn-big5", "big5"), ("cp950", "big5"), ("windows-31j", "shift_jis"), ("cp932", "shift_jis"),
        ("x-sjis", "shift_jis"), ("x-euc-jp", "euc-jp"), ("gb2312", "gbk"), ("GBK", "gbk"), ("gb_2312-80", "gbk"),
        ("iso-8859-1", "windows-1252"), ("us-ascii", "windows-1252"), ("latin-1", "windows-1252"), (" UTF8\n", "utf-8"),
        ("iso-8859-9", "windows-1254"), ("tis-620", "windows-874"), ("logical", "iso-8859-8-i"), ("utf-16", "utf-16le"),
        ("ucs-2", "utf-16le"), ("iso-2022-kr", "replacement"), ("mac", "macintosh"), ("none", None), ("", None),
        ("utf-7", None),
        ("base64", None), ("ｕｔｆ－８", None),
    ],
)  # fmt: skip
def test_labels_mean_what_browsers_take_them_to_mean(label: str, encoding: str | None) -> None:
    assert encoding_of(label) == encoding


def test_labels_of_recipes_may_be_names_of_python() -> None:
    assert [codec_of(label) for label in ("cp1252", "cp437", "utf-32", "hz", "iso-2022-kr", "rot13", "x\0y")] == [
        *("windows-1252", "cp437", "utf-32", "hz", "iso2022_kr"),
        *(None, None),
    ]


@pytest.mark.parametrize(
    ("raw", "encoding", "text"),
    [
        ("뷁똠".encode("cp949"), "euc-kr", "뷁똠"),
        ("①㈱髙﨑～".encode("cp932"), "shift_jis", "①㈱髙﨑～"),
        (b"\xad\xa1\xfc\xe2\x8f\xb0\xa1\x8e\xb1\xa1\xc1", "euc-jp", "①髙丂ｱ～"),
        (b"\x88\x62\x87\x7a\xa3\xe1\xfa\x5f\xa2\x41\xa1\xfe", "big5", "Ê̄㡵€倩∕／"),
        (b"\x80\xa2\xe3\x81\x30\x81\x30\xa8\xbc", "gbk", "€€\x80ḿ"),
        (b"\x93quoted\x94 \x80 \x81", "windows-1252", "“quoted” € \x81"),
        (b"\x1b$B$3$s\x1b(J\\~\x1b(I1\x1b(B~", "iso-2022-jp", "こん¥‾ｱ~"),
        (b"\xae\xbe", "koi8-u", "ўЎ"),
        (b"a\xe9", "replacement", "\ufffd"),
        (b"a\0\xac ", "utf-16le", "a€"),
        (b"\0a \xac", "utf-16be", "a€"),
    ],
)
def test_characters_that_other_decoders_lose(raw: bytes, encoding: str, text: str) -> None:
    assert decode(raw, encoding) == text


@settings(max_examples=examples(300))
@given(raw=st.binary(max_size=40), encoding=st.sampled_from(MULTI_BYTE))
def test_no_broken_sequence_swallows_markup(raw: bytes, encoding: str) -> None:
    shift = b"\x1b(B" if encoding == "iso-2022-jp" else b""
    text = decode(raw + shift + b"<p>", encoding)
    assert text.endswith("<p>")
    assert decode(b"<p>" + raw, encoding) == "<p>" + decode(raw, encoding)


@given(
    raw=st.binary(max_size=200), encoding=st.sampled_from([*SINGLE_BYTE, *MULTI_BYTE, "utf-8", "utf-16le", "utf-16be"])
)
def test_any_bytes_become_text(raw: bytes, encoding: str) -> None:
    text = decode(raw, encoding)
    text.encode()
    assert replaced_bytes(raw, text, encoding) >= (("\ufffd" in text) and encoding != "utf-8")
