"""The top-level domains that DCLM knows: IANA's root database as it stood when DCLM was published (June 2024).

Of its 1,591 names 1,436 are delegated still and stand in the public suffix list that the package `tld` carries. The
others are written out here: names that were withdrawn, country codes that were never assigned or were given up, and the
names of IANA's tests. Names that the suffix list has and DCLM's list has not are left out. DCLM's list was copied from
IANA's page of the root database, which ends names of right-to-left scripts in a left-to-right mark.

With the version of `tld` in constraints.txt the set is DCLM's, name for name (`benchmarks/parity_dclm.py` compares them,
a test compares the digest); another version of `tld` differs by what was delegated and withdrawn since.

Source: https://www.iana.org/domains/root/db; DCLM, baselines/mappers/iana_tlds.txt.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

_WITHDRAWN = """
    abarth active adac afamilycompany aigo alfaromeo avianca bananarepublic bentley blanco bnl boots budapest bugatti
    cancerresearch cartier caseih cbs ceb chloe chrysler cityeats comcast cookingchannel csc dabur dodge doha doosan duck
    dunlop duns epost esurance etisalat everbank fiat flsmidth foodnetwork frontdoor fujixerox glade goo goodhands guardian
    hgtv honeywell hoteles htc iinet intel iselect iveco iwc jcp jlc kerrylogistics kinder ladbrokes lancaster lancia
    lancome liaison linde lipsy lixil loft lupin macys maserati mcd mcdonalds meo metlife mobily montblanc mopar movistar
    mtpc mutual mutuelle nadex nationwide natura newholland northwesternmutual off oldnavy onyourside orientexpress
    pamperedchef panerai passagens piaget pramerica qvc raid redstone rightathome rmit rocher sapo sca scjohnson scor ses
    shaw showtime shriram spiegel spreadbetting srt starhub statoil swiftcover symantec telecity telefonica tiffany
    travelchannel uconnect vista vistaprint volkswagen vuelos warman wolterskluwer xfinity xperia zippo
    大众汽车 工行 手表 珠宝 诺基亚 اتصالات موبايلي
""".split()  # noqa: SIM905
_NOT_ASSIGNED = "an bl bq eh mf tp um".split()  # noqa: SIM905
_TESTS = "δοκιμή испытание परीक्षा பரிட்சை テスト 测试 測試 테스트 טעסט آزمایشی إختبار".split()  # noqa: SIM905
_UNKNOWN_TO_DCLM = frozenset(
    "hotel merck onion السعوديه السعودیة السعودیۃ اليمن ايران سوريا پاكستان 澳门 臺灣".split()  # noqa: SIM905
)
_LEFT_TO_RIGHT_MARK = "\u200e"


@cache
def dclm_domains() -> frozenset[str]:
    """The names in lower case, those of other scripts in Unicode."""
    listed = (_listed() - _UNKNOWN_TO_DCLM) | {*_WITHDRAWN, *_NOT_ASSIGNED, *_TESTS}
    return frozenset(name + _LEFT_TO_RIGHT_MARK if _is_right_to_left(name) else name for name in listed)


def alternatives(words: Iterable[str]) -> str:
    """A regular expression of the words, the longest that fits first, in which common beginnings stand once.

    >>> alternatives(["com", "co", "org"])
    '(?:co(?:m)?|org)'
    """
    tree: dict[str, dict] = {}
    for word in words:
        node = tree
        for character in word:
            node = node.setdefault(character, {})
        node[""] = {}
    return _branches(tree)


def _branches(node: dict[str, dict]) -> str:
    parts = []
    for character in sorted(filter(None, node)):
        inner = node[character]
        parts.append(re.escape(character) + ("" if set(inner) == {""} else _branches(inner)))
    ends = "?" if "" in node else ""
    joined = "|".join(parts)
    return f"(?:{joined}){ends}" if ends or len(parts) > 1 else joined


def _listed() -> set[str]:
    """The last labels of the suffix list's rules."""
    rules = files("tld").joinpath("res/effective_tld_names_public_only.dat.txt").read_text(encoding="utf-8")
    lines = (line.strip() for line in rules.splitlines())
    return {line.rpartition(".")[2].lstrip("!*") for line in lines if line and not line.startswith("//")}


def _is_right_to_left(name: str) -> bool:
    return unicodedata.bidirectional(name[0]) in ("R", "AL")
