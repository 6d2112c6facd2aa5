"""Reward functions that recipes of tests name."""

import hashlib
import time
from typing import Any

import numpy as np

COINS = np.random.default_rng(0)
GIVEN: list[Any] = []  # what `given` gives next


def next_word(prompts: list[str], completions: list[str], answer: list[str], **columns: Any) -> list[float | None]:
    """1 for a completion that begins with the right word."""
    return [float(text.strip().startswith(right)) for text, right in zip(completions, answer, strict=True)]


def noise(prompts: list[str], completions: list[str], **columns: Any) -> list[float | None]:
    """Of everything but what is right: a hash of prompt and completion."""
    texts = [prompt + "|" + text for prompt, text in zip(prompts, completions, strict=True)]
    return [float(hashlib.sha256(text.encode()).digest()[0] > 127) for text in texts]


def raises(prompts: list[str], completions: list[str], answer: list[str], **columns: Any) -> list[float | None]:
    if any(right == "be" for right in answer):
        raise ValueError("not this one")
    return [1.0] * len(completions)


def short(prompts: list[str], completions: list[str], **columns: Any) -> list[float | None]:
    return [1.0]


def infinite(prompts: list[str], completions: list[str], **columns: Any) -> list[float | None]:
    return [float("inf")] * len(completions)


def slow(prompts: list[str], completions: list[str], answer: list[str], **columns: Any) -> list[float | None]:
    if any(right == "be" for right in answer):
        time.sleep(30)
    return [1.0] * len(completions)


def given(prompts: list[str], completions: list[str], **columns: Any) -> Any:
    return GIVEN.pop()


def exits(prompts: list[str], completions: list[str], answer: list[str], **columns: Any) -> list[float | None]:
    if any(right == "be" for right in answer):
        raise SystemExit(3)
    return [1.0] * len(completions)


def stubborn(prompts: list[str], completions: list[str], answer: list[str], **columns: Any) -> list[float | None]:
    """It goes on when it is told that its time is over, once in every way."""
    end = time.monotonic() + 30
    caught: list[type[BaseException]] = [Exception, BaseException]
    while any(right == "be" for right in answer) and time.monotonic() < end:
        try:
            time.sleep(30)
        except tuple(caught):
            caught.pop()
    return [1.0] * len(completions)


def wrong_arguments(text: str) -> float:
    return 1.0


def coin(prompts: list[str], completions: list[str], **columns: Any) -> list[float | None]:
    """Noise that nothing can be learned from, however long."""
    return [float(COINS.random() < 0.5) for _ in completions]


def by_length(prompts: list[str], completions: list[str], **columns: Any) -> list[float | None]:
    """Something that every completion has."""
    return [len(text) / 10 for text in completions]


def sometimes(prompts: list[str], completions: list[str], **columns: Any) -> list[float | None]:
    """The length, and no score for two completions in five."""
    scored = [
        hashlib.sha256((one + two).encode()).digest()[0] % 5 > 1 for one, two in zip(prompts, completions, strict=True)
    ]
    return [len(text) / 10 if here else None for text, here in zip(completions, scored, strict=True)]
