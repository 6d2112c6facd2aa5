"""A git repository, bare or with a work tree: the files of one commit, read from its objects.

The objects are read by dulwich, in Python: the git program would take settings of the repository that name programs to run
(`core.fsmonitor`, promisor remotes), this runs nothing and needs no work tree. The size that an object declares is looked at
before it is unpacked, so that a small pack cannot fill the memory.
"""

import mmap
import os
import re
import stat
import zlib
from collections.abc import Iterator
from functools import partial
from typing import Any

from dulwich.errors import NotGitRepository
from dulwich.objects import S_ISGITLINK, Commit, ObjectID, RawObjectID, Tag, Tree
from dulwich.pack import Pack
from dulwich.refs import Ref
from dulwich.repo import Repo
from gristmill.pipelines.sources.repositories.files import ReadError, RepositoryFile, clean_path

MAX_TREE_BYTES = 64 << 20
MAX_DEPTH = 200
MAX_CHAIN = 10_000
_OFS_DELTA, _REF_DELTA = 6, 7
_DEFECTS = (
    KeyError,
    ValueError,
    AssertionError,
    OSError,
    zlib.error,
    NotGitRepository,
    IndexError,
    TypeError,
    OverflowError,
)
_CREDENTIALS = re.compile(r"^(\w+://)[^/@]*@")


class GitRepository:
    """A repository at a folder: a checkout that has `.git`, or a bare one.

    revision: a branch, tag or commit; "": HEAD. Raises ReadError when there is no such commit.
    """

    def __init__(self, folder: str, name: str, revision: str = "") -> None:
        self.name = name
        self.damage: list[str] = []
        try:
            self._repo = Repo(folder)
            self._sizes = ObjectSizes(self._repo)
            commit = self._commit(revision)
            self.revision, self._tree = commit.id.decode(), commit.tree
        except _DEFECTS as error:
            raise ReadError(f"no commit {revision or 'HEAD'} can be read: {type(error).__name__} {error}") from error
        self.url = _address(self._repo)

    def files(self) -> Iterator[RepositoryFile]:
        self.damage.clear()
        yield from self._walk(self._tree, "", 0)

    def close(self) -> None:
        self._sizes.close()
        self._repo.close()

    def _commit(self, revision: str) -> Commit:
        refs = self._repo.refs
        names = [revision, f"refs/tags/{revision}", f"refs/heads/{revision}", f"refs/remotes/origin/{revision}"]
        wanted = [Ref(name.encode()) for name in names if revision]
        found = next((refs[name] for name in wanted if name in refs), None)
        if found is None:
            found = ObjectID(revision.encode()) if revision else self._repo.head()
        for _ in range(10):
            one = self._object(found, MAX_TREE_BYTES)
            if isinstance(one, Commit):
                return one
            if not isinstance(one, Tag):
                break
            found = one.object[1]
        raise KeyError(revision)

    def _walk(self, tree_id: ObjectID, prefix: str, depth: int) -> Iterator[RepositoryFile]:
        """The files of a tree, in the order git keeps them: by name, folders as if their names ended in `/`."""
        try:
            tree = self._object(tree_id, MAX_TREE_BYTES)
            if depth > MAX_DEPTH or not isinstance(tree, Tree):
                raise ValueError("a tree that is none, or lies too deep")
            entries = list(tree.items())
        except (*_DEFECTS, ReadError) as error:
            self.damage.append(f"{prefix or '/'}: {type(error).__name__} {error}")
            return
        for entry in entries:
            path = clean_path(prefix + (entry.path or b"").decode("utf-8", "backslashreplace"))
            if path is None:
                self.damage.append(f"{prefix}: a name that leaves the repository")
            elif stat.S_ISDIR(entry.mode or 0):
                yield from self._walk(entry.sha, path + "/", depth + 1)
            else:
                mode = entry.mode or 0
                kind = "submodule" if S_ISGITLINK(mode) else "link" if stat.S_ISLNK(mode) else "file"
                size = self._size(entry.sha) if kind == "file" else 0
                yield RepositoryFile(path, size, kind, partial(self._blob, entry.sha))

    def _size(self, sha: Any) -> int:
        try:
            return self._sizes.of(sha)
        except (*_DEFECTS, ReadError):
            return 1  # not empty, as far as is known: reading it says what is wrong

    def _blob(self, sha: Any) -> bytes:
        try:
            return bytes(self._object(sha, MAX_TREE_BYTES).as_raw_string())
        except _DEFECTS as error:
            raise ReadError(f"object {sha.decode()}: {type(error).__name__} {error}") from error

    def _object(self, sha: Any, limit: int) -> Any:
        size = self._sizes.of(sha)
        if size > limit:
            raise ReadError(f"object {sha.decode()} has {size} bytes, more than {limit}")
        return self._repo.object_store[sha]


