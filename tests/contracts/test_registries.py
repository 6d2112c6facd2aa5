"""Everything registered loads, fits together, and is named once."""

from collections import Counter

import pytest
from gristmill.filters.profiles import PROFILES, profile
from gristmill.filters.registry import FAMILIES, family, find_signal, signals
from gristmill.filters.transforms.registry import TEXT_VERSIONS, TRANSFORMS, transform
from gristmill.pipelines.policy.compile import DOCUMENT_SIGNALS, compile_policy
from gristmill.pipelines.sources.readers.registry import READERS, reader
from gristmill.schemas.recipe.policy import Floor, Policy
from gristmill.schemas.rows.registry import row_kind


def test_signal_names_are_columns_and_unique() -> None:
    names = Counter(signal.name for name in FAMILIES for signal in family(name).signals)
    assert [name for name, count in names.items() if count > 1] == []
    assert all(name.isidentifier() and name == name.lower() for name in names)
    assert not set(names) & set(DOCUMENT_SIGNALS)


def test_a_signal_is_found_without_importing_other_families() -> None:
    for name, (owner, signal) in signals().items():
        assert find_signal(name) == (owner, signal)
    assert find_signal("word_cont") is None


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_is_registered_under_its_name_and_can_be_called(name: str) -> None:
    assert family(name).name == name
    assert family(name).recipe_key or callable(family(name).function)  # a step measures those with a key of their own
    assert set(family(name).library_versions()) == set(family(name).libraries)


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_compiles_and_reads_known_signals(name: str) -> None:
    chosen = profile(name)
    assert chosen.name == name
    rules = [rule.name for rule in chosen.rules]
    assert len(rules) == len(set(rules))
    assert {rule.signal_name for rule in chosen.rules} <= set(signals()) | set(DOCUMENT_SIGNALS)
    kinds = {kind for rule in chosen.rules for kind in _kinds(rule.signal_name)} or {"document"}
    for kind in map(row_kind, kinds):
        assert compile_policy(Policy(profiles=(name,)), Floor(), kind=kind).texts.default == chosen.text_version


def _kinds(signal: str) -> tuple[str, ...]:
    """The kinds of rows that a signal is for; () for all."""
    return signals()[signal][0].rows if signal in signals() else ()


def test_transforms_text_versions_and_readers_load() -> None:
    assert all(callable(transform(name)) for name in TRANSFORMS)
    assert {name for chain in TEXT_VERSIONS.values() for name, _ in chain} <= set(TRANSFORMS)
    assert all(callable(reader(name).splits) and callable(reader(name).read) for name in READERS)
