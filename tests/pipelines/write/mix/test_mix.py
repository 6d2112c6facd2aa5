"""Mixing: targets in plain figures, shares of what is drawn, monotony, partitions, and the whole way through a build."""

import math
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from gristmill.console import Console
from gristmill.pipelines.build import build
from gristmill.pipelines.decide.reselect import reselect
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.inspect.explain import explain
from gristmill.pipelines.inspect.report.mixing import mix_report
from gristmill.pipelines.run.draws import unit_draws
from gristmill.pipelines.run.run import Run, open_run
from gristmill.pipelines.write.mix.border import (
    Drawn,
    ScaleRange,
    copies_entering,
    draw_nearest,
    entering_of,
    extra_copies,
    windows_of,
)
from gristmill.pipelines.write.mix.command import mix
from gristmill.pipelines.write.mix.parts import codes_of, copies_of
from gristmill.pipelines.write.mix.stored import mixed_corpus
from gristmill.pipelines.write.mix.targets import GroupStats, MixTargets, mix_targets, solve_scale, weight_of
from gristmill.schemas.errors import GristmillError, RecipeError
from gristmill.schemas.recipe.mix import Mix, Upweight
from gristmill.schemas.yaml_files import validated
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builds import datasets, table, write_jsonl, write_parquet
from tests.generated import examples

QUIET = Console(quiet=True)


