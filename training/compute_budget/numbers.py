"""Numbers of a budget as people write them: 1.3B, 300e9, 2,000,000; and how one is shown with three digits."""

import re

from gristmill.schemas.errors import RecipeError

SUFFIXES = {"K": 1e3, "M": 1e6, "B": 1e9, "G": 1e9, "T": 1e12}


_COUNT = re.compile(  # digits, or groups of three of them; a fraction; an exponent; a suffix
    r"(?P<sign>[+-]?)(?P<whole>\d+|\d{1,3}(?:,\d{3})+|\d{1,3}(?:_\d{3})+)?"
    r"(?P<rest>(?:\.\d*)?(?:e[+-]?\d+)?) ?(?P<suffix>[kmbgt]?)",
    re.IGNORECASE | re.ASCII,
)


def parse_count(text: str, name: str) -> float:
    """A number such as 1.3B, 300e9, 15T, 2,000,000 or 2_000_000; RecipeError otherwise.

    A comma or an underscore separates groups of three digits and nothing else: `1,3B` is an error, not 13B.

    >>> parse_count("1.3B", "parameters")
    1300000000.0
    """
    found = _COUNT.fullmatch(text.strip())
    try:
        if found is None:
            raise ValueError(text)
        whole = (found["whole"] or "").replace(",", "").replace("_", "")
        return float(found["sign"] + whole + found["rest"]) * SUFFIXES.get(found["suffix"].upper(), 1.0)
    except ValueError:
        raise RecipeError(
            f"{name} {text!r}", expected="a number such as 1.3B, 300e9, 15T or 2,000,000", where="compute budget"
        ) from None


def human(value: float) -> str:
    """Three digits and a suffix; scientific from 10^15 on.

    >>> human(1.3e9), human(2.5e21), human(0.0312), human(512), human(999_999_999)
    ('1.3B', '2.5e+21', '0.0312', '512', '1B')
    """
    rounded = float(f"{value:.3g}")
    if abs(rounded) >= 1e15:
        return f"{value:.3g}"
    for suffix in ("T", "B", "M"):
        if abs(rounded) >= SUFFIXES[suffix]:
            return f"{rounded / SUFFIXES[suffix]:.3g}{suffix}"
    return f"{value:,.0f}" if abs(rounded) >= 1000 else f"{value:.3g}"
