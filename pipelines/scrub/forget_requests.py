"""Requests to forget documents of a run, in order, each with a marker once everything was done.

A request is written before the first row is removed, so that an interrupted request is known and goes on; requests stay for
good, so that a build which reads the sources again does not bring a forgotten document back.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from gristmill.pipelines.engine.storage import Storage
from gristmill.schemas import layout
from gristmill.schemas.forgetting import ForgetRequest


@dataclass(frozen=True)
class ForgetRequests:
    """Every request of a run."""

    entries: tuple[ForgetRequest, ...]
    unfinished: tuple[int, ...]  # indexes of `entries`

    @property
    def doc_ids(self) -> set[str]:
        return {doc_id for entry in self.entries for doc_id in entry.doc_ids}

    def mask(self, doc_ids: pa.Array, content_hashes: pa.Array) -> pa.Array:
        """bool: whether each document is to be forgotten."""
        hashes = {value for entry in self.entries for value in entry.content_hashes}
        by_id = pc.is_in(doc_ids, value_set=pa.array(sorted(self.doc_ids), doc_ids.type))
        return pc.or_(by_id, pc.is_in(content_hashes, value_set=pa.array(sorted(hashes), content_hashes.type)))


def read_forget_requests(storage: Storage) -> ForgetRequests:
    present = storage.list(layout.FORGET_REQUESTS)
    names = [name for name in present if name.endswith(".json")]
    done = set(present)
    stored = storage.read_many_json([f"{layout.FORGET_REQUESTS}/{name}" for name in names])
    entries = tuple(ForgetRequest.model_validate(entry) for entry in stored)
    return ForgetRequests(entries, tuple(n for n, name in enumerate(names) if _marker(name) not in done))


def add_forget_request(storage: Storage, entry: ForgetRequest, kept: bytes) -> None:
    """Append a request, with the bits of who was kept before it; the run's lock is held."""
    number = len(read_forget_requests(storage).entries) + 1
    storage.write_bytes(f"{layout.FORGET_REQUESTS}/{number:06d}.kept", kept)
    storage.write_json(f"{layout.FORGET_REQUESTS}/{number:06d}.json", entry.model_dump())


def kept_before(storage: Storage, index: int) -> bytes:
    """The bits that came with the request `index`; they are removed when it is finished."""
    return storage.read_bytes(f"{layout.FORGET_REQUESTS}/{index + 1:06d}.kept")


def mark_finished(storage: Storage, requests: ForgetRequests, indexes: Sequence[int]) -> None:
    """Those requests are done: nothing that is stored holds what they forget."""
    names = [name for name in storage.list(layout.FORGET_REQUESTS) if name.endswith(".json")]
    for index in indexes:
        storage.put_if_absent(
            f"{layout.FORGET_REQUESTS}/{_marker(names[index])}", {"documents": len(requests.entries[index].doc_ids)}
        )
        storage.remove_file(f"{layout.FORGET_REQUESTS}/{names[index].removesuffix('.json')}.kept")


def _marker(name: str) -> str:
    return f"{name.removesuffix('.json')}.done"
