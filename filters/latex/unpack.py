"""The files of a paper's source from the bytes that hold them: tar, gzip of a tar, gzip of one file, or one file."""

import io
import tarfile
import zlib

from gristmill.filters.latex.paper import TEX_SUFFIXES, PaperError

MAX_FILES = 5000
MAX_UNPACKED = 1 << 30  # of an archive that is read through
_GZIP, _PDF = b"\x1f\x8b", b"%PDF"
_DEFECTS = (tarfile.TarError, EOFError, OSError, ValueError, zlib.error, OverflowError)


def files_of(raw: bytes, max_bytes: int) -> tuple[dict[str, bytes], str | None]:
    """(files that may hold TeX by name, what is damaged). max_bytes: of the files that are kept, together.

    Raises PaperError: pdf_only, too_large, damaged_archive.
    """
    damage = None
    stream: io.RawIOBase = io.BytesIO(raw)  # type: ignore[assignment]
    head = raw[:600]
    if raw.startswith(_GZIP):
        stream = _Gunzip(raw)
        head = stream.peeked()
    if head.startswith(_PDF):
        raise PaperError("pdf_only", "the source is a PDF file")
    if head[257:262] != b"ustar" and not _is_old_tar(head):
        try:
            content = stream.read(max_bytes + 1)
        except _DEFECTS as error:
            raise PaperError("damaged_archive", f"{type(error).__name__} {error}") from error
        if len(content) > max_bytes:
            raise PaperError("too_large", f"a file of more than {max_bytes} bytes")
        return {"paper.tex": content}, getattr(stream, "damage", None)
    files: dict[str, bytes] = {}
    size = 0
    try:
        with tarfile.open(fileobj=stream, mode="r|", bufsize=1 << 16, errorlevel=1) as archive:
            for member in archive:
                archive.members.clear()  # type: ignore[attr-defined]  # else it keeps them all
                name = _clean(member.name)
                wanted = name and member.isreg() and not member.issparse() and _may_be_tex(name)
                if not wanted or name is None:
                    continue
                size += member.size
                if size > max_bytes or len(files) >= MAX_FILES:
                    raise PaperError(
                        "too_large", f"more than {max_bytes} bytes of TeX files, or more than {MAX_FILES} of them"
                    )
                opened = archive.extractfile(member)
                files[name] = opened.read() if opened else b""
    except _DEFECTS as error:
        if isinstance(error, PaperError) or not files:
            raise error if isinstance(error, PaperError) else PaperError("damaged_archive", str(error)[:300]) from error
        damage = f"the archive is damaged or cut: {str(error)[:200]}"
    return files, damage or getattr(stream, "damage", None)


def _may_be_tex(name: str) -> bool:
    base = name.rpartition("/")[2].lower()
    return base.endswith(TEX_SUFFIXES) or "." not in base or base.startswith("00readme")


def _clean(name: str) -> str | None:
    parts = [part for part in name.split("/") if part not in ("", ".")]
    return "/".join(parts) if parts and ".." not in parts else None


def _is_old_tar(head: bytes) -> bool:
    """A tar header without `ustar`, told by its checksum."""
    if len(head) < 512:
        return False
    try:
        said = int(head[148:156].strip(b"\0 ") or b"-1", 8)
    except ValueError:
        return False
    return said == sum(head[:148]) + 8 * 32 + sum(head[156:512])


class _Gunzip(io.RawIOBase):
    """What a gzip file holds, unpacked as it is read; a cut or damaged end is an end. Reads past MAX_UNPACKED are
    ValueErrors."""

    def __init__(self, raw: bytes) -> None:
        self._raw, self._unpack = memoryview(raw), zlib.decompressobj(wbits=31)
        self._at, self._left, self._total = 0, b"", 0
        self.damage: str | None = None

    def readable(self) -> bool:
        return True

    def peeked(self) -> bytes:
        self._left = self.read(600)
        return self._left

    def read(self, size: int = -1) -> bytes:
        wanted = size if size >= 0 else 1 << 62
        parts = [self._left[:wanted]]
        self._left = self._left[wanted:]
        wanted -= len(parts[0])
        while wanted > 0 and not self._unpack.eof:
            pending = self._unpack.unconsumed_tail
            if not pending:
                pending = bytes(self._raw[self._at : self._at + (1 << 16)])
                self._at += len(pending)
                if not pending:
                    self.damage = "the gzip file is cut"
                    break
            try:
                block = self._unpack.decompress(pending, min(wanted, 1 << 20))
            except zlib.error as error:
                self.damage = f"the gzip file is damaged: {error}"
                break
            self._total += len(block)
            if self._total > MAX_UNPACKED:
                raise ValueError(f"unpacks to more than {MAX_UNPACKED} bytes")
            parts.append(block)
            wanted -= len(block)
        return b"".join(parts)