def groups(**tokens: int) -> dict[str, GroupStats]:
    return {
        name: GroupStats(max(amount // 100, 1), {0: amount}, amount * 100.0, 100) for name, amount in tokens.items()
    }


def target_tokens(mix: Mix, **tokens: int) -> dict[str, int]:
    return {group.name: group.tokens for group in mix_targets(mix, groups(**tokens)).groups}


def test_shares_hold_and_the_scarcest_group_sets_the_size() -> None:
    found = mix_targets(Mix(shares={"web": 3, "wiki": 1}, max_repetitions=2), groups(web=1_000_000, wiki=100_000))
    assert {group.name: group.tokens for group in found.groups} == {"web": 600_000, "wiki": 200_000}
    assert found.tokens == 800_000
    said = "wiki (at 2 repetitions) sets the size; without that limit the next would allow 2,666,666 tokens"
    assert said in str(found)
    assert "300.000 %" not in str(found)
    assert "2.000" in str(found)


def test_temperature_evens_out() -> None:
    assert target_tokens(Mix(temperature=1.0), a=900_000, b=100_000) == {"a": 900_000, "b": 100_000}
    evened = target_tokens(Mix(temperature=2.0, max_repetitions=9), a=810_000, b=90_000)
    assert evened["a"] / evened["b"] == pytest.approx(3, abs=1e-4)
    same = target_tokens(Mix(temperature=1e9, max_repetitions=9), a=810_000, b=90_000)
    assert same["a"] == pytest.approx(same["b"], abs=2)


def test_caps_and_what_they_cost() -> None:
    wanted = Mix(
        shares={"a": 1, "b": 1},
        tokens=1000,
        limits={"b": {"max_tokens": 200}},  # type: ignore[dict-item]
        if_infeasible="adjust",
    )
    found = mix_targets(wanted, groups(a=5000, b=5000))
    assert {group.name: (group.tokens, group.lost) for group in found.groups} == {"a": (800, 0), "b": (200, 300)}
    assert "costs 300" in str(found)
    with pytest.raises(RecipeError, match=r"b should give 500 tokens, the most is 200.*at most 400 tokens"):
        mix_targets(wanted.model_copy(update={"if_infeasible": "error"}), groups(a=5000, b=5000))
    short = mix_targets(wanted, groups(a=300, b=5000))
    assert short.tokens == 500
    assert "500 tokens short of 1,000" in str(short)


def test_groups_without_share_are_said_to_be_left_out() -> None:
    found = mix_targets(Mix(shares={"a": 1}), groups(a=100, b=50))
    assert "b has no share: its 50 tokens are left out" in str(found)
    with pytest.raises(RecipeError, match="no document kept is of source 'c'"):
        mix_targets(Mix(shares={"c": 1}), groups(a=100))
    with pytest.raises(RecipeError, match="no group"):
        mix_targets(Mix(), {})


@pytest.mark.parametrize(
    "bad", [{"shares": {"a": -1}}, {"shares": {"a": 0}}, {"shares": {"a": 1}, "temperature": 2}, {"by": "url"}]
)
def test_mixes_that_make_no_sense(bad: dict[str, Any]) -> None:
    with pytest.raises(RecipeError):
        validated(Mix, bad)


@settings(max_examples=examples(150))
@given(
    tokens=st.dictionaries(st.integers(-192, 192), st.integers(1, 10_000), min_size=1, max_size=8),
    part=st.floats(0, 1),
    copies=st.integers(1, 5),
)
def test_scales_give_the_tokens_asked_for(tokens: dict[int, int], part: float, copies: int) -> None:
    target = int(part * copies * sum(tokens.values()))
    scale = solve_scale(tokens, target, copies)
    given_tokens = sum(amount * min(copies, scale * weight_of(code)) for code, amount in tokens.items())
    assert given_tokens == pytest.approx(target, rel=1e-9, abs=1e-6)


@settings(max_examples=examples(60))
@given(rate=st.floats(0, 4), more=st.floats(0, 2), seed=st.integers(0, 9))
def test_more_tokens_keep_every_document(rate: float, more: float, seed: int) -> None:
    ids = pa.array([f"{number * 0x9E3779B97F4A7C15 % (1 << 128):032x}" for number in range(300)], pa.large_string())
    fewer, greater = (copies_of(np.full(300, r), unit_draws(ids, seed)) for r in (rate, rate + more))
    assert (greater >= fewer).all()
    assert set(np.unique(fewer)) <= {math.floor(rate), math.floor(rate) + 1}


def random_ids(dice: np.random.Generator, count: int) -> pa.Array:
    numbers = dice.integers(0, 1 << 63, (count, 2))
    return pa.array([f"{high:016x}{low:016x}" for high, low in numbers], pa.large_string())


@dataclass(frozen=True)
class Documents:
    """Documents of one group: tokens, codes of their weights, draws."""

    tokens: np.ndarray
    codes: np.ndarray
    draws: np.ndarray

    @property
    def weights(self) -> np.ndarray:
        return 2.0 ** (self.codes / 64)

    def stats(self) -> GroupStats:
        by_code = {int(code): int(self.tokens[self.codes == code].sum()) for code in np.unique(self.codes)}
        squares = float((self.tokens.astype(float) ** 2).sum())
        return GroupStats(len(self.tokens), by_code, squares, int(self.tokens.max()))

    def used(self, scale: float, extra: np.ndarray, copies: int) -> int:
        used = copies_of(np.minimum(scale * self.weights, copies), self.draws)
        used += extra_copies(used, self.weights, self.draws, extra)
        assert used.max(initial=0) <= copies
        return int((used * self.tokens).sum())


def drawn_of(
    mix: Mix, groups: dict[str, Documents], parts: int = 3
) -> tuple[MixTargets, dict[str, ScaleRange], Drawn, dict[str, int]]:
    """What is drawn of documents that lie in so many parts, and the tokens used with the scales found."""
    stats = {name: documents.stats() for name, documents in groups.items()}
    targets = mix_targets(mix, stats)
    may_shrink = mix.tokens is None
    windows = windows_of(targets, stats, may_shrink=may_shrink)
    below: dict[str, int] = {}
    copies: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    for name, window in windows.items():
        group = groups[name]
        for mine in np.array_split(np.arange(len(group.tokens)), parts):
            before, document, scales = copies_entering(
                group.weights[mine],
                group.draws[mine],
                np.full(len(mine), window.low),
                np.full(len(mine), window.high),
                targets.max_copies,
            )
            below[name] = below.get(name, 0) + int((before * group.tokens[mine]).sum())
            copies.setdefault(name, []).append((scales, group.tokens[mine][document]))
    entering = entering_of(list(windows), below, copies)
    by_source = mix.language_temperature is not None
    drawn = draw_nearest(targets, windows, entering, by_source=by_source, may_shrink=may_shrink)
    none = np.zeros(0)
    used = {n: g.used(drawn.scales[n], drawn.extra.get(n, none), targets.max_copies) for n, g in groups.items()}
    return targets, windows, drawn, used


def documents(seed: int, count: int, median: float, spread: float = 1.0, codes: int = 1) -> Documents:
    dice = np.random.default_rng(seed)
    tokens = dice.lognormal(math.log(median), spread, count).astype(np.int64) + 1
    return Documents(
        tokens, dice.integers(0, codes, count) * 16 - 32 * (codes > 1), unit_draws(random_ids(dice, count), 7)
    )


@settings(max_examples=60)
@given(
    seed=st.integers(0, 1000),
    count=st.integers(1, 400),
    repetitions=st.floats(0.05, 3.5),
    codes=st.integers(1, 6),
    parts=st.integers(1, 5),
)
def test_what_is_drawn_is_the_nearest_there_is(
    seed: int, count: int, repetitions: float, codes: int, parts: int
) -> None:
    """Beside a plain walk over all copies in the order in which they enter."""
    group = documents(seed, count, 300, codes=codes)
    tokens = max(1, int(repetitions * group.tokens.sum()))
    mix = Mix(tokens=tokens, max_repetitions=4, max_copies=8, upweight=Upweight() if codes > 1 else None)
    targets, _, drawn, used = drawn_of(mix, {"web": group}, parts)
    entries = sorted(
        ((number + draw) / weight, size)
        for weight, draw, size in zip(group.weights.tolist(), group.draws.tolist(), group.tokens.tolist(), strict=True)
        for number in range(targets.max_copies)
    )
    sums = np.cumsum([0, *(size for _, size in entries)])
    assert used["web"] == drawn.tokens["web"]
    assert abs(used["web"] - targets.tokens) <= np.abs(sums - targets.tokens).min() <= targets.groups[0].tolerance
    assert "web" in drawn.extra or abs(used["web"] - targets.tokens) == np.abs(sums - targets.tokens).min()


SHARES = {"web": 0.25, "wikipedia": 0.2, "stackexchange": 0.2, "books": 0.15, "code": 0.1, "articles": 0.1}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("tokens", [None, 250_000])
def test_six_sources_of_a_few_hundred_documents_are_within_half_a_point(seed: int, tokens: int | None) -> None:
    medians = {"web": 500, "wikipedia": 400, "stackexchange": 300, "books": 900, "code": 600, "articles": 1500}
    groups = {name: documents(seed * 9 + n, 300, medians[name]) for n, name in enumerate(SHARES)}
    mix = Mix(shares=SHARES, tokens=tokens, max_repetitions=2)
    targets, _, drawn, used = drawn_of(mix, groups)
    whole = sum(used.values())
    assert used == drawn.tokens
    assert drawn.fraction == 1
    assert whole == pytest.approx(tokens or targets.tokens, rel=0.01)
    for name, share in SHARES.items():
        assert used[name] / whole == pytest.approx(share, abs=0.005)


def test_a_few_large_documents_make_the_mix_smaller_not_the_shares_wrong() -> None:
    books = Documents(np.array([40_000, 60_000, 50_000, 55_000]), np.zeros(4, np.int64), np.array([0.1, 0.3, 0.5, 0.7]))
    groups = {"books": books, "web": documents(3, 3000, 500)}
    wanted = Mix(shares={"books": 1, "web": 4}, limits={"books": {"max_tokens": 108_000}})  # type: ignore[dict-item]
    _, _, drawn, used = drawn_of(wanted, groups)
    assert used["books"] == 100_000
    assert used["books"] / sum(used.values()) == pytest.approx(0.2, abs=0.005)
    assert 0.9 <= drawn.fraction < 1
    fixed = wanted.model_copy(update={"tokens": 500_000})
    targets, _, drawn, used = drawn_of(fixed, groups)
    assert drawn.fraction == 1
    assert all(abs(used[group.name] - group.tokens) <= group.tolerance for group in targets.groups)


def test_languages_of_a_source_make_up_for_each_other() -> None:
    groups = {f"wiki/{n:02}": documents(n, 12, 400) for n in range(40)} | {
        f"web/{n:02}": documents(99 + n, 400, 400) for n in range(2)
    }
    mix = Mix(shares={"wiki": 1, "web": 1}, language_temperature=1.5, max_repetitions=1.5, tokens=200_000)
    _, _, _, used = drawn_of(mix, groups)
    wiki = sum(tokens for name, tokens in used.items() if name.startswith("wiki"))
    assert wiki / sum(used.values()) == pytest.approx(0.5, abs=0.005)


def test_a_large_corpus_is_not_looked_at_document_by_document() -> None:
    groups = {"web": documents(1, 180_000, 400), "wiki": documents(2, 20_000, 400)}
    mix = Mix(shares={"web": 0.7, "wiki": 0.3}, max_repetitions=2.3)
    targets, windows, _, used = drawn_of(mix, groups)
    for group in targets.groups:
        assert abs(used[group.name] - group.tokens) <= group.tolerance
        mine, window = groups[group.name], windows[group.name]
        ends = (np.full(len(mine.tokens), edge) for edge in (window.low, window.high))
        _, listed, _ = copies_entering(mine.weights, mine.draws, *ends, targets.max_copies)
        assert len(listed) < 60 * math.sqrt(len(mine.tokens))
    assert used["wiki"] / sum(used.values()) == pytest.approx(0.3, abs=0.0001)
    assert targets.groups[1].repetitions == pytest.approx(2.3, abs=1e-6)


def test_weights_follow_their_definition() -> None:
    codes = codes_of(np.array([1, 4, 1e9, 0.0, -2, np.nan, 0.01]), Upweight(power=0.5, min_weight=0.25, max_weight=4))
    assert [weight_of(code) for code in codes] == pytest.approx([1, 2, 4, 0.25, 0.25, 1, 0.25], rel=0.006)


def material() -> list[dict[str, Any]]:
    dice = random.Random(2)
    rows = []
    for number in range(600):
        text = " ".join(dice.choices(["mill", "river", "grain", "stone", "flour"], k=dice.randint(5, 80)))
        rows.append({"id": f"d{number}", "text": f"{number} {text}"})
    rows += [{"id": f"copy-{n}-{k}", "text": rows[n]["text"]} for n in range(30) for k in range(5)]
    return rows


RECIPE: dict[str, Any] = {
    "name": "mixed",
    "seed": 4,
    "mix": {"shares": {"web": 1, "wiki": 1}, "max_repetitions": 3.5, "upweight": {"by": "cluster_size"}},
}


def sources(folder: Path, rows: list[dict[str, Any]], suffix: str) -> list[dict[str, Any]]:
    write = write_jsonl if suffix == "jsonl" else write_parquet
    chosen = {
        "wiki": [row for row in rows if row["id"].endswith("7")],
        "web": [row for row in rows if row["id"][-1] != "7"],
    }
    return [
        {"name": name, "path": str(write(folder / f"{name}.{suffix}", mine)), "columns": {"id": "id"}}
        for name, mine in chosen.items()
    ]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("mix")
    return build(
        RECIPE | {"sources": sources(folder, material(), "jsonl")}, folder / "run", console=QUIET, report=False
    )


def drawn(rows: list[dict[str, Any]], source: str) -> int:
    return sum(row["copies"] * row["tokens"] for row in rows if row["source"] == source)


def test_a_build_writes_the_mix(run: Run) -> None:
    rows = table(Path(run.storage.root), "mixed").to_pylist()
    corpus = {row["doc_id"]: row for row in table(Path(run.storage.root), "corpus").to_pylist()}
    assert all({**row, "copies": 0} == {**corpus[row["doc_id"]], "copies": 0} for row in rows)
    manifest = mixed_corpus(run)
    assert manifest is not None
    targets = {group["name"]: group for group in manifest.facts["targets"]["groups"]}
    for name, group in targets.items():
        assert abs(drawn(rows, name) - group["tokens"]) <= group["tolerance"]
        assert group["share"] == pytest.approx(0.5, abs=1e-3)
    assert max(row["copies"] for row in rows) <= manifest.facts["targets"]["max_copies"]
    used = {row["doc_id"]: row["copies"] for row in rows}
    means = [
        np.mean(
            [used.get(i, 0) for i, row in corpus.items() if row["source"] == "web" and (row["cluster_size"] > 1) is big]
        )
        for big in (True, False)
    ]
    assert means[0] > 1.5 * means[1]  # six copies weigh 2.4 times one


def test_partitions_formats_and_order_change_nothing(run: Run, tmp_path: Path) -> None:
    rows = material()
    random.Random(9).shuffle(rows)
    other = build(
        RECIPE | {"sources": sources(tmp_path, rows, "parquet")},
        tmp_path / "run",
        console=QUIET,
        report=False,
        engine=Engine(partitions=3),
    )
    digests = [datasets(Path(one.storage.root))["mixed"].digest for one in (run, other)]
    assert digests[0] == digests[1]
    stats = [
        sorted(
            table(Path(one.storage.root), "mix/weights")
            .group_by(["group", "code"])
            .aggregate([("tokens", "sum")])
            .to_pylist(),
            key=str,
        )
        for one in (run, other)
    ]
    assert stats[0] == stats[1]


def test_a_dry_run_writes_nothing_and_other_mixes_replace_it(run: Run, tmp_path: Path) -> None:
    before = datasets(Path(run.storage.root))["mixed"].digest
    (tmp_path / "mix.yaml").write_text("mix: {shares: {web: 1}, max_repetitions: 0.5}\n", encoding="utf-8")
    targets = mix(run, tmp_path / "mix.yaml", dry_run=True, console=QUIET)
    assert [group.repetitions for group in targets.groups] == pytest.approx([0.5, 0.0], abs=1e-3)
    assert datasets(Path(run.storage.root))["mixed"].digest == before
    kept = {row["doc_id"]: row["copies"] for row in table(Path(run.storage.root), "mixed").to_pylist()}
    mix(
        run,
        {"shares": {"web": 1, "wiki": 1}, "max_repetitions": 5, "upweight": {"by": "cluster_size"}, "max_copies": 8},
        console=QUIET,
    )
    grown = {row["doc_id"]: row["copies"] for row in table(Path(run.storage.root), "mixed").to_pylist()}
    assert all(grown.get(doc_id, 0) >= copies for doc_id, copies in kept.items())
    mix(run, console=QUIET)  # the recipe's own again
    assert datasets(Path(run.storage.root))["mixed"].digest == before


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"upweight": {"by": "no_such"}}, "cannot be upweighted by 'no_such'"),
        ({"upweight": {"by": "word_count"}}, "did not measure 'word_count'"),
        ({"shares": {"wbe": 1}}, "no document kept is of source 'wbe'"),
        ({"tokens": 10**9}, "at most"),
    ],
)
def test_mixes_that_cannot_be_had(run: Run, wanted: dict[str, Any], said: str) -> None:
    with pytest.raises(GristmillError, match=said):
        mix(run, wanted, console=QUIET)


