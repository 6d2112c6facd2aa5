"""Books made up for tests: paragraphs of sentences, wrapped as typists wrapped them."""

import random
import textwrap

WORDS = [
    "mill",
    "water",
    "wheel",
    "stone",
    "grain",
    "flour",
    "river",
    "wind",
    "sail",
    "door",
    "window",
    "evening",
    "morning",
    "stranger",
    "keeper",
    "brother",
    "journey",
    "letter",
    "harvest",
    "barley",
    "winter",
    "summer",
    "lantern",
    "shadow",
    "garden",
    "village",
    "captain",
    "silence",
    "story",
    "bridge",
    "market",
]


def sentence(draw: random.Random, least: int = 8, most: int = 18) -> str:
    words = [draw.choice(WORDS) for _ in range(draw.randint(least, most))]
    return " ".join(["The", *words]) + "."


def prose(seed: int, sentences: int = 6) -> str:
    draw = random.Random(seed)
    return " ".join(sentence(draw) for _ in range(sentences))


def wrapped(text: str, width: int = 72, indent: str = "") -> str:
    return "\n".join(
        textwrap.wrap(text, width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
    )


def chapters(count: int, paragraphs: int = 4) -> list[tuple[str, list[str]]]:
    """(heading, paragraphs) of a made-up book."""
    return [
        (
            f"CHAPTER {'I' * (number + 1)}. The {WORDS[number].title()}",
            [prose(100 * number + one) for one in range(paragraphs)],
        )
        for number in range(count)
    ]


VERSE = "\n".join(
    [
        "The wheel goes round, the water falls,",
        "And still the miller never calls",
        "His daughter from the garden gate,",
        "Though it is late, though it is late.",
    ]
)
