"""Stack Exchange dumps: Posts.xml, plain, packed, or inside the 7z, as questions with their answers ranked.

As documents: the title, the question and its answers, the accepted one first, then by votes. As other rows: the form
`question_answers`. Posts of one question lie far apart in a file; `grouping` puts them together in bounded memory.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from gristmill.filters.html.fragment import fragment_markdown
from gristmill.filters.threads.licences import licence_of
from gristmill.filters.threads.text import question_text
from gristmill.pipelines.sources.forms.question_answers import rank_of
from gristmill.pipelines.sources.forms.rows_of import add_rows
from gristmill.pipelines.sources.readers.decoding import scrub
from gristmill.pipelines.sources.readers.extract import Isolate
from gristmill.pipelines.sources.readers.grouping import Grouping
from gristmill.pipelines.sources.readers.identity import id_from_column
from gristmill.pipelines.sources.readers.rows import ReaderRows
from gristmill.pipelines.sources.readers.seven_zip import seven_zip_blocks
from gristmill.pipelines.sources.readers.split import Split
from gristmill.pipelines.sources.readers.streams import chunks, open_split
from gristmill.pipelines.sources.readers.whole_file import splits
from gristmill.pipelines.sources.readers.xml_rows import XmlRow, XmlRows, attributes_of
from gristmill.schemas.recipe.source import Source

__all__ = ["read", "splits"]

QUESTION, ANSWER = "1", "2"
_KINDS = {"3": "wiki", "4": "tag_wiki_excerpt", "5": "tag_wiki", "6": "moderator_nomination", "7": "wiki_placeholder"}
_SITE = re.compile(
    r"((?:[a-z0-9-]+\.)*(?:stackexchange|stackoverflow|superuser|serverfault|askubuntu|stackapps)\.com|(?:meta\.)?mathoverflow\.net)"
)
_TAGS = re.compile(r"[^<>|]+")
_KEPT = (
    *("Id", "PostTypeId", "ParentId", "AcceptedAnswerId", "CreationDate", "Score", "Body", "Title", "Tags"),
    *("OwnerUserId", "OwnerDisplayName", "ContentLicense", "ClosedDate"),
)


def read(source: Source, split: Split, rows: ReaderRows, isolate: Isolate | None) -> Iterator[pa.RecordBatch]:
    rows.bytes_consumed = split.size
    if not split.size:
        return
    site = next(iter(_SITE.findall(split.path.lower())), None)
    with open_split(split) as stored, Grouping() as posts:
        if split.compression == "7z":
            blocks = seven_zip_blocks(stored, lambda name: name.rpartition("/")[2].lower() == "posts.xml", rows.disturb)
        else:
            blocks = chunks(stored, split.compression, rows.disturb)
        table = XmlRows(rows.source.max_document_bytes)
        for row in table.read(blocks):
            rows.frame()
            _sort(row, table.root, rows, posts)
            if rows.full:
                yield rows.take()
        if table.root != "posts":
            rows.disturb(f"no Posts.xml of Stack Exchange: its rows stand in {table.root or 'nothing'}, not in posts")
        elif not table.is_closed:
            rows.disturb("Posts.xml is cut: no </posts> at its end")
        for _, group in posts.groups():
            _take([json.loads(post) for post in group], site, rows)
            if rows.full:
                yield rows.take()


def _sort(row: XmlRow, root: str | None, rows: ReaderRows, posts: Grouping) -> None:
    """Keep one row under its question, or count why not."""
    if row.content is None:
        detail = f"a post of {row.size} bytes; the limit is {rows.source.max_document_bytes}"
        rows.quarantine("too_large", detail, row.size, row.offset)
        return
    try:
        post = attributes_of(row.content)
    except ValueError as error:
        rows.quarantine("invalid_xml", str(error), row.size, row.offset)
        return
    kind = post.get("PostTypeId")
    question = post.get("Id") if kind == QUESTION else post.get("ParentId") if kind == ANSWER else None
    if root != "posts" or (kind is not None and kind not in (QUESTION, ANSWER)):
        rows.skip("row_of_another_table" if root != "posts" else f"post_{_KINDS.get(kind or '', 'other')}")
    elif not question or not post.get("Id"):
        found = ", ".join(list(post)[:10]) or "nothing"
        rows.quarantine("incomplete_post", f"no Id, PostTypeId or ParentId; found {found}", row.size, row.offset)
    else:
        kept = {name: post[name] for name in _KEPT if name in post}
        posts.add(question, json.dumps({**kept, "at": row.offset, "size": row.size}).encode())


def _take(posts: list[dict[str, Any]], site: str | None, rows: ReaderRows) -> None:
    """A question with its answers as a document or other rows."""
    question = next((post for post in posts if post["PostTypeId"] == QUESTION), None)
    if question is None:
        for _ in posts:
            rows.skip("answer_without_question")
        return
    answers = []
    for post in posts:
        if post["PostTypeId"] == QUESTION and post is not question:
            detail = f"another question with the Id {question['Id']} stands before it"
            rows.quarantine("repeated_id", detail, post["size"], post["at"])
        elif post is not question:
            if rows.source.threads.min_score is not None and _number(post.get("Score")) < rows.source.threads.min_score:
                rows.skip("below_min_score")
                continue
            answers.append(post)
            rows.skip("joined")
    record = _record(question, answers, site)
    position = int(question["Id"]) if question["Id"].isdigit() and len(question["Id"]) < 18 else question["at"]
    if not rows.source.has_documents:
        add_rows(rows, record, position, sum(post["size"] for post in posts), {})
        return
    asked = record["question"]
    text = question_text(asked["title"], asked["body"], (one["body"] for one in record["answers"]))
    notes = {name: value for name, value in record.items() if name not in ("question", "answers", "url", "timestamp")}
    notes |= {
        "title": asked["title"],
        "score": asked["score"],
        "answers": [_without_body(one) for one in record["answers"]],
    }
    notes |= {name: asked[name] for name in ("author", "license") if name in asked}
    doc_id = id_from_column(rows.source.name, f"{site or rows.split.path}:{question['Id']}")
    clean = scrub(text, notes).encode()
    rows.add(clean, position, doc_id=doc_id, url=record.get("url"), timestamp=record.get("timestamp"), metadata=notes)


def _record(question: dict[str, Any], answers: list[dict[str, Any]], site: str | None) -> dict[str, Any]:
    """A record of the form `question_answers`, the answers ranked."""
    accepted = question.get("AcceptedAnswerId")
    ranked = sorted((_post(one, site, is_accepted=one["Id"] == accepted) for one in answers), key=rank_of)
    asked = _post(question, site)
    title = asked["title"] = question.get("Title", "").strip()
    record = {
        "question": asked,
        "answers": ranked,
        "title": title,
        "tags": _TAGS.findall(question.get("Tags", "")),
        "site": site,
        "url": asked.get("url"),
        "timestamp": asked.get("timestamp"),
        "is_closed": True if "ClosedDate" in question else None,
        "licenses": sorted({one["license"] for one in (asked, *ranked) if one.get("license")}),
    }
    return {name: value for name, value in record.items() if value is not None}


def _post(post: dict[str, Any], site: str | None, *, is_accepted: bool | None = None) -> dict[str, Any]:
    moment = post.get("CreationDate")
    owner = post.get("OwnerUserId")
    letter = "q" if post["PostTypeId"] == QUESTION else "a"
    found = {
        "id": post["Id"],
        "body": fragment_markdown(post.get("Body", ""), links=True).strip(),
        "score": _number(post.get("Score")),
        "is_accepted": is_accepted,
        "timestamp": moment,
        "license": licence_of(moment, post.get("ContentLicense")),
        "url": f"https://{site}/{letter}/{post['Id']}" if site else None,
        "author": f"https://{site}/users/{owner}" if site and owner else post.get("OwnerDisplayName") or owner,
    }
    return {name: value for name, value in found.items() if value is not None}


def _number(text: str | None) -> int:
    return int(text) if text and text.lstrip("-").isdigit() and len(text) < 18 else 0


def _without_body(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "body"}
