"""A question with its answers, and a tree of comments, as one text each."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

MAX_INDENT = 8  # levels of a tree that are moved in; what answers deeper stands where the last of them stands


class Comment(NamedTuple):
    """A comment of a tree, in the order in which it is read. depth: 0 for one that answers the first post."""

    text: str
    depth: int


def question_text(title: str, body: str, answers: Iterable[str]) -> str:
    """The title as a heading, the question, and each answer under a heading of its own, in the order given."""
    parts = [f"# {' '.join(title.split())}"] if title.strip() else []
    parts += [body.strip()] if body.strip() else []
    parts += [f"## Answer\n\n{answer.strip()}" for answer in answers if answer.strip()]
    return "\n\n".join(parts)


def discussion_text(title: str, body: str, comments: Sequence[Comment]) -> str:
    """The title as a heading, the first post, and the comments as a nested list, each moved in below what it answers."""
    parts = [f"# {' '.join(title.split())}"] if title.strip() else []
    parts += [body.strip()] if body.strip() else []
    items = []
    for comment in comments:
        indent = "  " * min(comment.depth, MAX_INDENT)
        first, *rest = comment.text.strip().split("\n")
        items.append("\n".join([f"{indent}- {first}", *(f"{indent}  {line}".rstrip() for line in rest)]))
    parts += ["\n".join(items)] if items else []
    return "\n\n".join(parts)
