"""How much work a function does, in calls instead of seconds: the same on every machine and every day."""

import sys
from collections.abc import Callable
from typing import Any

MOST_GROWTH = 2.4  # of what doubling adds, each time; 2 is linear, 4 is quadratic


def count_calls(function: Callable[[], Any]) -> int:
    """Calls of Python and C functions that `function()` makes in this thread; each step of a generator is one."""
    count = 0

    def seen(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(seen)
    try:
        function()
    finally:
        sys.setprofile(before)
    return count


def assert_linear(work: Callable[[int], float], size: int) -> None:
    """What `work` costs grows at most in proportion to its argument, seen at `size`, twice and four times as much."""
    work(size)  # imports and caches
    once, twice, four_times = (work(size * factor) for factor in (1, 2, 4))
    growth = (four_times - twice) / max(twice - once, 1)
    assert growth <= MOST_GROWTH, f"{once:,} for {size:,}, {twice:,} for twice, {four_times:,} for four times as much"
