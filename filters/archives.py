"""Members of ZIP archives in memory, read within limits: what a hostile archive says of itself is not believed."""

import io
import stat
import zipfile
import zlib
from functools import cached_property

_CHUNK = 1 << 16
_DEFECTS = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    ValueError,
    NotImplementedError,
    RuntimeError,
    MemoryError,
)
MAX_MEMBERS = 100_000


class ArchiveError(ValueError):
    """An archive, or a member of it, that cannot be read. reason: a short snake_case fact."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class Zip:
    """A ZIP archive. max_bytes: of all members that are read together, unpacked."""

    def __init__(self, raw: bytes, max_bytes: int) -> None:
        self._left = max_bytes
        self._limit = max_bytes
        try:
            self._file = zipfile.ZipFile(io.BytesIO(raw))
        except _DEFECTS as error:
            raise ArchiveError("damaged_archive", f"no ZIP archive that can be read: {error}") from error
        if len(self._file.infolist()) > MAX_MEMBERS:
            raise ArchiveError("too_many_members", f"more than {MAX_MEMBERS} members in one archive")

    @cached_property
    def names(self) -> dict[str, zipfile.ZipInfo]:
        """The plain files in it by name; of several with one name the last, as unzip leaves them."""
        files = (info for info in self._file.infolist() if not info.is_dir())
        return {info.filename.replace("\\", "/"): info for info in files if not _is_link(info)}

    @property
    def is_encrypted(self) -> bool:
        return any(info.flag_bits & 1 for info in self._file.infolist())

    def read(self, name: str) -> bytes:
        """A member's content. ArchiveError: it is not there, damaged, or the archive unpacks to more than its limit."""
        info = self.names.get(name)
        if info is None:
            raise ArchiveError("missing_member", f"{name[:200]} is not in the archive")
        parts = []
        try:
            with self._file.open(info) as member:
                while block := member.read(_CHUNK):
                    self._left -= len(block)
                    if self._left < 0:
                        raise ArchiveError("too_large", f"the archive unpacks to more than {self._limit} bytes")
                    parts.append(block)
        except ArchiveError:
            raise
        except _DEFECTS as error:
            raise ArchiveError("damaged_member", f"{name[:200]}: {error}") from error
        return b"".join(parts)


def _is_link(info: zipfile.ZipInfo) -> bool:
    return stat.S_ISLNK(info.external_attr >> 16)
