"""From a source's paths, globs and URLs to the files behind them, each with a place-independent relative path."""

import json
import os
import posixpath
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from fsspec import AbstractFileSystem
from fsspec.core import url_to_fs
from gristmill.pipelines.engine.storage import package_step
from gristmill.pipelines.sources.readers.streams import HEAD_BYTES, is_text, packed_as
from gristmill.schemas.errors import InputError
from gristmill.schemas.recipe.source import Source

_WILDCARD = re.compile(r"[*?\[]")
_SUFFIX_COMPRESSION = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd", ".zstd": "zstd", ".xz": "xz", ".7z": "7z"}
_SUFFIX_FORMAT = {
    ".warc": "warc",
    ".wet": "wet",
    ".wat": "warc",
    ".arc": "arc",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".txt": "text",
    ".text": "text",
    ".md": "text",
    ".markdown": "text",
    ".rst": "text",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "csv",
    ".tab": "csv",
    ".psv": "csv",
    ".parquet": "parquet",
    ".parq": "parquet",
    ".arrow": "datasets",
    ".epub": "books",
    ".nxml": "jats",
}
_DATASETS_NOTES = {"state.json", "dataset_info.json", "dataset_dict.json"}
_WHOLE_FILE_FORMATS = ("text", "html", "books")  # in which a README may be what is wanted
# What a snapshot of a data set holds beside its data, by the beginning of the name and by its end; in lower case.
_ABOUT_DATA = (
    *("readme", "license", "licence", "copying", "notice", "citation.", "changelog", "contributing", "authors"),
    *("checksums", "md5sums", "sha256sums", "sha1sums"),
)
# Of formats whose folders hold other files too (indexes, checksums, reports): what the name of a file to read has in it.
_DATA_NAMES = {
    "common_crawl": re.compile(
        r"\.(paths|cdxj?|jsonl?|ndjson|warc|wet|wat|arc)(\.gz|\.bz2|\.zst|\.xz)?$|\.parquet$|^cdx-\d+\.gz$",
        re.IGNORECASE,
    ),
    "mediawiki": re.compile(r"\.xml|\.7z$", re.IGNORECASE),
    "stackexchange": re.compile(r"posts[^/]*\.xml|^(?!.*-(?!posts)[a-z]+\.7z$).*\.7z$", re.IGNORECASE),
}
_NO_DATA = ("dataset_infos.json", "croissant.json", ".py", ".md5", ".sha1", ".sha256", ".lock")


@dataclass(frozen=True)
class InputFile:
    """One stored file: what to open, where it lies below the root, how it is packed, which state of it was listed."""

    fs: AbstractFileSystem
    url: str
    path: str
    size: int
    format: str
    compression: str
    version: str = ""

    @property
    def is_remote(self) -> bool:
        return not _is_near(self.fs)


@dataclass(frozen=True)
class Listed:
    """What a file system's listing says of one file."""

    fs: AbstractFileSystem
    size: int
    version: str


def locate(source: Source, left_out: list[str] | None = None) -> list[InputFile]:
    """The files of a source, sorted by relative path; InputError when a path, glob or folder yields none.

    Hidden files and those beginning with `_` are left out of folders and globs, as Spark does, and so are the README, the
    licence, loading scripts and checksums beside data; left_out: gets the names of these.
    """
    found: dict[str, Listed] = {}
    prefixes = []
    named: set[str] = set()
    for path in source.paths:
        prefix, files = _expand(path, source)
        prefixes.append(prefix)
        found.update(files)
        named.update({url_to_fs(path)[1]} & files.keys())
    root = _root(source, prefixes)
    chosen: dict[str, InputFile] = {}
    about_data = _about_data(found, source) - named
    if left_out is not None:
        left_out += sorted(about_data)
    side_files = _datasets_side_files(found, f"source {source.name}") | about_data
    for name, listed in sorted(found.items()):
        relative = _relative(name, root, source)
        if name in side_files or any(
            fnmatchcase(relative, g) or fnmatchcase(posixpath.basename(name), g) for g in source.exclude
        ):
            continue
        if relative in chosen:
            raise InputError(
                f"{name} and {chosen[relative].url} are both {relative!r} below the root",
                expected="different relative paths, as they are part of a document's identity",
                where=f"source {source.name}",
                next_step="set `root` to a folder above both",
            )
        chosen[relative] = inspected(listed, name, relative, source, first=not chosen)
    if not chosen:
        raise InputError(
            f"all {len(found)} files are excluded",
            expected="at least one file",
            where=f"source {source.name}",
            next_step="loosen `exclude`",
        )
    return list(chosen.values())