def test_a_corpus_written_from_other_decisions_is_not_the_mixed_one(run: Run) -> None:
    assert mixed_corpus(open_run(run.storage.url)) is not None
    assert mixed_corpus(reselect(run, {"min_text_bytes": 200}, "long", console=QUIET)) is None


def test_explain_and_report_say_how_often(run: Run) -> None:
    rows = table(Path(run.storage.root), "mixed").to_pylist()
    assert f"used {rows[0]['copies']} times in the mix" in str(explain(run, rows[0]["doc_id"]))
    found = mix_report(run)
    assert found is not None
    assert sum(found.documents_by_copies.values()) == len(rows)
    assert "at 3.5 repetitions" in str([group.limit for group in found.groups])


def test_documents_are_upweighted_by_a_signal(tmp_path: Path) -> None:
    upweight = {"by": "word_count", "power": 1, "min_weight": 1, "max_weight": 64}
    wanted = {"max_repetitions": 2, "tokens": 15_000, "upweight": upweight, "max_copies": 9}
    made = build(
        {"name": "long", "mix": wanted, "sources": sources(tmp_path, material(), "jsonl")},
        tmp_path / "run",
        console=QUIET,
        report=False,
        engine=Engine(partitions=2),
    )
    corpus = table(tmp_path / "run", "corpus").to_pylist()
    used = {row["doc_id"]: row["copies"] for row in table(tmp_path / "run", "mixed").to_pylist()}
    words = {row["doc_id"]: len(row["text"].split()) for row in corpus}
    means = [np.mean([used.get(i, 0) for i, n in words.items() if low <= n < low + 20]) for low in (1, 21, 41)]
    assert means[0] < means[1] < means[2]
    targets = mix(made, dry_run=True, console=QUIET)
    assert abs(sum(row["tokens"] * used.get(row["doc_id"], 0) for row in corpus) - 15_000) < sum(
        g.tolerance for g in targets.groups
    )


