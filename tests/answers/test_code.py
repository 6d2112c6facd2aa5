"""Code against tests: right and wrong code, forms of completions, and code that tries to pass without being right."""

import pytest
from gristmill.answers.batch import check_many
from gristmill.answers.code.program_text import program_parts
from gristmill.answers.contract import Checker
from gristmill.answers.registry import checker
from gristmill.answers.self_test import self_test
from gristmill.sandbox import bubblewrap
from gristmill.schemas.errors import PackageError, RecipeError

ADD = ["assert add(1, 2) == 3", "assert add(-1, 1) == 0", "assert add('a', 'b') == 'ab'"]
LIMITS = {"wall_seconds": 10, "memory_bytes": 256 << 20}


def code(**options: object) -> Checker:
    return checker({"kind": "code", "limits": LIMITS, **options})


@pytest.mark.bwrap
def test_right_and_wrong() -> None:
    tested = code(tests=ADD)
    assert tested.check("def add(a, b):\n    return a + b").why == "3 of 3 passed"
    wrong = tested.check("def add(a, b):\n    return a + b if a != -1 else 7")
    assert (wrong.score, wrong.why) == (0.0, "2 of 3 passed; AssertionError in `assert add(-1, 1) == 0`")
    assert code(tests=ADD, partial=True).check("def add(a, b):\n    return a + b if a != -1 else 7").score == 2 / 3


@pytest.mark.bwrap
@pytest.mark.parametrize(
    ("completion", "why"),
    [
        ("", "no code found"),
        ("I cannot do that.", "0 of 3 passed; the code cannot be loaded: SyntaxError"),
        ("def plus(a, b): return a + b", "0 of 3 passed; the code does not define add"),
        ("def add(a, b): return a", "0 of 3 passed; AssertionError"),
        ("def add(a, b): raise KeyError(a)", "0 of 3 passed; KeyError"),
        ("def add(a, b):\n    while True: pass", "0 of 3 passed; stopped at the time limit of 1 s"),
        ("while True: pass", "0 of 3 passed; stopped at the time limit of 1 s"),
        ("import numpy\ndef add(a, b): return a + b", "0 of 3 passed; the code cannot be loaded: "),
    ],
)
def test_wrong_code_says_why(completion: str, why: str) -> None:
    verdict = code(tests=ADD, limits={"wall_seconds": 1}).check(completion)
    assert verdict.score == 0.0
    assert verdict.why.startswith(why)


ALWAYS_EQUAL = "class Any(int):\n    def __eq__(self, other): return True\n    def __hash__(self): return 0\n"
FORGERIES = [
    "import os\nos._exit(0)",
    "import sys\nsys.exit(0)",
    "raise SystemExit(0)",
    "import os\ndef add(a, b): os._exit(0)",
    "def add(a, b): raise SystemExit(0)",
    "def add(a, b): raise KeyboardInterrupt",
    (
        "import os, signal\n"
        "def add(a, b): os.kill(os.getppid(), signal.SIGKILL); os.kill(1, signal.SIGKILL); os.kill(0, signal.SIGKILL)"
    ),
    ALWAYS_EQUAL + "def add(a, b): return Any()",
    "class Any:\n    def __eq__(self, other): return True\ndef add(a, b): return Any()",
    (
        "class Any(str):\n"
        "    def __eq__(self, other): return True\n"
        "    __hash__ = str.__hash__\n"
        "def add(a, b): return Any('x')"
    ),
    "import builtins\nbuiltins.AssertionError = ValueError\nbuiltins.assert_ = None\ndef add(a, b): return 0",
    (
        "import builtins\n"
        "class Quiet(BaseException): pass\n"
        "builtins.Exception = Quiet\n"
        "builtins.AssertionError = Quiet\n"
        "def add(a, b): return None"
    ),
    "def add(a, b): raise AssertionError",
    "def add(a, b): raise NameError('x', name='y')",
    "def add(a, b): return undefined",
    "import nothing_of_that_name",
    "def add(a, b): import nothing_of_that_name",
    "def add(a, b): raise UnicodeDecodeError('utf-8', b'', 0, 1, 'x')",
    "def add(a, b): raise StopIteration",
    "import atexit, os\natexit.register(lambda: os._exit(0))\ndef add(a, b): return 0",
    # What the channel speaks: replies that nobody asked for, and reports that only tests print.
    (
        "import os, json, struct\n"
        "m = json.dumps(['value', True]).encode()\n"
        "for fd in range(3, 20):\n"
        "    try: os.write(fd, (struct.pack('<I', len(m)) + m) * 9)\n"
        "    except OSError: pass\n"
        "def add(a, b): return 0"
    ),
    (
        "import os\n"
        "for fd in range(20):\n"
        '    try: os.write(fd, b\'["test", ""]\\n["test", ""]\\n["test", ""]\\n["end", 3]\\n\')\n'
        "    except OSError: pass\n"
        "def add(a, b): return 0"
    ),
    "print('3 of 3 passed'); print('[\"end\", 3]')\ndef add(a, b): return 0",
    # The driver, the tests and what runs them, as far as they could be found.
    (
        "import sys\n"
        "for m in list(sys.modules.values()):\n"
        "    for n in ('encode', 'decode', 'reply', 'failure', 'check'):\n"
        "        if hasattr(m, n):\n"
        "            setattr(m, n, lambda *a, **k: True)\n"
        "def add(a, b): return 0"
    ),
    (
        "import gc\n"
        "for o in gc.get_objects():\n"
        "    if type(o).__name__ == 'Candidate': o.reply = lambda m: ['value', [['add', True]]]\n"
        "def add(a, b): return 0"
    ),
    (
        "import glob\n"
        "for p in glob.glob('/program/**', recursive=True) + glob.glob('/proc/*/root/program/tests.json'):\n"
        "    try:\n"
        "        t = open(p).read()\n"
        "        if 'assert' + ' add' in t: found = t\n"
        "    except OSError: pass\n"
        "def add(a, b): return eval(found.split('== ')[1].split('\"')[0])"
    ),
    (
        "import inspect\n"
        "def add(a, b):\n"
        "    for f in inspect.stack():\n"
        "        for v in f.frame.f_locals.values():\n"
        "            if isinstance(v, str) and 'assert add' in v: return 3\n"
        "    return 0"
    ),
    "def abs(x): return 0\ndef len(x): return 3\ndef isinstance(a, b): return True\ndef add(a, b): return -99",
    "def __getattr__(n): return lambda *a: True\nadd = True",
    "add = lambda *a: float('nan')",
    "def add(a, b): return (x for x in iter(int, 1))",
    "def add(a, b):\n    x = []\n    x.append(x)\n    return x",
    "def add(a, b): return [0] * 10**8",
    "def add(a, b): return 10**10**7",
    "import threading, os\nthreading.Thread(target=lambda: os._exit(0)).start()\ndef add(a, b): return 0",
    "import sys\nsys.setrecursionlimit(10**9)\ndef add(a, b): return add(a, b)",
    "import ctypes\ndef add(a, b): ctypes.string_at(0)",
]