def _expand(path: str, source: Source) -> tuple[str, dict[str, Listed]]:
    """(folder the path starts from, file name -> what its listing says) of one path, glob or URL."""
    where = f"source {source.name}"
    try:
        fs, plain = url_to_fs(path)
    except (ValueError, ImportError) as error:
        expected = "a path or a URL fsspec opens"
        raise InputError(f"{path}: {error}", expected=expected, where=where, next_step=package_step(path)) from error
    try:
        fs.invalidate_cache()  # what an earlier plan of this process saw may have changed
        kind = _kind(fs, plain)
        if kind == "file":
            return posixpath.dirname(plain), {plain: listed(fs, fs.info(plain))}
        if kind == "directory":
            nothing = f"{path} is a folder without files"
            _check_listable(fs, plain)
            return plain, _visible(fs, fs.find(plain, detail=True), plain, nothing, where)
        if not _WILDCARD.search(plain):
            step = "correct `path`; relative paths start from the working directory"
            raise InputError(
                f"{path} does not exist", expected="a file, folder, glob or URL", where=where, next_step=step
            )
        prefix = posixpath.dirname(plain[: _WILDCARD.search(plain).start()])  # type: ignore[union-attr]
        _check_listable(fs, prefix, None if "**" in plain else plain.count("/") - prefix.count("/"))
        matches = {k: v for k, v in fs.glob(plain, detail=True).items() if v["type"] == "file"}
        return prefix, _visible(fs, matches, prefix, f"{path} matches no file", where)
    except OSError as error:
        step = "give the reading user permission"
        raise InputError(f"{path}: {error}", expected="a readable path", where=where, next_step=step) from error


def _kind(fs: AbstractFileSystem, plain: str) -> str | None:
    """ "file", "directory", or None where there is neither; a remote store is asked once."""
    if _is_near(fs):
        return "file" if fs.isfile(plain) else "directory" if fs.isdir(plain) else None
    try:
        return str(fs.info(plain)["type"])
    except FileNotFoundError:
        return None


def _check_listable(fs: AbstractFileSystem, folder: str, levels: int | None = None) -> None:
    """OSError for a local folder below `folder` that cannot be listed: fsspec leaves it out without a word.

    levels: how many levels of names are looked at; None: all.
    """
    if not _is_local(fs):
        return

    def refuse(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):  # said in its own words
            raise error

    for path, folders, _ in os.walk(folder, onerror=refuse):
        if levels is not None and path.count("/") - folder.count("/") >= levels - 1:
            folders.clear()


def listed(fs: AbstractFileSystem, entry: Mapping[str, Any]) -> Listed:
    """What a store's entry of a file says."""
    version = str(entry.get("ETag") or entry.get("mtime") or entry.get("created") or "")
    return Listed(fs, entry["size"], version)


def _visible(
    fs: AbstractFileSystem, entries: dict[str, dict], prefix: str, nothing: str, where: str
) -> dict[str, Listed]:
    files = {}
    for name, entry in entries.items():
        below = name[len(prefix) :] if name.startswith(prefix) else name
        if not any(part.startswith((".", "_")) for part in below.strip("/").split("/")):
            files[name] = listed(fs, entry)
    if not files:
        step = "correct `path`; names beginning with `.` or `_` are not read"
        raise InputError(nothing, expected="at least one file", where=where, next_step=step)
    return files


def _about_data(found: Iterable[str], source: Source) -> set[str]:
    """Files that tell of data, where there is any."""
    names = {name: posixpath.basename(name).lower() for name in found}
    if (wanted := _DATA_NAMES.get(source.file_format)) is not None:
        others = {name for name, base in names.items() if not wanted.search(base)}
        return others if len(others) < len(names) else set()
    by_suffix = {_SUFFIX_FORMAT.get(posixpath.splitext(_unpacked(base))[1]) for base in names.values()}
    formats = by_suffix if source.file_format == "auto" else {source.file_format}
    if not formats - {None, *_WHOLE_FILE_FORMATS}:
        return set()
    return {name for name, base in names.items() if base.endswith(_NO_DATA) or _is_about_data(base)}


def _is_about_data(base: str) -> bool:
    return base.startswith(_ABOUT_DATA) and _SUFFIX_FORMAT.get(posixpath.splitext(base)[1]) in (
        None,
        *_WHOLE_FILE_FORMATS,
    )


def _unpacked(name: str) -> str:
    stem, suffix = posixpath.splitext(name)
    return stem if suffix in _SUFFIX_COMPRESSION else name


