"""What the templates say that hold words of a text: translations, quantities, quotations, names of ships.

All others (infoboxes, navigation, notices, citations) say nothing and are counted. Template names differ from wiki to wiki;
those here are of the large Wikipedias and are asked for in lower case.
"""

import re
from collections.abc import Callable, Sequence

Values = Sequence[str]
_NAME = re.compile(r"[\w -]{1,40}")


def _positional(values: Values) -> list[str]:
    """The arguments without a name, those named by their number included, blanks around them removed."""
    plain, numbered = [], {}
    for value in values:
        name, equals, rest = value.partition("=")
        name = name.strip()
        if not equals or not _NAME.fullmatch(name):
            plain.append(value.strip())
        elif name.isascii() and name.isdigit() and len(name) < 3:
            numbered[int(name)] = rest.strip()
    for number in sorted(numbered):
        plain[number - 1 : number] = [numbered[number]]
    return plain


def _at(place: int) -> Callable[[list[str]], str]:
    return lambda values: values[place] if -len(values) <= place < len(values) else ""


def _joined(separator: str) -> Callable[[list[str]], str]:
    return lambda values: separator.join(filter(None, values))


def _always(text: str) -> Callable[[list[str]], str]:
    return lambda values: text


def _last_of(*places: int) -> Callable[[list[str]], str]:
    """The last of these arguments that is there."""
    return lambda values: next(
        (values[place] for place in reversed(places) if place < len(values) and values[place]), ""
    )


def _quoted(values: list[str]) -> str:
    return "\n<blockquote>" + _at(0)(values) + "</blockquote>\n"


def _fraction(values: list[str]) -> str:
    if len(values) < 2:
        return f"1/{values[0]}" if values else ""
    whole, parts = (values[0] + " ", values[1:]) if len(values) > 2 else ("", values)
    return f"{whole}{parts[0]}/{parts[1]}"


_BETWEEN = {"to": "–", "-": "–", "and": " and ", "or": " or ", "by": " × ", "x": " × ", "–": "–", "+": " + "}


def _quantity(values: list[str]) -> str:
    """The quantity as the text gives it, without its conversion: `5|km|mi`, `5|-|6|km|mi`."""
    if len(values) >= 4 and values[1] in _BETWEEN:
        return f"{values[0]}{_BETWEEN[values[1]]}{values[2]} {values[3]}"
    return " ".join(values[:2])


def _century(values: list[str]) -> str:
    pairs = [f"{values[place]}{values[place + 1]}" for place in range(0, len(values) - 1, 3)]
    return " – ".join(pairs) + (" siècle" if pairs else "")


def _reading(values: list[str]) -> str:
    """A name with its reading behind it: `{{nihongo|Tokyo Tower|東京タワー|Tōkyō tawā}}`."""
    rest = ", ".join(filter(None, values[1:3]))
    return f"{values[0]} ({rest})" if values and values[0] and rest else _at(0)(values) or rest


def _ship(prefix: str) -> Callable[[list[str]], str]:
    return lambda values: f"{prefix} {values[0]}" if values else ""


def _items(values: list[str]) -> str:
    return "\n" + "\n".join(f"* {value}" for value in values if value) + "\n"


