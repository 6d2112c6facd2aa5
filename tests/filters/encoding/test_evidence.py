"""Which encoding is chosen: the grid of charsets and declarations, stray bytes in UTF-8, declarations that are none."""

import random

import pytest
from gristmill.filters.encoding.declared import encoding_of_markup
from gristmill.filters.encoding.decode import decode
from gristmill.filters.encoding.evidence import choose_encoding, excerpt_of

from tests.filters.encoding.encoded_pages import CHARSETS, SENTENCES, WAYS, pages

MIN_TOLD_RIGHT = 0.99
MIN_ANYHOW = 0.98


def test_the_grid_of_charsets_and_declarations() -> None:
    right: list[bool] = []
    told_right: list[bool] = []
    wrong = []
    assert len(CHARSETS) >= 25
    assert len(WAYS) >= 8
    for charset in CHARSETS:
        for sentences in (1, 3):
            for page in pages(charset, sentences, seed=sentences):
                chosen = choose_encoding(page.raw, [page.declared], is_html=True)
                right.append(decode(page.raw, chosen) == page.text)
                if page.browser_is_told_right:
                    told_right.append(right[-1])
                if not right[-1]:
                    wrong.append((charset.label, page.language, page.way, chosen))
    assert sum(told_right) >= MIN_TOLD_RIGHT * len(told_right), wrong
    assert sum(right) >= MIN_ANYHOW * len(right), wrong


STRAYS = (b"\xb7", b"\xe9", b"\xff", b"\x92", b"\xa0", b"\xb7 \xe9 \xff")
PLACES = ("beginning", "before the first", "middle", "end")


@pytest.mark.parametrize("language", ["fr", "de", "pl", "ru", "el", "ar", "th", "zh", "ja", "ko", "vi"])
@pytest.mark.parametrize("html", [True, False], ids=["page", "text"])
@pytest.mark.parametrize("declared", [None, "utf-8", "iso-8859-1"])
def test_stray_bytes_do_not_turn_utf8_into_mojibake(language: str, html: bool, declared: str | None) -> None:
    dice = random.Random(language)
    for _ in range(4):
        body = " ".join(dice.sample(SENTENCES[language], 3))
        text = f"<html><head><title>News</title></head><body><p>{body}</p></body></html>" if html else body
        raw = text.encode()
        first = next(at for at, byte in enumerate(raw) if byte > 127)
        middle = len(raw) // 2
        while raw[middle] & 0xC0 == 0x80:
            middle += 1
        for place in (0, first, middle, len(raw)):
            for stray in STRAYS:
                damaged = raw[:place] + stray + raw[place:]
                assert choose_encoding(damaged, [declared], is_html=html) == "utf-8", (place, stray)


@pytest.mark.parametrize("cut", [1, 2])
def test_a_last_character_cut_short(cut: int) -> None:
    for language in ("fr", "ru", "zh", "ko"):
        raw = (" ".join(SENTENCES[language]) + "字").encode()
        assert choose_encoding(raw[:-cut]) == "utf-8"


@pytest.mark.parametrize(
    ("raw", "declared", "encoding"),
    [
        (b"", ["gb2312"], "utf-8"),
        (b"plain ascii", ["utf-16"], "utf-8"),
        ("Ünïcödé".encode(), ["iso-8859-1"], "utf-8"),
        ("é".encode(), ["gb2312"], "utf-8"),
        (b"News \xb7 Site", ["utf-8"], "windows-1252"),
        (b"caf\xe9", [], "windows-1252"),
        (b"caf\xe9", ["no such charset", None], "windows-1252"),
        ("é".encode("utf-8-sig"), ["iso-8859-1"], "utf-8"),
        ("é".encode("utf-16"), ["utf-8"], "utf-16le"),
        (b"\xfe\xff" + "é".encode("utf-16-be"), [], "utf-16be"),
        ("é".encode("utf-32"), [], "utf-32-le"),
        ("天地玄黄宇宙洪荒".encode("utf-16-le"), ["utf-16"], "utf-16le"),
        ("Page\nEnde ü\n".encode("utf-16-be"), [], "utf-16be"),
        (b"\x1b$B$3$s$K$A$O\x1b(B", [], "iso-2022-jp"),
        (b"\x1b$B" + b"$3$s$K$A$O" * 4 + b"\x1b(B stray \xe9", ["utf-8"], "iso-2022-jp"),
        (b"\x1b[31mred\x1b[0m terminal", [], "utf-8"),
        (b"~{VPND~}", ["hz-gb-2312"], "replacement"),
        (b"~{ is no shift here", [], "utf-8"),
        (b"plain", ["iso-2022-kr"], "utf-8"),
        (bytes(range(256)), [], "utf-8"),
    ],
)
def test_single_cases(raw: bytes, declared: list[str | None], encoding: str) -> None:
    assert choose_encoding(raw, declared) == encoding


