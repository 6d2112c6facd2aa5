"""Files after the files that they import: in seven kinds of languages, in circles, and where imports mean harm."""

import random

import pytest
from gristmill.filters.code.dependency_order import in_dependency_order
from gristmill.filters.code.imports import MAX_NAME_CHARACTERS, FileImports, Import, imports_of
from gristmill.filters.code.languages import language_of
from hypothesis import given
from hypothesis import strategies as st

from tests.growth.counting import assert_linear, count_calls


def read(path: str, text: str) -> FileImports:
    return imports_of(path, language_of(path, text).name, text)


def order(files: dict[str, str]) -> list[str]:
    """The paths in order; the same from any order of the files."""
    found = [read(path, text) for path, text in files.items()]
    orders = []
    for seed in range(3):
        random.Random(seed).shuffle(found)
        orders.append([found[place].path for place in in_dependency_order(found)])
    assert orders[0] == orders[1] == orders[2]
    assert sorted(orders[0]) == sorted(files)
    return orders[0]


def test_a_chain_and_what_nobody_imports() -> None:
    files = {"a.py": "import b\n", "b.py": "import c\n", "c.py": "import os\n", "bb.py": ""}
    assert order(files) == ["bb.py", "c.py", "b.py", "a.py"]
    assert order({"b.py": "", "a.py": "", "c.py": ""}) == ["a.py", "b.py", "c.py"]
    assert order({}) == []


def test_a_diamond() -> None:
    files = {"main.py": "import left, right\n", "left.py": "import base\n", "right.py": "import base\n", "base.py": ""}
    assert order(files) == ["base.py", "left.py", "right.py", "main.py"]


def test_circles_begin_with_their_first_path() -> None:
    ring = {"a.py": "import b", "b.py": "import c", "c.py": "import a"}
    assert order(ring) == ["a.py", "c.py", "b.py"]
    assert order({"a.py": "import a, b", "b.py": "import a"}) == ["a.py", "b.py"]
    around = ring | {"0.py": "import a", "z.py": "", "c.py": "import a, z"}
    assert order(around) == ["a.py", "0.py", "z.py", "c.py", "b.py"]