_SAYS: dict[str, Callable[[list[str]], str]] = {
    **dict.fromkeys(
        (
            *("nowrap", "nobr", "nobreak", "small", "smaller", "large", "larger", "big", "bigger", "abbr", "tooltip"),
            *("nobold", "noitalic", "em", "strong", "var", "mvar", "math", "sc", "smallcaps", "smcaps", "sup", "sub"),
            *("u", "underline", "illm", "ill", "interlanguage link", "link-interwiki", "lien", "仮リンク", "ruby"),
            *("not a typo", "proper name", "as written", "sic", "flag", "flagu", "flagcountry", "code", "kbd", "tt"),
            *("samp", "mono", "vanchor", "visible anchor", "plainlist", "flatlist", "columns-list", "center", "centre"),
            *("resize", "ipa", "api", "nombre", "num", "unicode", "polytonic", "noflag"),
        ),
        _at(0),
    ),
    **dict.fromkeys(("lang", "langx", "langue", "lang2", "color", "colour", "font color", "wikt-lang"), _at(1)),
    **dict.fromkeys(("transl", "transliteration", "translit"), _at(-1)),
    **dict.fromkeys(("tsl", "translink"), _last_of(1, 2, 3)),
    **dict.fromkeys(("нп", "нп2", "нп3", "нп4", "нп5", "не переведено", "не переведено 5"), _last_of(0, 1)),
    **dict.fromkeys(
        ("quote", "blockquote", "cquote", "quotation", "zitat", "citation bloc", "cita", "quote box"), _quoted
    ),
    **dict.fromkeys(("начало цитаты", "цитата", "bq", "citazione", "citaat", "citat", "cytat"), _quoted),
    **dict.fromkeys(("frac", "sfrac", "fraction", "bruch"), _fraction),
    **dict.fromkeys(("convert", "cvt", "convertir", "umrechnung"), _quantity),
    **dict.fromkeys(("unité", "unité/2", "unit", "val", "nb", "число"), lambda values: " ".join(values[:2])),
    **dict.fromkeys(("s", "s-", "sp", "sp-", "siècle"), _century),
    **dict.fromkeys(("nihongo", "nihongo2", "nihongo3", "読み仮名"), _reading),
    **dict.fromkeys(("date", "date-", "jma", "dob", "year"), _joined(" ")),
    **dict.fromkeys(("hlist", "linktext", "comma separated entries"), _joined(", ")),
    **dict.fromkeys(("ubl", "unbulleted list", "bulleted list", "plain list"), _items),
    **dict.fromkeys(("ndash", "snd", "spnd", "spaced ndash", "snds", "–"), _always(" – ")),
    **dict.fromkeys(("mdash", "emdash", "—"), _always("—")),
    **dict.fromkeys(("·", "dot", "middot", "•", "bull", "bullet"), _always(" · ")),
    **dict.fromkeys(("nbsp", "space", "spaces", "thinsp", "hair space", "gap", "pad"), _always(" ")),
    **dict.fromkeys(("circa", "c.", "ca."), lambda values: "c. " + _at(0)(values)),
    **dict.fromkeys(("us$", "usd"), lambda values: "$" + _at(0)(values)),
    **dict.fromkeys(("£", "gbp", "pound sterling"), lambda values: "£" + _at(0)(values)),
    **dict.fromkeys(("€", "euro", "eur"), lambda values: "€" + _at(0)(values)),
    **dict.fromkeys(("¥", "jpy", "cny"), lambda values: "¥" + _at(0)(values)),
    **dict.fromkeys(("as of", "as of?"), lambda values: "As of " + " ".join(reversed(values[:3]))),
    **dict.fromkeys(("angbr", "angle bracket", "grapheme"), lambda values: f"⟨{_at(0)(values)}⟩"),
    **dict.fromkeys(("chem", "chem2", "shy", "wbr"), _joined("")),
    **{name: _ship(name.upper()) for name in ("hms", "uss", "ss", "sms", "rms", "hmas", "hmcs", "mv", "ms", "ins")},
    "ship": lambda values: " ".join(filter(None, values[:2])),
    "e": lambda values: "×10^" + _at(0)(values),
    "10^": lambda values: "10^" + _at(0)(values),
    "pi": _always("π"),
    "=": _always("="),
    "!": _always("|"),
    "(": _always("{"),
    ")": _always("}"),
    "'": _always("'"),
    "okina": _always("ʻ"),
    "ayin": _always("ʿ"),
    "hamza": _always("ʾ"),
    "sharp": _always("♯"),
    "flat": _always("♭"),
    "°": _always("°"),
    "bc": lambda values: _at(0)(values) + " BC",
    "ad": lambda values: "AD " + _at(0)(values),
}
_FUNCTIONS: dict[str, Callable[[str], str]] = {
    "formatnum": str,
    "lc": str.lower,
    "uc": str.upper,
    "lcfirst": lambda text: text[:1].lower() + text[1:],
    "ucfirst": lambda text: text[:1].upper() + text[1:],
    "nowrap": str,
}
_PAGE_NAMES = ("pagename", "fullpagename", "basepagename", "subpagename", "article", "articlepagename")


def template_text(values: Values, title: str) -> str | None:
    """What a template says in the text of a page; None where it says nothing that is known.

    values: its name, then its arguments as they are written, names of arguments before `=`. title: of the page.
    """
    name = " ".join(values[0].replace("_", " ").split()).lower().removeprefix("template:").removeprefix("subst:")
    function, colon, _ = name.partition(":")
    if colon and function in _FUNCTIONS:
        return _FUNCTIONS[function](values[0].partition(":")[2].strip())
    if len(values) == 1 and name in _PAGE_NAMES:
        return title
    if name.startswith("lang-") and len(name) < 20:
        return _at(0)(_positional(values[1:]))
    says = _SAYS.get(name)
    return None if says is None else says(_positional(values[1:]))