def _datasets_side_files(found: Mapping[str, Listed], where: str) -> set[str]:
    """What lies in a folder written by `save_to_disk` and is not its data: JSON notes, caches of `map` and `filter`.

    InputError when `state.json` lists a file that is not there, or when the rows were chosen by an index file.
    """
    side = set()
    arrow_files: defaultdict[str, set[str]] = defaultdict(set)
    for name in found:
        if name.endswith(".arrow"):
            arrow_files[posixpath.dirname(name)].add(name)
    for name, listed in found.items():
        folder, base = posixpath.split(name)
        if base in _DATASETS_NOTES:
            side.add(name)
        if base != "state.json":
            continue
        state = _state(listed.fs, name)
        data = {posixpath.join(folder, entry["filename"]) for entry in state.get("_data_files") or []}
        side |= arrow_files[folder] - data
        missing = sorted(data - found.keys())
        if missing:
            step = "copy the whole folder, or save it again"
            raise InputError(f"{name} lists {missing[0]}, which is missing", where=where, next_step=step)
        if state.get("_indices_files") or state.get("_indices_data_files"):
            step = "save it again from `datasets` with `flatten_indices().save_to_disk(...)`"
            raise InputError(
                f"{name} selects rows by an index file", expected="plain rows", where=where, next_step=step
            )
    return side


def _state(fs: AbstractFileSystem, name: str) -> dict[str, Any]:
    try:
        state = json.loads(fs.cat_file(name))
    except ValueError as error:
        raise InputError(f"no JSON: {error}", expected="state.json of save_to_disk", where=name) from error
    return state if isinstance(state, dict) else {}


def _root(source: Source, prefixes: list[str]) -> str:
    if source.root is not None:
        return url_to_fs(source.root)[1].rstrip("/")
    return posixpath.commonpath(prefixes) if len({p.startswith("/") for p in prefixes}) == 1 else ""


def _relative(name: str, root: str, source: Source) -> str:
    if root and not name.startswith(root.rstrip("/") + "/"):
        raise InputError(
            f"{name} is not below {root}",
            expected="every file below `root`",
            where=f"source {source.name}",
            next_step="set `root` to a folder above all files",
        )
    # A local name that is not UTF-8 carries surrogates; ids and locations must be valid text.
    return name[len(root) :].lstrip("/").encode("utf-8", "backslashreplace").decode()


def inspected(listed: Listed, name: str, relative: str, source: Source, *, first: bool) -> InputFile:
    """A listed file as an input, its format and packing told by its name, and by its first bytes where these are near."""
    fs = listed.fs
    stem, suffix = posixpath.splitext(relative.lower())
    compression = _SUFFIX_COMPRESSION.get(suffix, "")
    if compression:
        suffix = posixpath.splitext(stem)[1]
    # Opening every file of a remote store would cost a request each; one shows whether the store can be read.
    if _is_near(fs) or first:
        head = _head(listed, name, source)
        compression = compression_of(head, relative)
    chosen = source.file_format if source.file_format != "auto" else _SUFFIX_FORMAT.get(suffix)
    if chosen is None:
        raise InputError(
            f"{relative} is of no known format",
            expected=f"one of {', '.join(sorted(_SUFFIX_FORMAT))}",
            where=f"source {source.name}",
            next_step="set `format`, or leave the file out with `exclude`",
        )
    url = name if _is_local(fs) else fs.unstrip_protocol(name)
    return InputFile(fs, url, relative, listed.size, chosen, compression, listed.version)


def compression_of(head: bytes, name: str) -> str:
    """How a file is packed: gzip, bz2, zstd, xz, 7z or "", by its first bytes, else by its name.

    A `.gz` stored unpacked begins like text; anything else behind such a name is a damaged archive.
    """
    by_content = packed_as(head)
    by_name = _SUFFIX_COMPRESSION.get(posixpath.splitext(name.lower())[1], "")
    return by_content or ("" if is_text(head) else by_name)


def _head(listed: Listed, name: str, source: Source) -> bytes:
    try:
        if not _is_near(listed.fs):
            return bytes(listed.fs.cat_file(name, start=0, end=HEAD_BYTES)) if listed.size else b""
        with listed.fs.open(name, "rb") as stream:
            return bytes(stream.read(HEAD_BYTES))
    except OSError as error:
        raise InputError(
            f"{name} cannot be opened: {error}",
            expected="a readable file",
            where=f"source {source.name}",
            next_step="give the reading user permission, or leave the file out with `exclude`",
        ) from error


def _is_local(fs: AbstractFileSystem) -> bool:
    return "file" in _protocols(fs)


def _is_near(fs: AbstractFileSystem) -> bool:
    return bool({"file", "memory"} & set(_protocols(fs)))


def _protocols(fs: AbstractFileSystem) -> Iterator[str]:
    yield from (fs.protocol,) if isinstance(fs.protocol, str) else fs.protocol