CASES = {
    "Python: packages, relative imports, submodules by `from`": (
        {
            "pkg/__init__.py": "from .core import run\n",
            "pkg/core.py": "from . import a_last\nfrom .sub import (\n    deep,  # the module\n    other,\n)\n",
            "pkg/sub/__init__.py": "",
            "pkg/sub/deep.py": "from ..zz import x\n",
            "pkg/a_last.py": "import pkg.zz as z; import json\n",
            "pkg/zz.py": '"""Use it so:\n\nimport pkg\n"""\nnothing = "x"\n# import pkg.core\n',
            "tests/test_core.py": "if True:\n    import pkg.core\n",
        },
        [
            "pkg/sub/__init__.py",
            "pkg/zz.py",
            "pkg/a_last.py",
            "pkg/sub/deep.py",
            "pkg/core.py",
            "pkg/__init__.py",
            "tests/test_core.py",
        ],
    ),
    "Python: the source folder, siblings of scripts, no siblings inside packages": (
        {
            "a.py": "from mill.json import x\nfrom helper import y\n",
            "helper.py": "",
            "a.ipynb": "Notes.\n\n```python\nfrom src.mill import aa\n```\n",
            "src/mill/__init__.py": "",
            "src/mill/json.py": "",
            "src/mill/aa.py": "import json\n",
        },
        ["helper.py", "src/mill/__init__.py", "src/mill/aa.py", "a.ipynb", "src/mill/json.py", "a.py"],
    ),
    "JavaScript and TypeScript: relative paths, indexes, what is compiled from TypeScript": (
        {
            "a/app.ts": "import {\n  x,\n} from './zlib';\nexport * from '../shared';\n// import './zz'\nimport 'react';\n",
            "a/zlib.tsx": "const y = require('./util.js');\nconst z = await import(`../lazy.mjs`);\n",
            "a/util.ts": "",
            "a/zz.ts": "import './app'\n",
            "lazy.mts": "",
            "shared/index.js": "module.exports = require('..');\n",
            "index.js": "",
        },
        ["a/util.ts", "index.js", "lazy.mts", "a/zlib.tsx", "shared/index.js", "a/app.ts", "a/zz.ts"],
    ),
    "C and C++: beside the file, in include folders, by a name that only one folder has": (
        {
            "app/main.c": '#include "util.h"\n#  include <mill/stone.h>\n#include <stdio.h>\n#include "only.h"\n',
            "app/util.h": '#include "../zz/types.h"\n',
            "zz/types.h": "",
            "zz/deep/only.h": "",
            "include/mill/stone.h": "",
            "lib/stdio.h": '#include "main.c"\n',
        },
        ["include/mill/stone.h", "zz/deep/only.h", "zz/types.h", "app/util.h", "app/main.c", "lib/stdio.h"],
    ),
    "Go: the files of an imported package, by the module of go.mod": (
        {
            "go.mod": "module example.com/mill\n\ngo 1.22\n",
            "cmd/main.go": 'package main\n\nimport (\n\t"fmt"\n\tg "example.com/mill/zgrain" // (grain)\n)\n',
            "zgrain/b.go": 'package zgrain\nimport "example.com/mill/zz"\n',
            "zgrain/a.go": "package zgrain\n",
            "zgrain/a_test.go": 'package zgrain_test\nimport _ "example.com/mill/zgrain"\n',
            "zz/z.go": 'package zz\nimport "errors"\n',
            "errors/e.go": 'package errors\nimport "example.com/mill/cmd"\n',
        },
        ["go.mod", "zgrain/a.go", "zz/z.go", "zgrain/b.go", "cmd/main.go", "errors/e.go", "zgrain/a_test.go"],
    ),
    "Rust: modules and uses": (
        {
            "src/lib.rs": "pub mod api;\nmod zz;\n",
            "src/api.rs": "use crate::zz::{self, deep::{Thing as T, other}, more};\nmod part;\nuse std::fmt;\n",
            "src/api/part.rs": "use super::super::zz::more::*;\n",
            "src/zz/mod.rs": "pub mod deep;\npub(crate) mod more;\n",
            "src/zz/deep.rs": "use self::none::x;\n",
            "src/zz/more.rs": "",
        },
        ["src/zz/deep.rs", "src/zz/more.rs", "src/api/part.rs", "src/zz/mod.rs", "src/api.rs", "src/lib.rs"],
    ),
    "Java and its kin: classes, what is in them, whole packages": (
        {
            "app/A.java": "package app;\nimport static lib.Zed.call;\nimport lib.Outer.Inner;\nimport java.util.List;\n",
            "main/lib/Zed.java": "package lib;\nimport data.*;\n",
            "main/lib/Outer.java": "package lib;\n",
            "src/zz/D1.kt": "package data\n",
            "src/zz/D2.scala": "package data\nimport other.{Q, R => S}\n",
            "src/zz/Q.scala": "package other\n",
        },
        ["main/lib/Outer.java", "src/zz/D1.kt", "src/zz/Q.scala", "src/zz/D2.scala", "main/lib/Zed.java", "app/A.java"],
    ),
    "Ruby": (
        {
            "a.rb": "require_relative 'lib/zz'\nrequire 'json'\n",
            "lib/zz.rb": 'require_relative("../b.rb")\n',
            "b.rb": "",
        },
        ["b.rb", "lib/zz.rb", "a.rb"],
    ),
    "what leads out of the repository or to nothing": (
        {
            "a.py": "from ... import b\nfrom .... import b\nimport nothing, b.c.d\n",
            "a.js": "import '../../b.js'\nimport '/b.js'\nimport 'b'\n",
            "a.c": '#include "/etc/passwd"\n#include "../b.h"\n',
            "b.py": "",
            "b.js": "",
            "b.h": "",
        },
        ["a.c", "a.js", "a.py", "b.h", "b.js", "b.py"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_languages(case: str) -> None:
    files, expected = CASES[case]
    assert order(files) == expected


@given(st.lists(st.sets(st.integers(0, 7)), min_size=1, max_size=8))
def test_what_must_hold_of_every_order(imports: list[set[int]]) -> None:
    """Against a plain reference: who reaches whom, and the first that may come next."""
    count = len(imports)
    needs = [{one for one in mine if one < count and one != place} for place, mine in enumerate(imports)]
    files = {f"f{place}.py": "\n".join(f"import f{one}" for one in sorted(mine)) for place, mine in enumerate(needs)}
    found = [int(path[1]) for path in order(files)]
    reach = [set(mine) for mine in needs]
    for _ in range(count):
        reach = [mine.union(*(reach[one] for one in mine)) for mine in reach]
    place_of = {one: place for place, one in enumerate(found)}
    for user in range(count):
        circle = {one for one in reach[user] if user in reach[one]} | {user}
        assert place_of[min(circle)] == min(place_of[one] for one in circle)
        assert all(place_of[one] < place_of[user] for one in needs[user] - circle)
    if not any(place in mine for place, mine in enumerate(reach)):
        expected: list[int] = []
        while len(expected) < count:
            expected.append(min(one for one in range(count) if one not in expected and needs[one] <= set(expected)))
        assert found == expected


def ring(size: int) -> dict[str, str]:
    return {f"f{place:05d}.py": f"import f{(place + 1) % size:05d}\n" for place in range(size)}


def test_ten_thousand_files_in_one_circle() -> None:
    size = 10_000
    files = [read(path, text) for path, text in ring(size).items()]
    assert in_dependency_order(files) == [0, *range(size - 1, 0, -1)]


def test_work_is_linear_in_files_and_imports() -> None:
    def in_a_ring(size: int) -> int:
        files = [read(path, text) for path, text in ring(size).items()]
        return count_calls(lambda: in_dependency_order(files))

    def packages_that_all_import(size: int) -> int:
        """As many importers as there are files in the package: not the product of both."""
        files = [FileImports("go.mod", "Go Module", "m", ())]
        files += [FileImports(f"p/{place}.go", "Go", "", ()) for place in range(size)]
        files += [FileImports(f"u{place}/x.go", "Go", "", (Import("m/p"),)) for place in range(size)]
        return count_calls(lambda: in_dependency_order(files))

    def one_header_name(size: int) -> int:
        files = [FileImports(f"d{place}/util.h", "C", "", (Import("x/util.h"),)) for place in range(size)]
        return count_calls(lambda: in_dependency_order(files))

    for work in (in_a_ring, packages_that_all_import, one_header_name):
        assert_linear(work, 200)


LONG = 1 << 20
HOSTILE = {
    "a.py": [
        "import " + ", ".join(f"m{place}" for place in range(LONG // 8)),
        "import " + "a." * (LONG // 2) + "a",
        "from x import (\n" * (LONG // 16),
        '\\"""' * (LONG // 4) + "\\",
        "from " + "." * LONG + " import x",
    ],
    "a.js": ["import './a';" * (LONG // 13), "from '" * (LONG // 6), "import " * (LONG // 7)],
    "a.c": ['#include "' + "a/" * (LONG // 2) + '"', "#include <" * (LONG // 10), '#include "a\n' * (LONG // 12)],
    "a.go": ["import (\n" * (LONG // 9), 'import "' + "a/" * (LONG // 2) + '"'],
    "a.rs": [
        "use crate::" + "{a::" * (LONG // 4),
        "use crate::" * (LONG // 11) + ";",
        "use crate::" + "a," * LONG + ";",
    ],
    "A.java": ["import " + "a." * (LONG // 2) + "*;", "import a{" * (LONG // 9), "package a\n" * (LONG // 10)],
    "a.rb": ["require_relative '" * (LONG // 18)],
}


@pytest.mark.parametrize("path", HOSTILE)
def test_a_megabyte_of_imports(path: str) -> None:
    for text in HOSTILE[path]:
        found = read(path, text)
        assert all(len(part) <= MAX_NAME_CHARACTERS for one in found.imports for part in one)
        assert len(found.imports) <= LONG // 8
        assert in_dependency_order([found, read("z/other.py", "")]) in ([0, 1], [1, 0])
