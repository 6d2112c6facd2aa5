"""Which files of a repository are meant by imports, as far as paths and the packages that files declare decide it.

An import that names no file of the repository, or that only a build could resolve, means none. Looking one up takes a bounded
number of steps, however many files there are.
"""

import posixpath
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache

from gristmill.filters.code.imports import INCLUDING, JVM, PYTHON, SCRIPT, FileImports, Import

_PYTHON_ENDS = ("/__init__.py", ".py", ".pyx", "/__init__.pyi", ".pyi")
_PYTHON_FOLDERS = ("", "src/", "lib/", "python/")
_SCRIPT_SUFFIXES = (".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts", ".d.ts", ".vue", ".svelte", ".json")
_SCRIPT_ENDS = ("", *_SCRIPT_SUFFIXES, *(f"/index{suffix}" for suffix in _SCRIPT_SUFFIXES))
_COMPILED_FROM = {".js": (".ts", ".tsx", ".d.ts"), ".jsx": (".tsx",), ".mjs": (".mts",), ".cjs": (".cts",)}
_INCLUDE_FOLDERS = ("", "include/", "src/", "inc/", "lib/")
_RUST_ENDS = (".rs", "/mod.rs")
_RUST_ROOTS = ("lib.rs", "main.rs", "mod.rs")
_ANCESTORS = 6  # folders above a file that its imports may be below
_HEADER_PARTS = 4  # of a path, at most, by which a header is found that only one folder has
_PARTS_IN_CLASS = 2  # of an import, that may name what is in a class


