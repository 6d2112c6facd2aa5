"""What a book becomes: its text, and what is known of it."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class BookChoices:
    """What of a book is kept.

    front_matter: title page, imprint and the like, before the first chapter or sentence. contents: tables of contents and
    lists of pictures. notes: notes of transcribers and credits of those who made the file. words: further words that are
    known, in lower case, for hyphens at ends of lines.
    """

    front_matter: bool = False
    contents: bool = False
    notes: bool = False
    words: frozenset[str] = frozenset()


@dataclass
class Book:
    """text: paragraphs with a blank line between them; lines of verse each on its own. notes: title, authors, language, ...

    left_out: characters that are not in the text, by what they were (`licence`, `contents`, `running_heads`, ...).
    damage: what of the file could not be read, in words; None: it is whole.
    """

    text: str
    notes: dict[str, Any] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)
    damage: str | None = None


class BookError(ValueError):
    """A file that gives no book. reason: a short snake_case fact."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
