"""Reddit as its dumps are published: JSON Lines of submissions (RS_...) and of comments (RC_...), packed with zstd.

As documents: a thread is one text, the submission and the tree of comments. As other rows: the form `discussion`.
Submissions and comments of one name lie beside each other (`RS_2021-08.zst`, `RC_2021-08.zst`; `x_submissions.zst`,
`x_comments.zst`) and are read together, by one task; comments whose submission is in no such file make threads without
it.
"""

import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

import pyarrow as pa
from fsspec.core import url_to_fs
from gristmill.filters.threads.discussion import clean_text, in_reading_order, post_id, roots_of, why_left_out
from gristmill.filters.threads.text import Comment, discussion_text
from gristmill.pipelines.sources.forms.discussion import post_of
from gristmill.pipelines.sources.forms.rows_of import add_rows
from gristmill.pipelines.sources.readers.decoding import scrub
from gristmill.pipelines.sources.readers.extract import Isolate
from gristmill.pipelines.sources.readers.grouping import Grouping
from gristmill.pipelines.sources.readers.identity import id_from_column
from gristmill.pipelines.sources.readers.jsonl import JsonLine, lines, parse
from gristmill.pipelines.sources.readers.locate import compression_of
from gristmill.pipelines.sources.readers.rows import ReaderRows
from gristmill.pipelines.sources.readers.split import Split
from gristmill.pipelines.sources.readers.streams import chunks, open_split
from gristmill.pipelines.sources.readers.whole_file import splits
from gristmill.schemas.recipe.source import Source

__all__ = ["read", "splits"]

_PARTNERS = (
    (re.compile(r"^RC(?=[_.-])"), "RS"),
    (re.compile(r"^RS(?=[_.-])"), "RC"),
    (re.compile(r"comments(?=[_.-])"), "submissions"),
    (re.compile(r"submissions(?=[_.-])"), "comments"),
)
_COMMENTS = re.compile(r"^RC[_.-]|comments[_.-]")


def partner_of(name: str) -> str | None:
    """The file that holds the submissions of a file of comments, or the comments of one of submissions.

    >>> partner_of("RC_2021-08.zst"), partner_of("science_submissions.zst"), partner_of("x.jsonl")
    ('RS_2021-08.zst', 'science_comments.zst', None)
    """
    for pattern, other in _PARTNERS:
        if pattern.search(name):
            return pattern.sub(other, name, count=1)
    return None


def read(source: Source, split: Split, rows: ReaderRows, isolate: Isolate | None) -> Iterator[pa.RecordBatch]:
    rows.bytes_consumed = split.size
    partner = _partner_split(source, split)
    is_comments = _COMMENTS.search(posixpath.basename(split.path)) is not None
    if partner is not None and is_comments:
        return  # its submissions' task reads it
    with Grouping() as posts:
        for one in (split, *((partner,) if partner else ())):
            with open_split(one) as stored:
                for line in lines(chunks(stored, one.compression, rows.disturb), 0, source.max_document_bytes):
                    rows.frame()
                    _sort(line, rows, posts)
                    if rows.full:
                        yield rows.take()
        for submission, group in posts.groups():
            _take(submission, [json.loads(post) for post in group], rows)
            if rows.full:
                yield rows.take()


def _partner_split(source: Source, split: Split) -> Split | None:
    """The file that belongs to this one, where it is there and the source reads it."""
    folder, name = posixpath.split(split.url)
    other = partner_of(name)
    if other is None:
        return None
    url = posixpath.join(folder, other)
    fs, path = url_to_fs(url)
    if not fs.isfile(path) or not _is_read(source, path):
        return None
    with fs.open(path, "rb") as stored:
        compression = compression_of(stored.read(512), other)
    relative = posixpath.join(posixpath.dirname(split.path), other)
    size = fs.size(path)
    return Split(split.source, url, relative, split.format, 0, size, size, compression)


def _is_read(source: Source, path: str) -> bool:
    """Whether the paths of a source have this file among them."""
    base = posixpath.basename(path)
    if any(fnmatchcase(path, f"*{glob}") or fnmatchcase(base, glob) for glob in source.exclude):
        return False
    plain = [url_to_fs(one)[1] for one in source.paths]
    return any(path == one or path.startswith(one.rstrip("/") + "/") or fnmatchcase(path, one) for one in plain)


