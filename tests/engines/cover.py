"""The factors that must not change a corpus, and the builds that try every pair of their levels."""

import itertools
from typing import NamedTuple

ENGINES = ("sail", "spark", "cluster")
PARTITIONS = (1, 3, 17)
ORDERS = ("sorted", "shuffled")
HASH_SEEDS = ("0", "1")
LEVELS = (ENGINES, PARTITIONS, ORDERS, HASH_SEEDS)


class Case(NamedTuple):
    """One build."""

    engine: str
    partitions: int
    order: str
    hash_seed: str

    @property
    def name(self) -> str:
        return "-".join(map(str, self))


def full_cross() -> list[Case]:
    return [Case(*levels) for levels in itertools.product(*LEVELS)]


def pairwise_cover() -> list[Case]:
    """Nine builds, the fewest for factors of three and three levels: an orthogonal array whose last columns fold."""
    cases = []
    for engine, partitions in itertools.product(range(3), range(3)):
        order, seed = min(1, (engine + partitions) % 3), min(1, (engine + 2 * partitions) % 3)
        cases.append(Case(ENGINES[engine], PARTITIONS[partitions], ORDERS[order], HASH_SEEDS[seed]))
    return cases


def quick_cover() -> list[Case]:
    """Four of the nine: every partitioning on the embedded engine, one on local Spark; a cluster is in the full cross."""
    wanted = dict(zip(ENGINES, (3, 1, 0), strict=True))
    return [case for case in pairwise_cover() if PARTITIONS.index(case.partitions) < wanted[case.engine]]


def missing_pairs(cases: list[Case]) -> set[tuple[object, object]]:
    """Pairs of levels of two factors that no case has."""
    wanted = {
        (a, b, x, y) for a, b in itertools.combinations(range(len(LEVELS)), 2) for x in LEVELS[a] for y in LEVELS[b]
    }
    return wanted - {(a, b, case[a], case[b]) for case in cases for a, b in itertools.combinations(range(4), 2)}
