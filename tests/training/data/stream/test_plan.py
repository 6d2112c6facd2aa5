"""The plan: every token once per epoch of its source, whatever the packing, the mixture and its changes."""

from pathlib import Path

import numpy as np
import pytest
from gristmill.schemas.errors import RecipeError, RunError
from gristmill.training.data.stream.dataset import PlanDataset
from gristmill.training.data.stream.history import StreamHistory
from gristmill.training.data.stream.plan import Plan, PlanConfig
from gristmill.training.data.stream.shards import ShardSet
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.generated import examples
from tests.made_shards import numbered, write_shards

FIRST = 10  # ids below are special


def corpus(folder: Path, **options: object) -> ShardSet:
    """Three sources, 5,000 tokens of all different ids: lengths from 0 to several windows, several shards."""
    rng = np.random.default_rng(3)
    web, books, code = rng.integers(0, 60, 90), rng.integers(0, 300, 9), rng.integers(1, 20, 40)
    shards = {
        "web-00000": numbered(web[:50], 10),
        "web-00001": numbered(web[50:], 10_000),
        "books-00000": numbered(books, 20_000),
        "code-00000": numbered(code[:10], 30_000),
        "code-00001": numbered(code[10:11], 31_000),
        "code-00002": numbered(code[11:], 32_000),
    }
    return ShardSet.open(write_shards(folder, shards, **options))  # type: ignore[arg-type]


def all_tokens(shards: ShardSet, source: str | None = None) -> list[int]:
    names = [shard.name for shard in shards.manifest.shards if source in (None, shard.source)]
    return sorted(int(token) for name in names for token in shards.mapped(name).tokens)


def real(batch: dict[str, np.ndarray]) -> list[int]:
    """The ids served, without padding, sorted."""
    ids = batch["input_ids"]
    return np.sort(ids[ids >= FIRST]).tolist()


@pytest.mark.parametrize("packing", [False, True])
@pytest.mark.parametrize("window", [2, 16, 37, 4096])
def test_one_epoch_is_every_token_once(tmp_path: Path, packing: bool, window: int) -> None:
    shards = corpus(tmp_path / "shards")
    plan = Plan.build(shards, PlanConfig(window=window, packing=packing, block_documents=20), tmp_path)
    data = PlanDataset(plan)
    epochs = [data.batch(n * len(data), (n + 1) * len(data)) for n in range(3)]
    for epoch in epochs:
        assert real(epoch) == all_tokens(shards)
    if window < 4096:  # else there are as few sequences as sources
        assert len({epoch["input_ids"].tobytes() for epoch in epochs}) == 3


