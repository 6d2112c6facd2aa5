"""East Asian encodings, by Python's codecs and the places where the WHATWG Encoding Standard differs from them.

The differences were found by decoding every sequence by the standard's indexes (May 2026); tests hold hashes of all of
them. An error is one U+FFFD, and an ASCII byte behind a broken sequence is never part of it: no markup is swallowed.
"""

import codecs
import re
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

REPLACED = "\ufffd"
# Characters of the standard's big5 that Python's big5hkscs lacks, in runs by their first pointer.
_BIG5_RUNS = """
1000㡵𡵓𣚞𦀡㻬𥣞㫵竼龗𤅡𨤍𣇪𠪊𣉞䌊蒄龖鐯䤰蘓墖靊鈘秐稲晠権袝瑌篅枂稬剏遆㓦珄𥶹瓆鿇垳䤯呌䄱𣚎堘穲𧭥讏䚮𦺈䆁𥶙箮𢒼鿈𢓁𢓉𢓌鿉蔄𣖻䂴鿊䓡𪷿拁灮鿋
2082箸2088簆2103糎2114緒2123縝2148者2151耨2221菁2239蒨2244萏2303覦覩2354起2400都2413銹2477靜2498響2605鼖2673蔃2746兙兛兝兞2771鍮
2780瑹2990浧3087禛3259邗3301靝3436瀞3451嬨4136爁4138矗4141纇4182駖4206釔4220惞4230澶4241輶4258侻4273營4279鄄4282鷰4294菏4329尐秣
4349婧4419輋4422筑4494拐4624恢4694痹4708汊4742鬮4748鼗4815僭4828弌4902蠏4922拎4982瑨4992煢4997牐
5432␀␁␂␃␄␅␆␇␈␉␊␋␌␍␎␏␐␑␒␓␔␕␖␗␘␙␚␛␜␝␞␟␡€
10942廴10946无10948癶10950隶10957〃仝19028倩19035偽19088包19096卄19112卿19162嘅19240婷19299幵19305廐19326彘19355悤19398撐19439晴19454杞
19553沜渝19557港19611煮19643猪19672瑜19697瓩19748砉
"""


class _Variant(NamedTuple):
    """How an encoding differs from a Python codec.

    sequence: (raw, start) of a sequence that the codec refuses -> (its text, where decoding goes on).
    swapped: characters of the codec -> those of the standard.
    own: sequences whose character the codec has for another sequence too -> the standard's character.
    whole: finds the sequences from the start of a text on.
    """

    codec: str
    sequence: Callable[[bytes, int], tuple[str, int]]
    swapped: dict[int, str] = {}  # noqa: RUF012
    own: dict[bytes, str] = {}  # noqa: RUF012
    whole: re.Pattern[bytes] = re.compile(rb"[\x81-\xfe][^\x00-\x7f]|[\x81-\xfe][\x40-\x7e]")


def _broken_pair(raw: bytes, start: int) -> tuple[str, int]:
    """A lead byte whose trail byte does not fit: that byte is given back if it is ASCII."""
    trail = raw[start + 1] if start + 1 < len(raw) else 0x80
    return REPLACED, start + 1 if trail < 0x80 else min(start + 2, len(raw))


def _euc_kr(raw: bytes, start: int) -> tuple[str, int]:
    return (REPLACED, start + 1) if raw[start] in b"\x80\xff" else _broken_pair(raw, start)


def _shift_jis(raw: bytes, start: int) -> tuple[str, int]:
    return (REPLACED, start + 1) if raw[start] in b"\xa0\xfd\xfe\xff" else _broken_pair(raw, start)


def _big5(raw: bytes, start: int) -> tuple[str, int]:
    lead, trail = raw[start], raw[start + 1] if start + 1 < len(raw) else 0
    if lead in b"\x80\xff":
        return REPLACED, start + 1
    if 0x40 <= trail <= 0x7E or 0xA1 <= trail <= 0xFE:
        pointer = (lead - 0x81) * 157 + trail - (0x40 if trail < 0x7F else 0x62)
        if character := _big5_more().get(pointer):
            return character, start + 2
    return _broken_pair(raw, start)


@cache
def _big5_more() -> dict[int, str]:
    runs = re.findall(r"(\d+)(\D+)", _BIG5_RUNS.replace("\n", ""))
    return {int(first) + n: character for first, run in runs for n, character in enumerate(run)}


def _gb18030(raw: bytes, start: int) -> tuple[str, int]:
    lead, rest = raw[start], raw[start + 1 : start + 4]
    if lead == 0x80:
        return "€", start + 1
    if lead == 0xFF:
        return REPLACED, start + 1
    if rest[:1].isdigit():  # of four bytes
        if len(rest) < 3 and (len(rest) == 1 or 0x81 <= rest[1] <= 0xFE):
            return REPLACED, len(raw)
        if not (0x81 <= rest[1] <= 0xFE and rest[2:].isdigit()):
            return REPLACED, start + 1
        return REPLACED, start + 4
    return _broken_pair(raw, start)


def _euc_jp(raw: bytes, start: int) -> tuple[str, int]:
    lead, trail = raw[start], raw[start + 1] if start + 1 < len(raw) else 0
    if not (0xA1 <= lead <= 0xFE or lead in b"\x8e\x8f"):
        return REPLACED, start + 1
    if lead == 0x8F and 0xA1 <= trail <= 0xFE:  # JIS X 0212
        return REPLACED, _broken_pair(raw, start + 1)[1]
    if lead >= 0xA1 and 0xA1 <= trail <= 0xFE:
        character = _of_cp932((lead - 0xA1) * 94 + trail - 0xA1)
        if character:
            return character, start + 2
    return _broken_pair(raw, start)


