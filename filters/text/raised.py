"""Raised and lowered characters, as Unicode has them: 10⁶ for what a page or article shows so, where text alone says 106."""

import re

_RAISED = str.maketrans("0123456789+-−=()ni", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿⁱ")
_LOWERED = str.maketrans("0123456789+-−=()aeox", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₒₓ")
_CAN_BE_RAISED, _CAN_BE_LOWERED = re.compile(r"[0-9+\-−=()ni]+"), re.compile(r"[0-9+\-−=()aeox]+")


def raised(text: str) -> str | None:
    """Text of a `sup` raised; None where Unicode lacks one of its characters raised.

    >>> raised("-6"), raised("th")
    ('⁻⁶', None)
    """
    return text.translate(_RAISED) if _CAN_BE_RAISED.fullmatch(text) else None


def lowered(text: str) -> str | None:
    """Text of a `sub` lowered; None where Unicode lacks one of its characters lowered.

    >>> lowered("2"), lowered("max")
    ('₂', None)
    """
    return text.translate(_LOWERED) if _CAN_BE_LOWERED.fullmatch(text) else None
