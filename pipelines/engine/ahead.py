"""Waiting side by side: requests to a store take time, not work."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


def map_ahead(function: Callable[[Item], Answer], items: Iterable[Item], at_once: int) -> Iterator[Answer]:
    """`map` in order, with up to `at_once` calls running in threads ahead of the answer that is taken.

    No more than `at_once` answers wait at any time, however many items there are. The first error ends the iteration.
    """
    remaining = iter(items)
    with ThreadPoolExecutor(at_once, thread_name_prefix="gristmill-ahead") as threads:
        waiting: deque[Future[Answer]] = deque(threads.submit(function, item) for item in islice(remaining, at_once))
        try:
            while waiting:
                answer = waiting.popleft().result()
                waiting.extend(threads.submit(function, item) for item in islice(remaining, 1))
                yield answer
        finally:
            for future in waiting:
                future.cancel()