@cache
def _of_cp932(pointer: int) -> str:
    """A character of JIS X 0208 with the extensions of NEC and IBM; "" for none."""
    lead, trail = divmod(pointer, 188)
    pair = bytes([lead + (0x81 if lead < 0x1F else 0xC1), trail + (0x40 if trail < 0x3F else 0x41)])
    try:
        return pair.decode("cp932")
    except UnicodeDecodeError:
        return ""


_GB18030_SWAPPED = dict(
    zip(
        (
            0xE5E5,
            *range(0xE78D, 0xE797),
            0xE7C7,
            0x1E3F,
            0xE81E,
            0xE826,
            0xE82B,
            0xE82C,
            0xE832,
            0xE843,
            0xE854,
            0xE864,
        ),
        "\u3000︐︒︑︓︔︕︖︗︘︙\u1e3f\ue7c7龴龵龶龷龸龹龺龻",
        strict=True,
    )
)
_VARIANTS = {
    "euc-kr": _Variant("cp949", _euc_kr),
    "shift_jis": _Variant("cp932", _shift_jis, dict.fromkeys(range(0xF8F0, 0xF8F4), REPLACED)),
    "euc-jp": _Variant(
        "euc_jp",
        _euc_jp,
        dict(zip(map(ord, "〜‖−¢£¬"), "～∥－￠￡￢", strict=True)),
        {b"\x8f\xa2\xb7": "～"},
        re.compile(rb"\x8f[\xa1-\xfe][^\x00-\x7f]|[\x8e\x8f\xa1-\xfe][^\x00-\x7f]"),
    ),
    "gb18030": _Variant("gb18030", _gb18030, _GB18030_SWAPPED),
    "gbk": _Variant("gb18030", _gb18030, _GB18030_SWAPPED),
    "big5": _Variant(
        "big5hkscs",
        _big5,
        dict(zip(map(ord, "•､‾∼♁☉¥¢£"), "‧﹑¯～⊕⊙￥￠￡", strict=True)),
        {b"\xa2\x41": "∕", b"\xa2\x42": "﹨"},
    ),
}
MULTI_BYTE = (*_VARIANTS, "iso-2022-jp")


def decode_multi_byte(raw: bytes, encoding: str) -> str:
    """`raw` as text; a broken sequence is one U+FFFD."""
    if encoding == "iso-2022-jp":
        return _iso_2022_jp(raw)
    variant = _VARIANTS[encoding]
    if not any(sequence in raw for sequence in variant.own):
        return _decoded(raw, encoding)
    parts, at = [], 0
    for match in variant.whole.finditer(raw):
        if match[0] in variant.own:
            parts += [_decoded(raw[at : match.start()], encoding), variant.own[match[0]]]
            at = match.end()
    return "".join([*parts, _decoded(raw[at:], encoding)])


def _decoded(raw: bytes, encoding: str) -> str:
    variant = _VARIANTS[encoding]
    text = raw.decode(variant.codec, f"gristmill-{encoding}")
    return text.translate(variant.swapped) if (found := _found(encoding)) and found.search(text) else text


@cache
def _found(encoding: str) -> re.Pattern[str] | None:
    swapped = _VARIANTS[encoding].swapped
    return re.compile(f"[{''.join(map(chr, swapped))}]") if swapped else None


def _handler(sequence: Callable[[bytes, int], tuple[str, int]]) -> Callable[[UnicodeError], tuple[str, int]]:
    def handle(error: UnicodeError) -> tuple[str, int]:
        if not isinstance(error, UnicodeDecodeError):
            raise error
        return sequence(error.object, error.start)

    return handle


for _name, _variant in _VARIANTS.items():
    codecs.register_error(f"gristmill-{_name}", _handler(_variant.sequence))

_ESCAPES = re.compile(rb"\x1b(\([BJI]|\$[@B])")
_TO_EUC_JP = bytes(byte | 0x80 if 0x21 <= byte <= 0x7E else 0xFF for byte in range(256))
_ROMAN = {0x5C: "¥", 0x7E: "‾"}
_KATAKANA = {byte: chr(0xFF61 - 0x21 + byte) if 0x21 <= byte <= 0x5F else REPLACED for byte in range(256)}
_NO_ASCII = {0x0E: REPLACED, 0x0F: REPLACED, 0x1B: REPLACED}


def _iso_2022_jp(raw: bytes) -> str:
    """The standard's decoder but for one thing: two escape sequences in a row are no error."""
    pieces = _ESCAPES.split(raw)
    parts = [_in_ascii(pieces[0])]
    for escape, piece in zip(pieces[1::2], pieces[2::2], strict=True):
        if escape.startswith(b"$"):
            parts.append(decode_multi_byte(piece.translate(_TO_EUC_JP), "euc-jp"))
        elif escape == b"(I":
            parts.append(piece.decode("latin-1").translate(_KATAKANA))
        else:
            parts.append(_in_ascii(piece).translate(_ROMAN if escape == b"(J" else {}))
    return "".join(parts)


def _in_ascii(piece: bytes) -> str:
    text = piece.decode("ascii", "replace")
    return text.translate(_NO_ASCII) if any(code in piece for code in b"\x0e\x0f\x1b") else text
