"""The history: what is served under skips and unskips, against a plain list; a chain that shows any change."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from gristmill.schemas.errors import RunError
from gristmill.training.data.order import ServedOrder
from gristmill.training.data.stream.history import StreamHistory
from gristmill.training.data.stream.plan import Plan, PlanConfig
from gristmill.training.data.stream.shards import ShardSet
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.generated import examples
from tests.made_shards import numbered, write_shards

LENGTH = 400


class PlainOrder:
    """The served order as a list, changed event by event."""

    def __init__(self) -> None:
        self.order = list(range(LENGTH))
        self.late: set[int] = set()
        self.skipped: set[int] = set()

    def skip(self, served: int, ranges: list[tuple[int, int]]) -> None:
        named = {p for a, b in ranges for p in range(a, b)}
        rest = self.order[served:]
        self.skipped |= named & set(rest)
        self.order = self.order[:served] + [p for p in rest if p not in named]

    def unskip(self, served: int, ranges: list[tuple[int, int]]) -> None:
        rest = self.order[served:]
        late = [p for p in rest if p in self.late]
        in_turn = [p for p in rest if p not in self.late]
        back = sorted(self.skipped & {p for a, b in ranges for p in range(a, b)})
        passed = [p for p in back if p < in_turn[0]]
        self.late = self.late - set(back) | set(passed)  # one that was late before, and comes in its turn now, is not
        self.skipped -= set(back)
        self.order = self.order[:served] + late + passed + sorted(in_turn + [p for p in back if p > in_turn[0]])


RANGES = st.lists(
    st.tuples(st.integers(0, 60), st.integers(1, 9)).map(lambda r: (r[0], r[0] + r[1])), min_size=1, max_size=3
)
EVENTS = st.lists(st.tuples(st.sampled_from(["skip", "unskip"]), st.integers(0, 60), RANGES), max_size=8)


@given(EVENTS)
@example(  # 30 comes late, is skipped again, and comes back in its turn
    [
        ("skip", 0, [(0, 1), (22, 31)]),
        ("unskip", 21, [(0, 1), (30, 38)]),
        ("skip", 5, [(0, 9), (22, 31)]),
        ("unskip", 16, [(22, 31)]),
        ("unskip", 0, [(24, 33)]),
    ]
)
@settings(max_examples=examples(250))
def test_served_order_equals_a_plain_list(events: list) -> None:
    served, plain = ServedOrder(), PlainOrder()
    for kind, position, ranges in events:
        before = served.positions(np.arange(position)).tolist()
        served = getattr(served, kind)(position, ranges)
        getattr(plain, kind)(position, ranges)
        assert served.positions(np.arange(position)).tolist() == before  # what was served stays
    order = served.positions(np.arange(200)).tolist()
    assert order == plain.order[:200]
    for position in range(100):
        assert served.served_of(position) == [
            k for k in range(LENGTH - 80) if k < len(plain.order) and plain.order[k] == position
        ]


def plan(folder: Path, mixture: dict[str, float] | None = None) -> Plan:
    shards = ShardSet.open(
        write_shards(folder / "shards", {"a-00000": numbered([40] * 50), "b-00000": numbered([9] * 50, 9000)})
    )
    return Plan.build(shards, PlanConfig(window=16, mixture=mixture))


def test_chain_is_read_back(tmp_path: Path) -> None:
    made = plan(tmp_path, {"a": 0.5, "b": 0.5})
    history = StreamHistory.open(tmp_path / "history.jsonl", made)
    history.append("skip", 20, {"ranges": [[20, 24]], "reason": "loss spike"})
    history.append("note", 25, {"text": "läuft"})
    history.append("mixture", 40, {"weights": {"a": 1.0}})
    history.append("unskip", 50, {"ranges": [[21, 22]]})
    again = StreamHistory.open(tmp_path / "history.jsonl", made)
    assert [event.event for event in again.events] == ["plan", "mixture", "skip", "note", "mixture", "unskip"]
    assert again.head == history.head
    assert again.positions(15, 60).tolist() == history.positions(15, 60).tolist()
    assert again.positions(18, 23).tolist() == [18, 19, 24, 25, 26]
    assert again.positions(48, 53).tolist() == [52, 53, 21, 54, 55]
    assert again.served_of(21) == [50]
    assert again.served_of(20) == []
    assert [phase.start for phase in again.phases] == [0, 44]  # served 40 is plan position 44


@pytest.mark.parametrize("line", range(4))
@pytest.mark.parametrize("harm", ["changed", "removed", "swapped", "resealed"])
def test_any_change_of_the_chain_is_found(tmp_path: Path, line: int, harm: str) -> None:
    made = plan(tmp_path)
    path = tmp_path / "history.jsonl"
    history = StreamHistory.open(path, made)
    for position in (20, 30, 40, 50):
        history.append("skip", position, {"ranges": [[position, position + 4]]})
    state = history.state(60)
    lines = path.read_text().splitlines()
    if harm == "removed":
        del lines[line]
    elif harm == "swapped":
        lines[line], lines[line + 1] = lines[line + 1], lines[line]
    else:
        event = json.loads(lines[line])
        event["data"]["ranges"] = [[1, 2]]
        lines[line] = json.dumps(event)
    path.write_text("".join(text + "\n" for text in lines))
    if harm == "resealed":  # a forger who computes every hash anew is found by the head in the checkpoint
        _reseal(path)
        with pytest.raises(RunError, match=r"is not in this history|history of plan"):
            StreamHistory.open(path, made).check(state)
    else:
        with pytest.raises(RunError, match=r"history\.jsonl: line \d does not follow"):
            StreamHistory.open(path, made)


def _reseal(path: Path) -> None:
    from gristmill.training.data.history import seal

    head, lines = "", []
    for line in path.read_text().splitlines():
        event = json.loads(line)
        head = seal(head, event["event"], event["position"], event["data"])
        lines.append(json.dumps({**event, "head": head}) + "\n")
    path.write_text("".join(lines))


def test_chain_cut_short_is_found_by_the_state(tmp_path: Path) -> None:
    made, path = plan(tmp_path), tmp_path / "history.jsonl"
    history = StreamHistory.open(path, made)
    history.append("skip", 20, {"ranges": [[20, 24]]})
    state = history.state(20)
    path.write_bytes(path.read_bytes().split(b"\n")[0] + b"\n")
    with pytest.raises(RunError, match="changed or truncated"):
        StreamHistory.open(path, made).check(state)


def test_interrupted_line_does_not_count(tmp_path: Path) -> None:
    made, path = plan(tmp_path), tmp_path / "history.jsonl"
    head = StreamHistory.open(path, made).head
    path.write_bytes(path.read_bytes() + b'{"event": "skip", "posi')
    history = StreamHistory.open(path, made)
    assert history.head == head
    history.append("note", 3, {})
    assert [event.event for event in StreamHistory.open(path, made).events] == ["plan", "note"]
    path.write_bytes(b'{"event": "pl')
    assert StreamHistory.open(path, made).head == head  # the same first line again


def test_processes_may_open_a_new_history_at_once(tmp_path: Path) -> None:
    made, path = plan(tmp_path, {"a": 0.5, "b": 0.5}), tmp_path / "run" / "history.jsonl"
    with ThreadPoolExecutor(8) as pool:
        heads = {history.head for history in pool.map(lambda _: StreamHistory.open(path, made), range(8))}
    assert len(heads) == 1
    assert [event.event for event in StreamHistory.open(path, made).events] == ["plan", "mixture"]
    assert [file.name for file in path.parent.iterdir()] == ["history.jsonl"]


def test_truncating_gives_the_moment_back(tmp_path: Path) -> None:
    made, path = plan(tmp_path), tmp_path / "history.jsonl"
    history = StreamHistory.open(path, made)
    history.append("skip", 20, {"ranges": [[20, 24]]})
    head, order = history.head, history.positions(0, 80).tolist()
    history.append("skip", 30, {"ranges": [[36, 44]]})
    history.append("mixture", 50, {"weights": {"a": 1.0}})
    history.truncate(head)
    for one in (history, StreamHistory.open(path, made)):
        assert one.head == head
        assert one.positions(0, 80).tolist() == order
        assert len(one.phases) == 1
    with pytest.raises(RunError, match="is not in this history"):
        history.truncate("0" * 64)


def test_a_skip_undone_gives_the_order_back(tmp_path: Path) -> None:
    history = StreamHistory.open(None, plan(tmp_path))
    history.append("skip", 20, {"ranges": [[30, 40]]})
    history.append("unskip", 20, {"ranges": [[30, 40]]})
    assert history.positions(0, 100).tolist() == list(range(100))


def test_states_that_can_and_cannot_be_resumed(tmp_path: Path) -> None:
    history = StreamHistory.open(None, plan(tmp_path))
    early, late = history.state(20), history.state(40)
    history.append("skip", 20, {"ranges": [[36, 38]]})
    history.append("note", 3, {})
    assert history.check(early) == 20
    with pytest.raises(RunError, match="state at sequence 40 is older than the skip at 20"):
        history.check(late)
    with pytest.raises(RunError, match="state of plan 00"):
        history.check({**early, "plan_id": "00"})


def test_history_of_another_plan_is_refused(tmp_path: Path) -> None:
    made = plan(tmp_path)
    StreamHistory.open(tmp_path / "history.jsonl", made)
    other = Plan.build(made.shards, PlanConfig(window=17))
    with pytest.raises(RunError, match=f"history of plan {made.plan_id}; expected plan {other.plan_id}"):
        StreamHistory.open(tmp_path / "history.jsonl", other)


def test_only_known_events(tmp_path: Path) -> None:
    history = StreamHistory.open(None, plan(tmp_path))
    with pytest.raises(ValueError, match="expected one of"):
        history.append("skpi", 0, {})
    with pytest.raises(ValueError, match="the end after the start"):
        history.append("skip", 0, {"ranges": [[5, 5]]})
    assert [event.event for event in history.events] == ["plan"]