@pytest.mark.bwrap
def test_no_forgery_passes_a_test() -> None:
    """Every one is wrong, and none is "not scored" either."""
    spec = {"kind": "code", "tests": ["assert add(1, 2) == 3"], "limits": {**LIMITS, "wall_seconds": 2}}
    verdicts = check_many([{"checker": spec, "completion": forgery} for forgery in FORGERIES], workers=2)
    passed = [(forgery, verdict) for forgery, verdict in zip(FORGERIES, verdicts, strict=True) if verdict.score != 0.0]
    assert passed == []
    assert code(tests=["assert add(1, 2) == 3"]).check("def add(a, b): return a + b").score == 1.0


@pytest.mark.bwrap
def test_arguments_are_changed_in_place_and_functions_are_passed() -> None:
    tests = [
        "x = [3, 1, 2]\nassert put_in_order(x) is None\nassert x == [1, 2, 3]",
        "d = {'a': [1]}\nfill(d)\nassert d == {'a': [1], 'b': (1, {2}, b'3', 1.5, None, True, 2+3j)}",
        "assert apply(lambda v: v * 2, [1, 2]) == [2, 4]",
        "assert [next(g) for g in [naturals()] for _ in range(3)] == [0, 1, 2]",
        "import itertools\nassert list(itertools.islice(naturals(), 4)) == [0, 1, 2, 3]",
        "c = Counter()\nc.add(2)\nc.add(3)\nassert c.total == 5 and str(c) == 'total 5' and len(c) == 2",
        "try:\n    fails()\nexcept ValueError as error:\n    assert 'no' in str(error)\nelse:\n    raise AssertionError",
        "assert big() == 7 ** 9000 and math.isclose(third(), 1 / 3)",
    ]
    source = """
class Counter:
    def __init__(self): self.total, self.n = 0, 0
    def add(self, v): self.total += v; self.n += 1
    def __len__(self): return self.n
    def __str__(self): return f'total {self.total}'
def put_in_order(x): x.sort()
def fill(d): d['b'] = (1, {2}, b'3', 1.5, None, True, 2+3j)
def apply(f, xs): return [f(x) for x in xs]
def naturals():
    n = 0
    while True:
        yield n
        n += 1
def fails(): raise ValueError('no')
def big(): return 7 ** 9000
def third(): return 1 / 3
"""
    verdict = code(tests=tests).check(f"Here:\n```python\n{source}\n```\nThat is it.")
    assert verdict.why == "8 of 8 passed"


@pytest.mark.bwrap
def test_the_set_up_may_use_the_code_and_a_function_may_have_a_built_in_name() -> None:
    source = "class Node:\n    def __init__(self, v): self.v = v\ndef value(node): return node.v"
    assert (
        code(setup="root = Node(3)", tests=["assert value(root) == 3", "assert root.v == 3"]).check(source).score == 1.0
    )
    assert code(setup="root = Node(3)", tests=["assert value(root) == 3"]).check("def value(n): return 3").score == 0.0
    tested = code(tests=["assert sum(10, 15) == 6"])
    assert tested.check("def sum(a, b): return 6").score == 1.0
    assert tested.check("def other(a, b): return 6").score == 0.0


