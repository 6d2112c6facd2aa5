"""Plain-Python deciding for tests: edits applied by slicing, rules read one by one, no engine."""

import operator
from collections.abc import Sequence

import pyarrow as pa
from gristmill.filters.registry import signals
from gristmill.filters.transforms.registry import TEXT_VERSIONS, transform
from gristmill.schemas.recipe.rules import Profile, Rule

_COMPARE = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "==": operator.eq,
    "!=": operator.ne,
}


def texts_array(texts: list[str]) -> pa.Array:
    return pa.array(texts, pa.large_string())


def apply_plainly(text: str, edits: list[dict]) -> str:
    """The text after its edits; asserts that they are sorted and do not overlap."""
    data = text.encode()
    parts, at = [], 0
    for edit in edits:
        assert at <= edit["start"] < edit["end"] <= len(data)
        parts += [data[at : edit["start"]], edit["replacement"].encode()]
        at = edit["end"]
    return b"".join([*parts, data[at:]]).decode()


def text_version(texts: list[str], name: str) -> list[str]:
    for step, options in TEXT_VERSIONS[name]:
        edits = transform(step)(texts_array(texts), options).to_pylist()
        texts = [apply_plainly(text, edit) for text, edit in zip(texts, edits, strict=True)]
    return texts


def measured(texts: list[str], *names: str, exact: bool = False) -> dict[str, list]:
    """The values of the named signals (`name` or `name@text_version`), each family measured once per text version.

    exact: for families with that option, let spaCy itself split the text.
    """
    columns: dict[str, list] = {}
    batches: dict[tuple[str, str], pa.RecordBatch] = {}
    for name in names:
        base, _, version = name.partition("@")
        family, _ = signals()[base]
        key = (family.name, version)
        if key not in batches:
            batch = pa.record_batch({"text": texts_array(text_version(texts, version or "original"))})
            options = family.complete_options({})
            batches[key] = family.function(batch, options | {"exact": exact} if "exact" in options else options)
        columns[name] = batches[key].column(base).to_pylist()
    return columns


def failed_rules(chosen: Profile | Sequence[Rule], texts: Sequence[str], exact: bool = False) -> list[list[str]]:
    """For each text, the names of the rules it fails, in their order."""
    rules = chosen.rules if isinstance(chosen, Profile) else chosen
    texts = list(texts)
    columns = measured(texts, *dict.fromkeys(rule.signal for rule in rules), exact=exact)
    failed: list[list[str]] = [[] for _ in texts]
    for rule in rules:
        for row, value in enumerate(columns[rule.signal]):
            holds = rule.if_null == "keep" if value is None else _COMPARE[rule.operator](value, rule.operand)
            if not holds:
                failed[row].append(rule.name)
    return failed
