"""Which rules a text fails, straight from the signal families: the decision in plain Python."""

import operator
from collections.abc import Sequence

import pyarrow as pa
from gristmill.filters.registry import family, signals
from gristmill.schemas.policy import Rule

COMPARE = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt, "==": operator.eq}


def holds(rule: Rule, value: float | None) -> bool:
    return rule.if_null == "keep" if value is None else COMPARE[rule.operator](value, rule.operand)


def failed_rules(rules: Sequence[Rule], texts: Sequence[str], exact: bool = False) -> list[list[str]]:
    """Per text the names of the rules it fails, in the order of the rules."""
    known = signals()
    batch = pa.record_batch([pa.array(list(texts), pa.large_string())], ["text"])
    measured = {
        name: family(name).function(batch, {"exact": exact}).to_pylist()
        for name in {known[rule.signal_name][0].name for rule in rules}
    }
    return [
        [
            rule.name
            for rule in rules
            if not holds(rule, measured[known[rule.signal_name][0].name][row][rule.signal_name])
        ]
        for row in range(len(texts))
    ]