@pytest.mark.parametrize("packing", [False, True])
def test_mixture_serves_every_token_once_per_source_epoch(tmp_path: Path, packing: bool) -> None:
    """Under weights and two changes of them, each source goes through all its tokens before any comes again."""
    shards = corpus(tmp_path / "shards")
    config = PlanConfig(window=16, packing=packing, block_documents=20, mixture={"web": 0.2, "books": 0.5, "code": 0.3})
    plan = Plan.build(shards, config, tmp_path)
    history = StreamHistory.open(None, plan)
    history.append("mixture", 77, {"weights": {"web": 0.9, "code": 0.1}})
    history.append("mixture", 301, {"weights": None})
    data = PlanDataset(plan, history)
    count = 3 * plan.sequences
    served = data.batch(0, count)["input_ids"]
    sources, epochs, places = plan.locate(data.positions(0, count), history.phases)
    assert not (sources[77:301] == 0).any()  # books, by name the first, has no weight in the second phase
    for number, source in enumerate(plan.sources):
        mine = np.flatnonzero(sources == number)
        assert epochs[mine].tolist() == [k // source.sequences for k in range(len(mine))]
        for epoch in range(len(mine) // source.sequences):
            rows = mine[epoch * source.sequences : (epoch + 1) * source.sequences]
            assert sorted(places[rows].tolist()) == list(range(source.sequences))
            assert real({"input_ids": served[rows]}) == all_tokens(shards, source.name)


def test_mixture_shares_are_of_tokens(tmp_path: Path) -> None:
    shards = corpus(tmp_path / "shards")
    plan = Plan.build(shards, PlanConfig(window=16, mixture={"web": 0.25, "books": 0.75}))
    ids = PlanDataset(plan).batch(0, 4000)["input_ids"]
    books = ((ids >= 20_000) & (ids < 30_000)).sum() / (ids >= FIRST).sum()
    assert books == pytest.approx(0.75, abs=0.002)


@given(st.lists(st.tuples(st.integers(0, 500), st.lists(st.integers(0, 5), min_size=3, max_size=3)), max_size=4))
@settings(max_examples=examples(40))
def test_any_changes_of_mixture_neither_repeat_nor_lose(tmp_path_factory, changes) -> None:  # type: ignore[no-untyped-def]
    """Positions are dense in every source under any sequence of phases, and found again from what they serve."""
    plan = _shared_plan(tmp_path_factory)
    phases = [plan.first_phase()]
    for position, weights in sorted(changes):
        named = {source.name: float(w) for source, w in zip(plan.sources, weights, strict=True)}
        quotas = plan.weighted(named) if any(weights) else plan.natural()
        phases = plan.next_phase(phases, position, quotas)
    sources, epochs, places = plan.locate(np.arange(700), phases)
    for number, source in enumerate(plan.sources):
        mine = sources == number
        seen = epochs[mine] * source.sequences
        assert (seen // source.sequences == np.arange(mine.sum()) // source.sequences).all()
        for epoch in range(int(mine.sum()) // source.sequences):
            assert sorted(places[mine & (epochs == epoch)].tolist()) == list(range(source.sequences))
        for place in range(0, source.sequences, 17):
            found = np.flatnonzero(mine & (places == place)).tolist()
            assert plan.positions_of(number, place, phases, 700) == found


_PLANS: list[Plan] = []


def _shared_plan(tmp_path_factory) -> Plan:  # type: ignore[no-untyped-def]
    if not _PLANS:
        _PLANS.append(Plan.build(corpus(tmp_path_factory.mktemp("shards")), PlanConfig(window=16)))
    return _PLANS[0]


def test_tail_of_a_source_is_one_padded_window(tmp_path: Path) -> None:
    shards = ShardSet.open(write_shards(tmp_path, {"a-00000": numbered([10, 9])}))
    data = PlanDataset(Plan.build(shards, PlanConfig(window=8)))
    rows = sorted(data.batch(0, len(data))["input_ids"].tolist())
    assert rows == [[*range(10, 18)], [*range(18, 26)], [26, 27, 28, 1, 1, 1, 1, 1]]


def test_plan_id_is_of_shards_cut_and_seed(tmp_path: Path) -> None:
    shards = corpus(tmp_path / "a")
    same = corpus(tmp_path / "b")
    config = PlanConfig(window=16)
    plan = Plan.build(shards, config)
    assert Plan.build(same, config).plan_id == plan.plan_id
    assert Plan.build(shards, PlanConfig(window=16, mixture={"web": 1.0})).plan_id == plan.plan_id
    others = [PlanConfig(window=17), PlanConfig(window=16, seed=1), PlanConfig(window=16, packing=True)]
    ids = {Plan.build(shards, other, tmp_path / f"p{i}").plan_id for i, other in enumerate(others)}
    changed = ShardSet.open(write_shards(tmp_path / "c", {"web-00000": numbered([5, 6])}))
    ids |= {Plan.build(changed, config).plan_id, plan.plan_id}
    recut = ShardSet.open(write_shards(tmp_path / "d", {"web-00000": numbered([6, 5])}))  # other document boundaries
    ids |= {Plan.build(recut, config).plan_id}
    assert len(ids) == 6


def test_seed_changes_the_order(tmp_path: Path) -> None:
    shards = corpus(tmp_path)
    one, other = (PlanDataset(Plan.build(shards, PlanConfig(window=16, seed=seed))).batch(0, 50) for seed in (0, 1))
    assert (one["input_ids"] != other["input_ids"]).any(axis=1).sum() > 40


def test_plan_folder_gives_the_plan_again_and_refuses_other_shards(tmp_path: Path) -> None:
    plan = Plan.build(corpus(tmp_path / "shards"), PlanConfig(window=16, packing=True, seed=5), tmp_path / "run")
    again = Plan.load(tmp_path / "run")
    assert again.plan_id == plan.plan_id
    assert (PlanDataset(again).batch(0, 20)["input_ids"] == PlanDataset(plan).batch(0, 20)["input_ids"]).all()
    write_shards(tmp_path / "others", {"web-00000": numbered([5, 6])})
    with pytest.raises(RunError, match="point to the shards the run was started with"):
        Plan.load(tmp_path / "run", shards=tmp_path / "others")
    with pytest.raises(RunError, match="start another run in another folder"):
        Plan.build(plan.shards, PlanConfig(window=16, packing=True, seed=6), tmp_path / "run")
    assert Plan.load(tmp_path / "run").plan_id == plan.plan_id
    with pytest.raises(RunError, match=r"no plan\.json"):
        Plan.load(tmp_path)


def test_shards_added_later_are_another_plan(tmp_path: Path) -> None:
    shards = {"web-00000": numbered([30, 40])}
    before = ShardSet.open(write_shards(tmp_path / "shards", shards))
    plan = Plan.build(before, PlanConfig(window=16), tmp_path / "run")
    added = {**shards, "web-delta001-00000": numbered([20], 500)}
    write_shards(tmp_path / "shards", added, generations={"web-delta001-00000": 1})
    assert Plan.load(tmp_path / "run").plan_id == plan.plan_id
    assert Plan.build(ShardSet.open(tmp_path / "shards"), PlanConfig(window=16)).tokens == plan.tokens + 20


def test_far_positions_need_no_walk(tmp_path: Path) -> None:
    """Position 10**15, many thousand epochs on, is served like the first and is the same when asked again."""
    data = PlanDataset(Plan.build(corpus(tmp_path), PlanConfig(window=16, mixture={"web": 0.5, "code": 0.5})))
    far = data.batch(10**15, 10**15 + 3)
    assert (far["input_ids"] == data.batch(10**15, 10**15 + 3)["input_ids"]).all()


def test_metadata_grows_with_shards_not_documents(tmp_path: Path) -> None:
    few = Plan.build(ShardSet.open(write_shards(tmp_path / "a", {"a-00000": numbered([4000])})), PlanConfig(window=16))
    many = Plan.build(
        ShardSet.open(write_shards(tmp_path / "b", {"a-00000": numbered([1] * 4000)})), PlanConfig(window=16)
    )
    assert [(s.edges, s.sequences) for s in few.sources] == [(s.edges, s.sequences) for s in many.sources]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"window": 16, "packing": True}, "name a folder for the bin index"),
        ({"window": 16, "split": "validation"}, "no tokens in split validation"),
        ({"window": 16, "mixture": {"wbe": 1}}, "mixture names wbe"),
        ({"window": 16, "generation": 3}, "generation 3; expected at most 0"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(tmp_path: Path, config: dict, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        Plan.build(corpus(tmp_path), PlanConfig(**config))
