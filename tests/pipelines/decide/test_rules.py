"""Rules over columns equal the same rules read one document at a time."""

import operator
from typing import Any

import numpy as np
import pyarrow as pa
from gristmill.pipelines.policy.compile import CompiledPolicy
from gristmill.pipelines.policy.evaluate import PartColumns, evaluate
from gristmill.pipelines.policy.named_rule import NamedRule
from gristmill.pipelines.policy.text_versions import ORIGINALS
from gristmill.schemas.recipe.rules import Rule
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.generated import examples

COMPARE = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "==": operator.eq,
    "!=": operator.ne,
}
RULES = [
    *[Rule(name=f"count{op}", signal="count", keep=f"{op} 3", if_null="drop") for op in COMPARE],
    *[Rule(name=f"share{op}", signal="share", keep=f"{op} 0.5") for op in COMPARE],
    Rule(name="flag", signal="flag", keep="== true"),
    Rule(name="language", signal="language", keep="in [en, de]", if_null="drop"),
    Rule(name="not_language", signal="language", keep="not in [fr]"),
]
values = st.fixed_dictionaries(
    {
        "count": st.none() | st.integers(0, 6),
        "share": st.none() | st.sampled_from([0.0, 0.25, 0.5, float(np.nextafter(0.5, 1)), 1.0, float("nan")]),
        "flag": st.none() | st.booleans(),
        "language": st.none() | st.sampled_from(["en", "de", "fr"]),
        "source": st.sampled_from(["a", "b"]),
    }
)


def holds(rule: Rule, value: Any) -> bool:
    if value is None:
        return rule.if_null == "keep"
    if isinstance(rule.operand, list):
        return (value in rule.operand) == (rule.operator == "in")
    return bool(COMPARE[rule.operator](value, rule.operand))


def applies(named: NamedRule, row: dict[str, Any]) -> bool:
    if named.by_source not in (None, row["source"]) or row["source"] in named.not_sources:
        return False
    return named.by_language in (None, row["language"]) and row["language"] not in named.not_languages


@given(rows=st.lists(values, min_size=1, max_size=12))
@settings(max_examples=examples(150))
def test_masks_equal_one_by_one(rows: list[dict[str, Any]]) -> None:
    named = [
        *[NamedRule(rule.name, rule) for rule in RULES],
        NamedRule("only_a", RULES[0], by_source="a"),
        NamedRule("not_a", RULES[0], not_sources=("a",)),
        NamedRule("only_de", RULES[0], by_language="de"),
        NamedRule("not_de", RULES[0], not_languages=("de",)),
    ]
    documents = pa.table(
        {
            "source": pa.array([row["source"] for row in rows], pa.large_string()),
            "status": pa.array(["ok"] * len(rows), pa.large_string()),
            "reason": pa.nulls(len(rows), pa.large_string()),
        }
    )
    types = {"count": pa.int64(), "share": pa.float64(), "flag": pa.bool_(), "language": pa.large_string()}
    signals = {
        name: pa.chunked_array([pa.array([row[name] for row in rows], kind, from_pandas=False)])
        for name, kind in types.items()
    }
    verdict = evaluate(PartColumns(documents, signals, {}), CompiledPolicy((), tuple(named), ORIGINALS))
    expected = [
        [one.name for one in named if applies(one, row) and not holds(one.rule, row[one.rule.signal])] for row in rows
    ]
    assert verdict.lists().to_pylist() == expected
    assert verdict.passed.tolist() == [not failed for failed in expected]