class ObjectSizes:
    """What the objects of a repository declare to be unpacked to."""

    def __init__(self, repo: Repo) -> None:
        self._store = repo.object_store
        self._maps: dict[str, mmap.mmap] = {}

    def of(self, sha: ObjectID) -> int:
        """The largest size that an object, and what its deltas are made from, declare; KeyError where it is not there."""
        raw = RawObjectID(bytes.fromhex(sha.decode()))
        for pack in self._store.packs:
            try:
                offset = pack.index.object_offset(raw)
            except KeyError:
                continue
            return self._packed(pack, offset)
        path = os.path.join(self._store.path, sha[:2].decode(), sha[2:].decode())
        if os.path.exists(path):
            return _loose_size(path)
        if any(sha in alternate for alternate in self._store.alternates):
            return 0
        raise KeyError(sha.decode())

    def close(self) -> None:
        for mapped in self._maps.values():
            mapped.close()

    def _packed(self, pack: Pack, offset: int) -> int:
        """The largest size along a chain of deltas. dulwich itself unpacks no more than what is declared here."""
        path = str(pack.data.path)
        if path not in self._maps:
            with open(path, "rb") as stored:
                self._maps[path] = mmap.mmap(stored.fileno(), 0, access=mmap.ACCESS_READ)
        buffer, largest = self._maps[path], 0
        id_bytes = self._store.object_format.oid_length
        for _ in range(MAX_CHAIN):
            kind, size, at = _header(buffer, offset)
            largest = max(largest, size)
            if kind == _OFS_DELTA:
                back, at = _base_distance(buffer, at)
                if back <= 0 or back > offset:
                    raise ValueError("a delta without base")
                largest = max(largest, _target_size(buffer, at))
                offset -= back
            elif kind == _REF_DELTA:
                largest = max(largest, _target_size(buffer, at + id_bytes))
                offset = pack.index.object_offset(RawObjectID(buffer[at : at + id_bytes]))
            else:
                return largest
        raise ValueError("a chain of deltas without end")


def _loose_size(path: str) -> int:
    """Of an object in a file of its own: it is unpacked in pieces, as its header may lie."""
    unpack, size = zlib.decompressobj(), 0
    with open(path, "rb") as stored:
        while block := stored.read(1 << 16):
            while block:
                size += len(unpack.decompress(block, 1 << 20))
                if size > MAX_TREE_BYTES or unpack.eof:
                    return size
                block = unpack.unconsumed_tail
    return size


def _header(buffer: mmap.mmap, at: int) -> tuple[int, int, int]:
    byte = buffer[at]
    kind, size, shift = byte >> 4 & 7, byte & 15, 4
    while byte & 0x80:
        at += 1
        byte = buffer[at]
        size |= (byte & 0x7F) << shift
        shift += 7
    return kind, size, at + 1


def _base_distance(buffer: mmap.mmap, at: int) -> tuple[int, int]:
    byte = buffer[at]
    back = byte & 0x7F
    while byte & 0x80:
        at += 1
        byte = buffer[at]
        back = (back + 1) << 7 | byte & 0x7F
    return back, at + 1


def _target_size(buffer: mmap.mmap, at: int) -> int:
    """The size of what a delta makes: the second number at its beginning."""
    head = zlib.decompressobj().decompress(bytes(buffer[at : at + 128]), 32)
    place = 0
    for number in range(2):
        size = shift = 0
        while True:
            byte = head[place]
            size |= (byte & 0x7F) << shift
            shift, place = shift + 7, place + 1
            if not byte & 0x80:
                break
        if number:
            return size
    return 0


def _address(repo: Repo) -> str:
    """Where the repository was cloned from, without credentials; "" where it does not say, or says a folder."""
    try:
        url = repo.get_config().get((b"remote", b"origin"), b"url").decode("utf-8", "replace")
    except _DEFECTS:
        return ""
    if url.startswith("git@") and ":" in url:
        host, _, path = url[4:].partition(":")
        url = f"https://{host}/{path}"
    url = _CREDENTIALS.sub(r"\1", url)
    return (
        url.removesuffix("/").removesuffix(".git")
        if url.startswith(("https://", "http://", "git://", "ssh://"))
        else ""
    )
