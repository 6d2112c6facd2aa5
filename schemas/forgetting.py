"""Requests to forget documents, `forgotten/` of a run: ids and content hashes, never text."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

FORGOTTEN = "forgotten"  # why a row of documents/ is quarantined of which nothing but the id and source is left

Mode = Literal["record", "content"]


class ForgetRequest(BaseModel):
    """One request to forget, written before anything is removed; everything after it can be done again from it.

    mode: `record` forgets these ids; `content` forgets the ids and every document of one of the content hashes, also
    one that a later build reads. asked: the ids given. doc_ids: all that were found, `asked` and their verified copies.
    recipe, sample, selections, report: the run as it was, so that what is left of it can be decided again.
    shards: folders of token shards written from the run. texts: which documents/ held (fact `texts`).
    """

    model_config = ConfigDict(extra="forbid")
    mode: Mode
    asked: list[str]
    doc_ids: list[str]
    content_hashes: list[str]
    created: str
    recipe: dict[str, Any]
    sample: float | None
    selections: dict[str, "SelectionBefore"]
    report: bool
    shards: list[str]
    texts: str


class SelectionBefore(BaseModel):
    """A selection of the run: its policy, and what had been written for it."""

    model_config = ConfigDict(extra="forbid")
    policy: dict[str, Any]
    corpus: bool
    report: bool
