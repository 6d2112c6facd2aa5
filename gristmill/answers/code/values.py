"""Python values as JSON and back, for two processes that do not trust each other: plain values only, no code, no pickle.

Numbers, texts, None and truth values are themselves; everything else is a list whose first item names the type. A value that
has no such form is given a number by which the other side can speak of it (`call`, `get`, `next`); what it is never crosses.
Decoded values are of exactly the built-in types, so that nothing of the other side takes part in a comparison.
"""

import collections
import datetime
import decimal
import fractions
from collections.abc import Callable, Iterable
from typing import Any

MAX_DEPTH = 200
Refer = Callable[[Any], list[Any]]  # what stands for a value that has no form of its own
Resolve = Callable[[list[Any]], Any]

_SEQUENCES: dict[str, Any] = {
    "list": list,
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "deque": collections.deque,
}
_MAPPINGS: dict[str, Any] = {"dict": dict, "Counter": collections.Counter, "OrderedDict": collections.OrderedDict}
_VIEWS: tuple[type[Iterable[Any]], ...] = (type({}.keys()), type({}.values()), type({}.items()))
_TEXTS: dict[str, tuple[type, Callable[[str], Any]]] = {
    "Decimal": (decimal.Decimal, decimal.Decimal),
    "Fraction": (fractions.Fraction, fractions.Fraction),
    "bytes": (bytes, bytes.fromhex),
    "bytearray": (bytearray, bytearray.fromhex),
    "complex": (complex, complex),
    "datetime": (datetime.datetime, datetime.datetime.fromisoformat),
    "date": (datetime.date, datetime.date.fromisoformat),
    "time": (datetime.time, datetime.time.fromisoformat),
}
MAX_PLAIN_BITS = 1 << 13  # larger whole numbers are written in hexadecimal, which is linear


def encode(value: Any, refer: Refer, depth: int = 0) -> Any:
    """A value as JSON can hold it. refer: gives the form of what has none. ValueError for what is nested too deeply."""
    if depth > MAX_DEPTH:
        raise ValueError(f"a value is nested more than {MAX_DEPTH} deep")
    kind = type(value)
    if value is None or kind in (bool, float, str):
        return value
    if kind is int:
        return value if value.bit_length() <= MAX_PLAIN_BITS else ["int", hex(value)]
    for name, base in _SEQUENCES.items():
        if isinstance(value, base):
            return [name, [encode(item, refer, depth + 1) for item in value]]
    if isinstance(value, dict):
        name = kind.__name__ if kind.__name__ in _MAPPINGS else "dict"
        return [name, [[encode(key, refer, depth + 1), encode(item, refer, depth + 1)] for key, item in value.items()]]
    return _encode_rare(value, refer, depth)


def _encode_rare(value: Any, refer: Refer, depth: int) -> Any:
    if isinstance(value, int | float | str):  # of a class of its own, such as an enumeration
        plain = next(base(value) for base in (bool, int, float, str) if isinstance(value, base))
        return encode(plain, refer, depth + 1)
    for name, (base, _) in _TEXTS.items():
        if isinstance(value, base):
            return [name, value.hex() if isinstance(value, bytes | bytearray) else _text(value)]
    if isinstance(value, range):
        return ["range", [value.start, value.stop, value.step]]
    if value is Ellipsis:
        return ["Ellipsis", 0]
    if isinstance(value, _VIEWS):
        return ["list", [encode(item, refer, depth + 1) for item in value]]
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        return encode(value.tolist(), refer, depth + 1)
    return refer(value)


def _text(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def decode(form: Any, resolve: Resolve) -> Any:
    """The value of a form. resolve: the value that a form stands for which names no type known here.

    Raises ValueError, TypeError or an error of the value's type for what is no form of a value.
    """
    if form is None or type(form) in (bool, int, float, str):
        return form
    if type(form) is not list or not form or type(form[0]) is not str:
        raise ValueError("this is no form of a value")
    name = form[0]
    if name in _SEQUENCES:
        return _SEQUENCES[name]([decode(item, resolve) for item in form[1]])
    if name in _MAPPINGS:
        return _MAPPINGS[name]({decode(key, resolve): decode(item, resolve) for key, item in form[1]})
    if name in _TEXTS:
        return _TEXTS[name][1](form[1])
    if name == "int":
        return int(form[1], 16)
    if name == "range":
        return range(*form[1])
    return Ellipsis if name == "Ellipsis" else resolve(form)


def put_back(original: Any, changed: Any) -> None:
    """Give a container the content that the other side has given its copy."""
    if isinstance(original, list | bytearray) and type(original) is type(changed):
        original[:] = changed
    elif isinstance(original, dict | set) and isinstance(changed, type(original)):
        original.clear()
        original.update(changed)
    elif isinstance(original, collections.deque) and isinstance(changed, collections.deque):
        original.clear()
        original.extend(changed)
    elif isinstance(original, tuple) and isinstance(changed, tuple):
        for item, new in zip(original, changed, strict=False):
            put_back(item, new)
