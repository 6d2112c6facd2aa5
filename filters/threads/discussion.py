"""A tree of posts as Reddit publishes it: which of them say something, and what answers what."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import unescape
from typing import Any

from gristmill.filters.threads.text import Comment

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_GONE = {
    "[deleted]": "deleted",
    "[removed]": "removed",
    "[ removed by reddit ]": "removed",
    "[removed by reddit]": "removed",
    "[deleted by user]": "deleted",
}
_BOT_NAME = re.compile(r"^AutoModerator$|^(?i:automod)|(?:[_-](?i:bot)|[a-z0-9]B[oO][tT])(?:[_-]?\d+)?$|^(?i:bot)[_-]")
_BOT_TEXT = re.compile(
    r"\bI(?: a|')m a bot\b|\bbeep boop\b|\bthis (?:action|comment) was (?:performed|posted) automatically\b",
    re.IGNORECASE,
)
_INVISIBLE = re.compile("[\u200b\ufeff]|&#x200[bB];|&amp;#x200[bB];")


@dataclass
class Post:
    """A post of a tree. parent: the id of the post that it answers; None: the first post. replies: in the order read, the best
    score first."""

    id: str
    text: str
    score: int
    parent: str | None = None
    timestamp: Any = None
    replies: "list[Post]" = field(default_factory=list)


def post_id(value: Any) -> str | None:
    """The id of a post as letters: of `t1_abc`, of `abc`, of its number; None for anything else."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):
        return _letters(value) if 0 <= value < 1 << 63 else None
    return value.lower().rpartition("_")[2] or None if isinstance(value, str) else None


def _letters(number: int) -> str:
    letters = ""
    while number or not letters:
        number, digit = divmod(number, 36)
        letters = _DIGITS[digit] + letters
    return letters


def clean_text(text: str) -> str:
    """A body without the escapes of its dump: `&gt;` is the mark of a quotation."""
    return unescape(_INVISIBLE.sub("", text)).strip()


def why_left_out(author: Any, text: str, *, may_be_empty: bool = False) -> str | None:
    """Why a post says nothing: `deleted`, `removed`, `empty`, `bot`; None where it says something."""
    if (gone := _GONE.get(text.strip().lower())) is not None:
        return gone
    if not text.strip() and not may_be_empty:
        return "empty"
    if (isinstance(author, str) and _BOT_NAME.search(author)) or _BOT_TEXT.search(text[-2000:]):
        return "bot"
    return None


def roots_of(posts: Sequence[Post], submission: str | None) -> list[Post]:
    """The posts that answer nothing that is there, each with the posts that answer it, the best score first.

    posts: those that say something, each id once. submission: the id of the first post, which what names no parent
    answers; None where it is missing. What answers a post that was left out is a root, as what it speaks of is not
    there; so is one post of a circle, as only a damaged dump has them. Every post is below exactly one root.
    """
    known = {post.id: post for post in posts}
    roots = []
    for post in posts:
        parent = known.get(post.parent or submission or "")
        if parent is None or parent is post:
            roots.append(post)
        else:
            parent.replies.append(post)
    reached: set[str] = set()
    _reach(roots, reached)
    for post in posts:
        if post.id not in reached:
            known[post.parent or ""].replies.remove(post)
            roots.append(post)
            _reach([post], reached)
    for post in posts:
        post.replies.sort(key=_order)
    return sorted(roots, key=lambda one: (one.id != submission, *_order(one)))


def _order(post: Post) -> tuple[int, str, str]:
    return -post.score, str(post.timestamp), post.id


def _reach(roots: Sequence[Post], reached: set[str]) -> None:
    waiting = list(roots)
    while waiting:
        post = waiting.pop()
        reached.add(post.id)
        waiting += post.replies


def in_reading_order(roots: Sequence[Post]) -> Iterator[Comment]:
    """Every post below some roots, the roots included, each followed by what answers it."""
    waiting = [(post, 0) for post in reversed(roots)]
    while waiting:
        post, depth = waiting.pop()
        yield Comment(post.text, depth)
        waiting += [(reply, depth + 1) for reply in reversed(post.replies)]


def best_threads(root: Post) -> Iterator[list[Post]]:
    """For each reply to a root: the root, the reply, the best reply to it, and so on."""
    for reply in root.replies:
        thread = [root, reply]
        while thread[-1].replies:
            thread.append(thread[-1].replies[0])
        yield thread