def _sort(line: JsonLine, rows: ReaderRows, posts: Grouping) -> None:
    """Keep one post under its submission, or count why not."""
    if line.content is None:
        detail = f"a record of {line.size} bytes; the limit is {rows.source.max_document_bytes}"
        rows.quarantine("too_large", detail, line.size, line.offset)
        return
    if not line.content.strip():
        rows.skip("blank_line")
        return
    notes: dict[str, Any] = {}
    try:
        record = parse(line.content, notes)
    except (ValueError, RecursionError) as error:
        rows.quarantine("invalid_json", f"{error}: {line.content[:80]!r}", line.size, line.offset)
        return
    post, submission = _post(record) if isinstance(record, Mapping) else (None, None)
    if post is None or submission is None:
        found = ", ".join(map(str, list(record)[:10])) if isinstance(record, Mapping) else type(record).__name__
        detail = f"neither a comment (id, body, link_id) nor a submission (id, title); found {found}"
        rows.quarantine("unknown_record", detail, line.size, line.offset)
        return
    reason = why_left_out(record.get("author"), post["text"], may_be_empty="title" in post)
    if reason is not None:
        post |= {"gone": reason, "text": ""}
    posts.add(submission, json.dumps({**post, "at": line.offset, "size": line.size}).encode())


def _post(record: Mapping[str, Any]) -> tuple[dict[str, Any] | None, str | None]:
    """(what is kept of a comment or submission, the id of its submission)."""
    own, score = post_id(record.get("id")), record.get("score")
    post = {
        "id": own,
        "score": score if isinstance(score, int) and not isinstance(score, bool) else 0,
        "timestamp": record.get("created_utc"),
        "subreddit": record.get("subreddit"),
    }
    if own is not None and isinstance(record.get("body"), str):
        submission, parent = post_id(record.get("link_id")), record.get("parent_id")
        above = None if isinstance(parent, str) and parent.startswith("t3_") else post_id(parent)
        return {**post, "text": clean_text(record["body"]), "parent": above}, submission
    if own is not None and isinstance(record.get("title"), str):
        text = record.get("selftext")
        link = None if record.get("is_self") else record.get("url")
        more = {"title": clean_text(record["title"]), "link": link, "over_18": record.get("over_18") or None}
        more |= {"permalink": record.get("permalink")}
        return {**post, "text": clean_text(text) if isinstance(text, str) else "", **more}, own
    return None, None


def _take(submission: str, group: list[dict[str, Any]], rows: ReaderRows) -> None:
    """A thread as a document or other rows; every post in it but one counts as joined to it, or by why it says nothing."""
    first: dict[str, Any] | None = None
    said: list[dict[str, Any]] = []
    ids: set[str] = set()
    for post in group:
        is_first = "title" in post
        name = f"t3_{post['id']}" if is_first else post["id"]
        if name in ids:
            rows.skip("repeated_id")
        elif is_first:
            first = post
        elif "gone" in post or post["score"] < _least(rows.source):
            rows.skip(post.get("gone", "below_min_score"))
        else:
            said.append(post)
        ids.add(name)
    if first is not None and "gone" in first and (not said or first["gone"] == "bot"):
        rows.skip(first["gone"])
        first = None
    if first is None and not said:
        return
    for _ in range(len(said) - (first is None)):
        rows.skip("joined")
    _add(submission, first, said, rows)


def _least(source: Source) -> float:
    return float("-inf") if source.threads.min_score is None else source.threads.min_score


def _add(submission: str, first: dict[str, Any] | None, said: list[dict[str, Any]], rows: ReaderRows) -> None:
    top = first or said[0]
    title = first["title"] if first else ""
    subreddit = top.get("subreddit")
    link = first.get("permalink") if first else None
    about = {
        "title": title,
        "subreddit": subreddit,
        "url": f"https://www.reddit.com{link or f'/comments/{submission}/'}",
        "timestamp": top.get("timestamp"),
        "link": first.get("link") if first else None,
        "over_18": first.get("over_18") if first else None,
    }
    about = {name: value for name, value in about.items() if value not in (None, "")}
    body = first["text"] if first else ""
    size = sum(post["size"] for post in said) + (first["size"] if first else 0)
    if not rows.source.has_documents:
        posts = [{name: post.get(name) for name in ("id", "text", "score", "parent", "timestamp")} for post in said]
        if first:
            text = "\n\n".join(filter(None, (title, body)))
            posts.insert(0, {"id": submission, "text": text, "score": first["score"], "timestamp": first["timestamp"]})
        record = {**about, "submission": submission if first else None, "posts": posts}
        add_rows(rows, record, top["at"], size, {})
        return
    roots = roots_of([post_of(post) for post in said], None)
    notes = {name: value for name, value in about.items() if name not in ("url", "timestamp")}
    notes |= {"score": top["score"], "comments": len(said), "has_submission": first is not None}
    comments: list[Comment] = list(in_reading_order(roots))
    text = scrub(discussion_text(title, body, comments), notes)
    doc_id = id_from_column(rows.source.name, f"reddit:{submission}" if first else f"comments on {submission}")
    rows.add(
        *(text.encode(), top["at"]), doc_id=doc_id, url=about["url"], timestamp=about.get("timestamp"), metadata=notes
    )
