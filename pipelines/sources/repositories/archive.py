"""Archives as repositories: tar of any compression, read as a stream, and ZIP. What their headers say is not believed."""

import io
import tarfile
import zlib
from collections.abc import Iterator
from functools import partial

from gristmill.filters.archives import ArchiveError, Zip
from gristmill.pipelines.sources.readers.split import Split
from gristmill.pipelines.sources.readers.streams import chunks, open_split
from gristmill.pipelines.sources.repositories.files import ReadError, RepositoryFile, clean_path

ARCHIVE_SUFFIXES = (
    ".tar",
    ".tgz",
    ".tbz2",
    ".txz",
    ".tar.gz",
    ".tar.bz2",
    ".tar.xz",
    ".tar.zst",
    ".zip",
    ".whl",
    ".crate",
)
MAX_ZIP_BYTES = 4 << 30
_ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
_TAR_DEFECTS = (tarfile.TarError, EOFError, OSError, ValueError, zlib.error, UnicodeError, OverflowError)


class ArchiveRepository:
    """An archive of one repository. max_bytes: of a single file that is read into memory."""

    revision = url = ""

    def __init__(self, split: Split, name: str, max_bytes: int) -> None:
        self._split, self._max_bytes = split, max_bytes
        self.name = name
        self.damage: list[str] = []

    def files(self) -> Iterator[RepositoryFile]:
        self.damage.clear()
        with open_split(self._split) as stored:
            head = stored.read(8)
            stored.seek(0)
            if head.startswith(_ZIP_MAGIC):
                yield from self._of_zip(stored.read(MAX_ZIP_BYTES))
            else:
                yield from self._of_tar(_Stream(chunks(stored, self._split.compression, self.damage.append)))

    def close(self) -> None:
        """Nothing is held open."""

    def _of_zip(self, raw: bytes) -> Iterator[RepositoryFile]:
        try:
            archive = Zip(raw, MAX_ZIP_BYTES)
        except ArchiveError as error:
            self.damage.append(str(error))
            return
        for name in sorted(archive.names):
            path = clean_path(name)
            if path is None:
                self.damage.append(f"a name that leaves the archive: {name[:200]}")
                continue
            size = archive.names[name].file_size
            yield RepositoryFile(path, size, "file", partial(self._zip_member, archive, name))

    def _zip_member(self, archive: Zip, name: str) -> bytes:
        try:
            return archive.read(name)
        except ArchiveError as error:
            raise ReadError(str(error)) from error

    def _of_tar(self, stream: io.RawIOBase) -> Iterator[RepositoryFile]:
        """Members as they come; each must be read before the next one is asked for."""
        count = 0
        try:
            with tarfile.open(fileobj=stream, mode="r|", bufsize=1 << 16, errorlevel=1, encoding="utf-8") as archive:
                for member in archive:
                    archive.members.clear()  # type: ignore[attr-defined]  # else it keeps them all
                    count += 1
                    if member.isdir():
                        continue
                    path = clean_path(member.name)
                    if path is None:
                        self.damage.append(f"a name that leaves the archive: {member.name[:200]!r}")
                        continue
                    plain = member.isreg() and not member.issparse()
                    kind = "file" if plain else "link" if member.issym() or member.islnk() else "other"
                    yield RepositoryFile(path, member.size, kind, partial(self._tar_member, archive, member))
        except _TAR_DEFECTS as error:
            place = f"after {count} members" if count else "at its beginning"
            self.damage.append(f"the archive is damaged or cut {place}: {str(error)[:200] or type(error).__name__}")

    def _tar_member(self, archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
        if member.size > self._max_bytes:
            raise ReadError(f"{member.size} bytes, more than {self._max_bytes}")
        try:
            opened = archive.extractfile(member)
            content = opened.read() if opened else b""
        except _TAR_DEFECTS as error:
            raise ReadError(f"{type(error).__name__} {error}") from error
        if len(content) < member.size:
            raise ReadError(f"cut after {len(content)} of {member.size} bytes")
        return content


class _Stream(io.RawIOBase):
    """Chunks of bytes as a file that can be read forward."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks, self._left = blocks, b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        parts, wanted = [], size if size >= 0 else 1 << 62
        while wanted:
            if not self._left:
                self._left = next(self._blocks, b"")
                if not self._left:
                    break
            piece, self._left = self._left[:wanted], self._left[wanted:]
            parts.append(piece)
            wanted -= len(piece)
        return b"".join(parts)