@pytest.mark.bwrap
def test_tests_in_the_form_of_humaneval() -> None:
    prompt = 'from typing import List\n\ndef double(x):\n    return 2 * x\n\ndef four(x: List[int]):\n    """Four times."""\n'
    test = "def check(candidate):\n    assert candidate([1]) == [double(2)]\n    assert candidate([]) == []\n"
    tested = code(tests=test, entry_point="four", prompt=prompt)
    assert tested.check("    return [4 * v for v in x]\n").score == 1.0
    assert tested.check("    return [4 * v for v in x]\n\nprint('and more\n").score == 1.0
    assert (
        tested.check("```python\ndef four(x: List[int]):\n    return [double(double(v)) for v in x]\n```").score == 1.0
    )
    assert tested.check("    pass\n").score == 0.0
    assert tested.check("double = four = None").score == 0.0


@pytest.mark.bwrap
def test_programs_with_inputs_and_outputs() -> None:
    cases = [{"input": "1 2\n", "output": "3\n"}, {"input": "5 6", "output": "11"}]
    tested = code(cases=cases)
    assert tested.check("print(sum(map(int, input().split())))").score == 1.0
    assert tested.check("print(3)").why == "1 of 2 passed; case 2: printed '3', not '11'"
    assert "ZeroDivisionError" in tested.check("1 / 0").why
    assert code(cases=cases, limits={"wall_seconds": 1}).check("while True: pass").why == (
        "0 of 2 passed; case 1: stopped at the limit of time (1 s)"
    )


@pytest.mark.bwrap
@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"tests": "assert add(1"}, "a test cannot be compiled"),
        (
            {"tests": "assert add(1, 2) == undefined_here(3)", "entry_point": "add"},
            "the code does not define undefined_here",
        ),
        (
            {"tests": "import nothing_of_that_name\nassert add(1, 2) == 3"},
            "the tests cannot be run: ModuleNotFoundError",
        ),
        ({"tests": ADD, "setup": "1 / 0"}, "the tests' set-up fails: ZeroDivisionError"),
    ],
)
def test_tests_that_no_code_can_pass(options: dict[str, object], why: str) -> None:
    verdict = code(**options).check("def add(a, b): return a + b")
    assert why in verdict.why
    if "does not define" not in why:
        assert (verdict.score, verdict.cause) == (None, "reference")


@pytest.mark.bwrap
def test_self_tests() -> None:
    row = {"checker": {"kind": "code", "tests": ADD}, "reference": "def add(a, b): return a + b"}
    assert self_test(row).outcome == "passes"
    assert self_test({**row, "reference": "def add(a, b): return a - b"}).outcome == "fails"
    assert self_test({"checker": row["checker"]}).outcome == "cannot be tested"
    assert self_test({"checker": {"kind": "code", "tests": "assert ("}, "reference": "x = 1"}).outcome == "fails"


def test_without_a_sandbox_code_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bubblewrap, "programs", list)
    bubblewrap.examined.cache_clear()
    try:
        verdict = code(tests=ADD).check("def add(a, b): return a + b")
        assert (verdict.score, verdict.cause) == (None, "missing")
        assert "apt-get install bubblewrap" in verdict.why
        with pytest.raises(PackageError, match="apt-get install bubblewrap"):
            code(tests=ADD).require()
    finally:
        bubblewrap.examined.cache_clear()


@pytest.mark.parametrize(
    "options", [{}, {"tests": [], "cases": []}, {"tests": ADD, "cases": [{"input": "", "output": ""}]}]
)
def test_neither_or_both_are_no_checker(options: dict[str, object]) -> None:
    with pytest.raises(RecipeError, match="either `tests` or `cases`"):
        code(**options)


PARTS = [
    ("def f(): pass", "f", "", ["def f(): pass"]),
    ("```python\ndef f(): pass\n```\nand\n```\n>>> f()\n```", "f", "", ["def f(): pass\n"]),
    ("```js\nvar f\n```\n```py\ndef f(): 1\n```", "f", "", ["def f(): 1\n"]),
    ("```python\nimport re\n```\n```python\nx = 1\n```", None, "", ["x = 1\n"]),
    ("```python\ndef f(): 2", "f", "", ["def f(): 2"]),
    ("<think>```python\ndef f(): 0\n```</think>```python\ndef f(): 1\n```", "f", "", ["def f(): 1\n"]),
    ("    return 1", "f", "def f():\n", ["def f():\n    return 1"]),
    (
        "def f(): return 1",
        "f",
        "import re\ndef f():\n    '''doc'''\n",
        ["import re\ndef f():\n    '''doc'''\n", "def f(): return 1"],
    ),
    ("<think>def f(): 1", "f", "", []),
]


@pytest.mark.parametrize(("completion", "entry_point", "prompt", "parts"), PARTS)
def test_the_program_of_a_completion(completion: str, entry_point: str | None, prompt: str, parts: list[str]) -> None:
    assert program_parts(completion, entry_point, prompt) == parts