def test_documents_without_language_are_a_group(run: Run) -> None:
    (group,) = mix(run, {"by": "language"}, dry_run=True, console=QUIET).groups
    assert (group.name, group.documents) == ("unknown", table(Path(run.storage.root), "corpus").num_rows)


def test_languages_in_each_source_by_temperature() -> None:
    stats = groups(**{"wiki/de": 810_000, "wiki/la": 90_000, "web/de": 3_000_000, "web/la": 1_000})
    wanted = Mix(shares={"web": 1, "wiki": 1}, language_temperature=2, max_repetitions=4, tokens=800_000)
    found = {group.name: group for group in mix_targets(wanted, stats).groups}
    assert found["wiki/de"].tokens + found["wiki/la"].tokens == pytest.approx(400_000, abs=3)
    assert found["wiki/de"].tokens / found["wiki/la"].tokens == pytest.approx(3, abs=1e-3)
    assert found["web/la"].tokens == 4_000  # at its limit; the other language of the source fills up
    assert found["web/la"].limit == "at 4 repetitions"
    assert found["web/de"].tokens == pytest.approx(396_000, abs=3)
    named = Mix(language_temperature=1, limits={"wiki": {"max_tokens": 90_000}, "web/la": {"max_repetitions": 0.5}})
    found = {group.name: group for group in mix_targets(named, stats).groups}
    assert found["wiki/de"].tokens == pytest.approx(81_000, abs=2)
    assert found["web/la"].tokens <= 500
    with pytest.raises(RecipeError, match="no document kept is of source 'wiki/de'"):
        mix_targets(Mix(shares={"wiki/de": 1}, language_temperature=1), stats)
    with pytest.raises(RecipeError, match="language_temperature with by: language"):
        validated(Mix, {"by": "language", "language_temperature": 2})


def test_what_repetition_costs_is_said() -> None:
    found = mix_targets(Mix(shares={"web": 1, "wiki": 1}, max_repetitions=4), groups(web=400_000, wiki=100_000))
    assert [group.worth / group.tokens for group in found.groups] == pytest.approx([1, 0.931], abs=1e-3)
    assert "93.1 %" in str(found)
    assert "the mix: 800,000 tokens of 500,000 in the corpus, worth 772,567 fresh ones" in str(found)


def test_the_result_is_said_after_it_was_drawn(run: Run) -> None:
    manifest = mixed_corpus(run)
    assert manifest is not None
    rows = table(Path(run.storage.root), "mixed").to_pylist()
    assert manifest.facts["drawn"] == {name: drawn(rows, name) for name in ("web", "wiki")}
    with_languages = mix(run, {"language_temperature": 5, "max_repetitions": 2}, console=QUIET)
    assert all("/" in group.name for group in with_languages.groups)
    mix(run, console=QUIET)