@pytest.mark.parametrize(
    ("html", "encoding"),
    [
        ('<meta charset="gb2312">', "gbk"),
        ("<META CHARSET = Shift_JIS >", "shift_jis"),
        ("<meta http-equiv='Content-Type' content='text/html; charset=\"euc-kr\"'>", "euc-kr"),
        ("<meta content='text/html;charset=big5' http-equiv=content-type>", "big5"),
        ("<meta content='text/html;charset=big5'>", None),
        ("<meta name=x content='>'><meta charset=koi8-r>", "koi8-r"),
        ("<!-- <meta charset=big5> --><meta charset=koi8-r>", "koi8-r"),
        ("<!-- <meta charset=big5>", None),
        ("<a title='<meta charset=big5>'><meta charset=koi8-r>", "koi8-r"),
        ("<meta charset=nonsense><meta charset=koi8-r>", "koi8-r"),
        ("<meta charset=utf-16>", "utf-8"),
        ("<meta charset=x-user-defined>", "windows-1252"),
        ("<?xml version='1.0' encoding='windows-1251'?><html>", "windows-1251"),
        ("<?xml version='1.0' encoding='windows-1251'?><meta charset=koi8-r>", "koi8-r"),
        ("<head>" + "<script src=a></script>" * 200 + "<meta charset=koi8-r>", "koi8-r"),
        ("<body><meta charset=koi8-r>", None),
        ("<meta", None),
        ("", None),
    ],
)
def test_what_a_page_declares(html: str, encoding: str | None) -> None:
    assert encoding_of_markup(html.encode()) == encoding


def test_the_domain_helps_where_nothing_is_declared() -> None:
    raw = "Žluťoučký".encode("cp1250")
    assert choose_encoding(raw, tld="cz") == "windows-1250"


def test_excerpts_are_short_and_from_all_over() -> None:
    raw = "".join(f"<p>plain words {n} größer</p>" for n in range(50_000)).encode("cp1252")
    excerpt = excerpt_of(raw)
    assert len(excerpt) <= 4200
    assert b"<" not in excerpt
    found = [int(word) for word in excerpt.split() if word.isdigit()]
    assert min(found) < 10
    assert max(found) > 30_000


def test_a_text_without_spaces_is_cut_only_once() -> None:
    raw = "天地玄黄宇宙洪荒日月盈昃辰宿列张寒来暑往秋收冬藏".encode("gbk") * 5000
    assert choose_encoding(raw) in ("gbk", "gb18030")  # one decoder


@pytest.mark.parametrize(
    "raw",
    [
        b"x" * 2_000_000 + b" caf\xe9 ",
        b"<script>" * 200_000 + b"caf\xe9",
        b"<" * 1_000_000 + b"caf\xe9",
        b"<!--" * 20_000 + b"caf\xe9",
        b"<a x='" * 20_000 + b"caf\xe9",
        b'<meta content="' * 10_000 + b"caf\xe9",
        b"\xe9" * 1_000_000,
        b"\xe9\x80" * 500_000,
        ("größer " * 700_000).encode("cp1252"),
        "天地玄黄".encode("gbk") * 400_000,
    ],
    ids=["one word", "scripts", "brackets", "comments", "quotes", "metas", "high bytes", "pairs", "large", "no spaces"],
)
def test_hostile_and_large_bytes_take_linear_time(raw: bytes) -> None:
    """Each of these would take minutes if anything were looked through once for every place in it."""
    assert choose_encoding(raw, is_html=True)


def test_scripts_and_attributes_are_no_words() -> None:
    html = "<p>größer</p><script>var a = 'ключ';</script><STYLE>é</style><a title='é'>x</a><script>ü".encode()
    assert excerpt_of(html).split() == ["größer".encode(), b"x"]