class ImportTargets:
    """The files of one repository by the names that others import them by.

    A file is its place in `files`. A place from len(files) on is a package, which several files make: `members` has them.
    """

    def __init__(self, files: Sequence[FileImports]) -> None:
        self.members: list[list[int]] = []
        self._files = files
        self._place = {file.path: place for place, file in enumerate(files)}
        self._packages: dict[tuple[str, str], int] = {}  # ("Go", folder) or ("JVM", name) -> number in `members`
        self._classes: dict[str, int] = {}
        self._headers: dict[str, int | None] = {}  # the last parts of a path -> the one file that has them
        self._go_modules: dict[str, str] = {}  # module -> the folder of its go.mod
        self._python_names: set[str] = set()
        self._python_roots = lru_cache(maxsize=4096)(self._find_python_roots)
        self._rust_root = lru_cache(maxsize=4096)(self._find_rust_root)
        finders: tuple[tuple[Iterable[str], Callable[[str, Import], Iterator[int]]], ...] = (
            (PYTHON, self._python),
            (SCRIPT, self._script),
            (INCLUDING, self._include),
            (JVM, self._jvm),
            (("Go",), self._go),
            (("Rust",), self._rust),
            (("Ruby",), self._ruby),
        )
        self._finders = {language: find for languages, find in finders for language in languages}
        for place, file in enumerate(files):
            self._enter(place, file)

    def of(self, place: int) -> list[int]:
        """The files and packages that a file imports, in order and each once, without itself."""
        file = self._files[place]
        find = self._finders.get(file.language or "")
        found = {target for one in file.imports for target in find(file.path, one)} if find else set()
        return sorted(found - {place})

    def _enter(self, place: int, file: FileImports) -> None:
        folder, name = posixpath.split(file.path)
        if file.language in PYTHON:
            self._python_names.update(folder.split("/"), [name.partition(".")[0]])
        elif file.language in JVM and file.package:
            self._classes.setdefault(f"{file.package}.{name.partition('.')[0]}", place)
            self._join(("JVM", file.package), place)
        elif file.language == "Go" and not name.endswith("_test.go"):
            self._join(("Go", folder), place)
        elif file.language == "Go Module" and file.package:
            self._go_modules.setdefault(file.package, folder)
        elif file.language in INCLUDING:
            parts = file.path.rsplit("/", _HEADER_PARTS)[-_HEADER_PARTS:]
            for first in range(len(parts)):
                tail = "/".join(parts[first:])
                self._headers[tail] = None if tail in self._headers else place

    def _join(self, package: tuple[str, str], place: int) -> None:
        number = self._packages.setdefault(package, len(self.members))
        if number == len(self.members):
            self.members.append([])
        self.members[number].append(place)

    def _package(self, package: tuple[str, str]) -> Iterator[int]:
        if package in self._packages:
            yield len(self._files) + self._packages[package]

    def _first(self, bases: Iterable[str], ends: Sequence[str] = ("",)) -> Iterator[int]:
        """The first of the paths that is a file of the repository, or nothing."""
        paths = ((base + end).lstrip("/") for base in bases for end in ends)
        place = next((self._place[path] for path in paths if path in self._place), None)
        if place is not None:
            yield place

    def _python(self, path: str, wanted: Import) -> Iterator[int]:
        folder = posixpath.dirname(path)
        module = wanted.module.lstrip(".")
        dots = len(wanted.module) - len(module)
        roots: Iterable[str] = ()
        if dots:
            parts = folder.split("/") if folder else []
            if dots <= len(parts) + 1:
                roots = ["/".join(parts[: len(parts) + 1 - dots])]
        elif module.partition(".")[0] in self._python_names:
            roots = self._python_roots(folder)
        names = [module, f"{module}.{wanted.member}"] if wanted.member not in ("", "*") else [module]
        tails = [name.strip(".").replace(".", "/") for name in reversed(names)]
        return self._first((_joined(root, tail) for root in roots for tail in tails), _PYTHON_ENDS)

    def _find_python_roots(self, folder: str) -> list[str]:
        """The folders that absolute imports of files in `folder` may begin at, nearest first: the one that its outermost
        package lies in, those above, and in each the usual folders of sources."""
        while folder and f"{folder}/__init__.py" in self._place:
            folder = posixpath.dirname(folder)
        above = [*_ancestors(folder), ""]
        return list(dict.fromkeys(_joined(one, below).rstrip("/") for one in above for below in _PYTHON_FOLDERS))

    def _script(self, path: str, wanted: Import) -> Iterator[int]:
        base = _relative(path, wanted.module)
        if base is None:
            return
        found = list(self._first([base], _SCRIPT_ENDS))
        stem, suffix = posixpath.splitext(base)
        yield from found or self._first([stem], _COMPILED_FROM.get(suffix, ()))

    def _include(self, path: str, wanted: Import) -> Iterator[int]:
        beside = _relative(path, wanted.module)
        folders = [folder + wanted.module for folder in _INCLUDE_FOLDERS]
        found = list(self._first([beside, *folders] if beside is not None else folders))
        only = self._headers.get(wanted.module)
        return iter(found or ([] if only is None else [only]))

    def _jvm(self, path: str, wanted: Import) -> Iterator[int]:
        if wanted.member == "*" and ("JVM", wanted.module) in self._packages:
            return self._package(("JVM", wanted.module))
        parts = wanted.module.split(".")
        names = (".".join(parts[: len(parts) - inside]) for inside in range(_PARTS_IN_CLASS + 1))
        found = next((self._classes[name] for name in names if name in self._classes), None)
        return iter(() if found is None else (found,))

    def _go(self, path: str, wanted: Import) -> Iterator[int]:
        module, below = wanted.module, ""
        while module and module not in self._go_modules:
            module, _, last = module.rpartition("/")
            below = _joined(last, below)
        if not module:
            return iter(())
        return self._package(("Go", _joined(self._go_modules[module], below).rstrip("/")))

    def _rust(self, path: str, wanted: Import) -> Iterator[int]:
        folder, name = posixpath.split(path)
        own = folder if name in _RUST_ROOTS else _joined(folder, name.removesuffix(".rs"))
        if wanted.module == "mod":
            yield from self._first([_joined(own, wanted.member), _joined(folder, wanted.member)], _RUST_ENDS)
            return
        first, *parts = wanted.module.split("::")
        base = self._rust_root(folder) if first == "crate" else own if first == "self" else posixpath.dirname(own)
        while parts and parts[0] == "super":
            base, parts = posixpath.dirname(base or ""), parts[1:]
        if base is not None:
            tails = ("/".join(parts[:count]) for count in range(len(parts), 0, -1))
            yield from self._first((_joined(base, tail) for tail in tails), _RUST_ENDS)

    def _find_rust_root(self, folder: str) -> str | None:
        """The nearest folder with the root of a crate."""
        above = [*_ancestors(folder), ""]
        roots = ((one, _joined(one, name)) for one in above for name in _RUST_ROOTS[:2])
        return next((one for one, root in roots if root in self._place), None)

    def _ruby(self, path: str, wanted: Import) -> Iterator[int]:
        base = _relative(path, wanted.module)
        return self._first([] if base is None else [base], ("", ".rb"))


def _joined(folder: str, below: str) -> str:
    return f"{folder}/{below}" if folder and below else folder or below


def _ancestors(folder: str) -> Iterator[str]:
    """The folder itself and those above it, to a limit."""
    for _ in range(_ANCESTORS):
        if folder:
            yield folder
        folder = posixpath.dirname(folder)


def _relative(path: str, wanted: str) -> str | None:
    """A path that is written as seen from the folder of another; "" for the repository's root, None outside of it."""
    joined = posixpath.normpath(posixpath.join(posixpath.dirname(path), wanted))
    return None if joined.startswith(("..", "/")) else "" if joined == "." else joined
