"""Languages as people write them (`english`, `eng`, `en-US`, `zh-CN`, `no`), as the labels that detectors give."""

from collections.abc import Collection, Mapping
from functools import cache
from typing import Any

from gristmill.filters.fasttext.classify import fasttext_classifier
from gristmill.filters.language.detectors import (
    LANGUAGES,
    cld2_languages,
    fasttext_languages,
    model_path,
)
from gristmill.filters.language.labels import code_of_iso_639, language_of_cld2
from gristmill.filters.language.options import LANGUAGE_SIGNALS, LanguageOptions
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.lookup import nearest_name

# Names beside those of CLD2, which writes English ones.
_ALSO_NAMED = """
mandarin zh;chinese-simplified zh;chinese-traditional zh;simplified-chinese zh;traditional-chinese zh;farsi fa;flemish nl;
castilian es;bokmål nb;bokmal nb;norwegian-bokmål nb;norwegian-bokmal nb;nynorsk nn;norwegian-nynorsk nn;gaelic gd;
scottish-gaelic gd;haitian ht;sinhalese si;uyghur ug;burmese my;tagalog tl;filipino tl;persian fa;valencian ca;moldovan ro;
panjabi pa;oriya or;odia or;cantonese yue;egyptian-arabic arz;asturian ast;low-german nds;swiss-german gsw;alemannic gsw;
bavarian bar;upper-sorbian hsb;lower-sorbian dsb;south-azerbaijani azb;sorani ckb;central-kurdish ckb;chechen ce;chuvash cv;
deutsch de;français fr;francais fr;español es;espanol es;português pt;portugues pt;italiano it;nederlands nl;polski pl;
русский ru;українська uk;中文 zh;汉语 zh;漢語 zh;日本語 ja;한국어 ko;العربية ar;हिन्दी hi;türkçe tr;svenska sv;dansk da;norsk nb;
suomi fi;čeština cs;magyar hu;ελληνικά el;עברית he;ไทย th;tiếng-việt vi;bahasa-indonesia id;bahasa-melayu ms
"""
_SEVERAL = {
    "sh": ("hr", "bs", "sr"),
    "serbo-croatian": ("hr", "bs", "sr"),
    "als": ("gsw", "sq"),
}
_REGIONAL = {"zh-yue": "yue", "zh-hk-yue": "yue", "zh-wuu": "wuu", "nb-no": "nb", "nn-no": "nn", "no-nyn": "nn"}


@cache
def _names() -> dict[str, str]:
    """Names in lower case with hyphens -> our code."""
    import pycld2

    found = {
        name.lower().replace("_", "-"): code
        for name, label in pycld2.LANGUAGES
        if (code := language_of_cld2(label)) and not name.startswith("X_")
    }
    listed = [entry.strip().rsplit(" ", 1) for entry in _ALSO_NAMED.replace("\n", "").split(";")]
    return found | dict(listed)


def known_languages(options: Mapping[str, Any], signal: str = "language") -> frozenset[str]:
    """The labels that `signal` can hold under these options of the family `language`."""
    chosen = LanguageOptions.model_validate(options)
    detector = LANGUAGE_SIGNALS[signal]
    return _known(chosen.detector if detector == "chosen" else detector, chosen.model)


@cache
def _known(detector: str, model: str | None) -> frozenset[str]:
    found: set[str] = set()
    if detector != "cld2":
        found |= {LANGUAGES[number] for number in fasttext_languages(fasttext_classifier(model_path(model)))}
    if detector != "fasttext":
        found |= set(cld2_languages())
    if detector == "combined":
        found -= {"sh"}  # its votes go to its members
    return frozenset(found)


def codes_of(label: str) -> tuple[str, ...]:
    """Our codes that a label may mean: one, several, or none that is known of.

    >>> [codes_of(label) for label in ("English", "ger", "pt_BR", "zh-Hant", "iw", "eng_Latn", "no", "sh", "klingonese")]
    [('en',), ('de',), ('pt',), ('zh',), ('he',), ('en',), ('nb',), ('hr', 'bs', 'sr'), ()]
    """
    text = label.strip().lower().replace("_", "-").replace(" ", "-")
    if text in _SEVERAL:
        return _SEVERAL[text]
    if text in _REGIONAL:
        return (_REGIONAL[text],)
    primary = text.partition("-")[0]
    code = code_of_iso_639(primary)
    found = _names().get(text) or code or _names().get(primary)
    return (found,) if found else ()


def language_of_model(label: str) -> str:
    """Our code for a language that a model is made for, whether or not the default detectors know it."""
    codes = codes_of(label)
    if len(codes) == 1:
        return codes[0]
    hint = f"one of {', '.join(codes)}" if codes else "a code such as en, de, zh, nb (ISO 639-1, else 639-3)"
    raise RecipeError(f"found the language {label!r}", where="language", expected=hint)


def resolve_language(label: str, known: Collection[str], where: str) -> str:
    """The label of `known` that `label` means; RecipeError naming the nearest ones when it means none of them."""
    if label in known:
        return label
    meant = [code for code in codes_of(label) if code in known]
    if len(meant) == 1:
        return meant[0]
    if meant:
        hint = f"one of {', '.join(f'`{code}`' for code in meant)}"
    else:
        named = {name: code for name, code in _names().items() if code in known}
        nearest = nearest_name(label.strip().lower(), [*known, *named], cutoff=0.7)
        hint = f"did you mean `{named.get(nearest, nearest)}`?" if nearest else f"there are {', '.join(sorted(known))}"
    raise RecipeError(
        f"no detector gives the language {label!r}; {hint}",
        where=where,
        expected="a label such as en, de, zh, nb (ISO 639-1, else 639-3)",
    )
