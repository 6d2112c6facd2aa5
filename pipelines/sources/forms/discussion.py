"""Discussions, as the reader of Reddit dumps puts them together: a first post, and comments that answer it and each other.

A record has `posts`, each with `id`, `text`, `score`, `parent` (null: it answers the first post) and `timestamp`;
`submission` is the id of the first post, null where it is missing. As conversations: for each answer to the first post,
the thread of the best answers below it, the user and the assistant in turn, up to the last answer of the assistant. As
pairs: the answers to one post against each other, by their scores. What answers a post that is not there begins a
thread of its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gristmill.filters.threads.discussion import Post, best_threads, roots_of
from gristmill.pipelines.sources.forms.chat import assistant, user
from gristmill.pipelines.sources.forms.comparisons import UNRATED, ComparedAnswer, pairs_of
from gristmill.pipelines.sources.forms.contents import Message
from gristmill.pipelines.sources.forms.form import Dropped, Form, Record, Row, beside
from gristmill.schemas.recipe.source import Source
from gristmill.schemas.rows.kind import RowError

MAX_TURNS = 100  # of a conversation; longer threads end there


def _matches(record: Record) -> bool:
    posts = record.get("posts")
    return (
        "submission" in record
        and isinstance(posts, list)
        and all(isinstance(one, Mapping) and isinstance(one.get("text"), str) and one.get("id") for one in posts)
    )


def post_of(value: Mapping[str, Any]) -> Post:
    score = value.get("score")
    return Post(
        str(value["id"]),
        value["text"],
        score if isinstance(score, int) else 0,
        value.get("parent"),
        value.get("timestamp"),
    )


def _rows(record: Record, kind: str, source: Source) -> Sequence[Row | Dropped]:
    if not _matches(record):
        raise RowError("missing_posts", "no list of 'posts' with ids and texts, and no 'submission'")
    rest = beside(record, kind, "posts", "submission")
    roots = roots_of([post_of(one) for one in record["posts"]], record["submission"])
    if kind == "prompt":
        first = next((root for root in roots if root.id == record["submission"] and root.text.strip()), None)
        return [{**rest, "prompt": [user(first.text)]}] if first else [Dropped("no_submission")]
    if kind == "pair":
        return [row for root in roots for row in _pairs(root, rest, source)] or [UNRATED]
    threads = [thread for root in roots for thread in best_threads(root)]
    return [{**rest, "messages": _messages(thread)} for thread in threads] or [Dropped("unanswered")]


def _messages(thread: Sequence[Post]) -> list[Message]:
    turns = thread[: min(len(thread) // 2 * 2, MAX_TURNS)]
    return [_message(post, number) for number, post in enumerate(turns)]


def _message(post: Post, number: int) -> Message:
    said = assistant(post.text) if number % 2 else user(post.text)
    return {**said, "id": post.id, "score": post.score}


def _pairs(root: Post, rest: Row, source: Source) -> Iterator[Row | Dropped]:
    """The pairs among the answers to a first post."""
    if len(root.replies) < 2:
        return
    answers = [ComparedAnswer([assistant(one.text)], float(one.score), {"id": one.id}) for one in root.replies]
    yield from pairs_of([user(root.text)], answers, source.pairs, rest)


FORM = Form("discussion", ("conversation", "pair", "prompt"), _matches, _rows)
