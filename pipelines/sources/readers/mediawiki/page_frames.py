"""Where the pages of a MediaWiki export begin and end, found in a stream of chunks with bounded memory.

The tags are looked for as bytes: in an export every `<` of a text is written as `&lt;`, so a tag is a tag. Nothing here
parses XML, a DOCTYPE at the top is never given to a parser, and a page that is damaged costs itself alone. Of a page with
its history the latest revision is kept, the others are read past, so that memory follows one revision and not a page.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

_TAG = re.compile(rb"<(/?)(page|revision|mediawiki|siteinfo)(\s[^<>]*)?>")
_TIME = re.compile(rb"<timestamp>([^<]{1,40})</timestamp>")
_REVISION = re.compile(rb"<revision>\s*<id>(\d{1,19})</id>")
_LONGEST_TAG = 4096
_MAX_HEAD_BYTES = 1 << 20  # of what stands before the revisions of a page
_OUT, _HEAD, _REVISED, _BETWEEN = range(4)


class PageFrame(NamedTuple):
    """One page. content: its XML with its latest revision alone; None where there is a defect.

    size: bytes of the page with all of its revisions. defect: `too_large`, `truncated_page`, or "".
    """

    content: bytes | None
    size: int
    defect: str = ""


class PageFrames:
    """The pages of a stream. `is_export`: whether `<mediawiki>` was met."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._state = _OUT
        self._page_size = 0
        self._head: list[bytes] = []
        self._head_size = 0
        self._revision: list[bytes] = []
        self._revision_size = 0
        self._latest: tuple[bytes, int, bytes | None] | None = None  # (timestamp, id, content; None: above the limit)
        self.is_export = self._is_closed = self._has_site = False
        self._pages = 0

    @property
    def is_whole(self) -> bool:
        """Whether the end of the export was met, or that of a head without pages, as some parts of dumps are."""
        return self._is_closed or (self._has_site and not self._pages)

    def read(self, blocks: Iterator[bytes | None]) -> Iterator[PageFrame]:
        """The pages in blocks of bytes; None stands for a gap where data is lost, which ends the page before it."""
        data = b""
        for block in blocks:
            if block is None:
                yield from self._give_up()
                data = b""
                continue
            data += block
            at = 0
            for found in _TAG.finditer(data):
                self._hold(data, at, found.start())
                at = found.end()
                yield from self._at_tag(bool(found[1]), found[2], found[0])
            keep = data.rfind(b"<", max(at, len(data) - _LONGEST_TAG))  # a tag may go on in the next block
            keep = len(data) if keep < 0 else keep
            self._hold(data, at, keep)
            data = data[keep:]
        self._hold(data, 0, len(data))
        yield from self._give_up()

    def _at_tag(self, is_end: bool, name: bytes, tag: bytes) -> Iterator[PageFrame]:
        if name == b"mediawiki":
            self._is_closed = is_end
            self.is_export = True
        elif name == b"siteinfo" and self._state == _OUT:
            self._has_site = is_end
        elif name == b"page" and not is_end:
            yield from self._give_up()
            self._state, self._page_size = _HEAD, 0
            self._pages += 1
            self._hold(tag, 0, len(tag))
        elif name == b"page" and self._state != _OUT:
            self._page_size += len(tag)
            yield self._page()
        elif name == b"revision" and self._state in (_HEAD, _BETWEEN, _REVISED):
            if is_end and self._state == _REVISED:
                self._hold(tag, 0, len(tag))
                self._end_revision()
            elif not is_end:
                self._state, self._revision, self._revision_size = _REVISED, [], 0
                self._hold(tag, 0, len(tag))
        elif self._state in (_HEAD, _REVISED):
            self._hold(tag, 0, len(tag))

    def _hold(self, data: bytes, start: int, end: int) -> None:
        """Keep a piece of what has begun, as far as the limits allow."""
        if self._state == _OUT or start == end:
            return
        self._page_size += end - start
        if self._state == _HEAD:
            self._head_size += end - start
            if self._head_size <= _MAX_HEAD_BYTES:
                self._head.append(data[start:end])
        elif self._state == _REVISED:
            self._revision_size += end - start
            if self._revision_size > self._limit:
                del self._revision[1:]
            else:
                self._revision.append(data[start:end])

    def _end_revision(self) -> None:
        self._state = _BETWEEN
        whole = b"".join(self._revision)
        moment = _TIME.search(whole[:10_000])
        number = _REVISION.match(whole)
        key = (moment[1] if moment else b"", int(number[1]) if number else 0)
        if self._latest is None or key >= self._latest[:2]:
            self._latest = (*key, None if self._revision_size > self._limit else whole)

    def _page(self) -> PageFrame:
        latest = self._latest
        size = self._page_size
        content = None
        defect = "too_large" if self._head_size > _MAX_HEAD_BYTES or (latest and latest[2] is None) else ""
        if not defect:
            content = b"".join([*self._head, (latest[2] or b"") if latest else b"", b"</page>"])
        self._forget()
        return PageFrame(content, size, defect)

    def _give_up(self) -> Iterator[PageFrame]:
        """A page that has begun and whose end is not there."""
        if self._state != _OUT:
            size = self._page_size
            self._forget()
            yield PageFrame(None, size, "truncated_page")

    def _forget(self) -> None:
        self._state, self._latest, self._head, self._revision = _OUT, None, [], []
        self._head_size = self._revision_size = self._page_size = 0
