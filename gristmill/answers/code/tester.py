"""Runs in the sandbox of the tests: executes them, and asks the code in the other sandbox for what they call.

The tests see the code's functions as stand-ins whose answers are plain values of built-in types. Values are compared here,
where nothing of the code has ever run. One line of JSON is printed for each test, as soon as it is known.

    tester.py READING WRITING       descriptors of the channel; the tests are in /program/tests.json
"""

import ast
import builtins
import contextlib
import importlib
import json
import os
import sys
from typing import Any

from gristmill.answers.code.messages import Channel, Closed
from gristmill.answers.code.values import decode, encode, put_back


class CodeError(Exception):
    """An error that the code raised, of a type that is not built in."""


class Broken(Exception):
    """The tests cannot be run, whatever the code is."""


def _of_code(error: Exception) -> Exception:
    """An error marked as the code's: a name that the code does not find says nothing of the tests."""
    error.of_code = True  # type: ignore[attr-defined]
    return error


class Code:
    """The code in the other sandbox."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.functions: list[Any] = []
        self.asked = 0

    def refer(self, value: Any) -> list[Any]:
        if isinstance(value, StandIn):
            return ["object", value._number]
        if not callable(value):
            raise TypeError(f"a {type(value).__name__} cannot be given to the code")
        self.functions.append(value)
        return ["function", len(self.functions) - 1]

    def resolve(self, form: list[Any]) -> Any:
        if form[0] == "iterator":
            return StandInIterator(self, form[1], str(form[3]))
        if form[0] == "object":
            return StandIn(self, form[1], str(form[3]))
        raise ValueError(f"unknown type {form[0]}")

    def request(self, *message: Any) -> Any:
        """What the code answers; the error that it raised is raised here."""
        self.asked += 1
        self.channel.send(list(message))
        while True:
            reply = self.channel.receive()
            if not isinstance(reply, list) or not reply:
                raise Closed
            if reply[0] != "ask":
                return self._answer(reply)
            self.channel.send(self._called_back(reply))

    def _answer(self, reply: list[Any]) -> Any:
        if reply[0] == "value":
            return reply[1:]
        kinds, text = reply[1], str(reply[2])
        for name in kinds:
            known = getattr(builtins, str(name), None)
            if isinstance(known, type) and issubclass(known, Exception) and known not in (Exception, AssertionError):
                with contextlib.suppress(TypeError):  # of a type that wants more than a text
                    raise _of_code(known(text))
        raise _of_code(CodeError(f"{kinds[0]}: {text}"))

    def _called_back(self, ask: list[Any]) -> list[Any]:
        try:
            arguments, named = decode(ask[2], self.resolve), decode(ask[3], self.resolve)
            return ["answer", encode(self.functions[ask[1]](*arguments, **named), self.refer)]
        except Closed:
            raise
        except Exception as error:
            return ["failed", f"{type(error).__name__}: {error}"]

    def call(self, number: int, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        given = list(arguments)
        answer = self.request("call", number, encode(given, self.refer), encode(named, self.refer))
        if len(answer) > 1:
            for original, changed in zip(given, decode(answer[1], self.resolve), strict=True):
                put_back(original, changed)
        return decode(answer[0], self.resolve)


class StandIn:
    """An object of the code. It equals itself only: what the code says of equality does not count."""

    def __init__(self, code: Code, number: int, kind: str) -> None:
        self.__dict__.update(_code=code, _number=number, _kind=kind)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self._code.call(self._number, arguments, named)

    def __getattr__(self, name: str) -> Any:
        return decode(self._code.request("get", self._number, name)[0], self._code.resolve)

    def __setattr__(self, name: str, value: Any) -> None:
        self._code.request("set", self._number, name, encode(value, self._code.refer))

    def _ask(self, method: str, *arguments: Any) -> Any:
        return self.__getattr__(method)(*arguments)

    def __len__(self) -> int:
        return self._ask("__len__")

    def __bool__(self) -> bool:
        return True

    def __getitem__(self, key: Any) -> Any:
        return self._ask("__getitem__", key)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._ask("__setitem__", key, value)

    def __contains__(self, key: Any) -> bool:
        return self._ask("__contains__", key)

    def __iter__(self) -> Any:
        return self._ask("__iter__")

    def __str__(self) -> str:
        return self._ask("__str__")

    def __repr__(self) -> str:
        return f"<{self._kind} of the code>"


class StandInIterator(StandIn):
    """An iterator of the code, asked for one item at a time, so that it may be endless."""

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        return decode(self._code.request("next", self._number)[0], self._code.resolve)


def names_of(trees: list[ast.AST]) -> tuple[set[str], set[str]]:
    """The names that trees read, and those that they bind."""
    read: set[str] = set()
    bound: set[str] = set()
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Name):
                (read if isinstance(node.ctx, ast.Load) else bound).add(node.id)
            elif isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
                bound.add(node.name)
            elif isinstance(node, ast.arg):
                bound.add(node.arg)
            elif isinstance(node, ast.alias):
                bound.add((node.asname or node.name).split(".")[0])
            elif isinstance(node, ast.ExceptHandler) and node.name:
                bound.add(node.name)
    return read, bound


def called_first(tests: list[ast.Module]) -> set[str]:
    """The first name that tests call: the code's function may have the name of a built-in one, such as `sum`."""
    for tree in tests:
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                return {node.func.id}
    return set()


def parsed(source: str, what: str) -> ast.Module:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Broken(f"{what} cannot be compiled: {error}") from None


class Tests:
    """The tests of a task, and the names that they take from the code."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.tests = [parsed(test, "a test") for test in data["tests"]]
        self.context, self.setup = parsed(data["context"], "the prompt"), parsed(data["setup"], "the set-up")
        read, bound = names_of([self.context, self.setup, *self.tests])
        wanted = {name for name in read - bound if not hasattr(builtins, name)}
        self.modules = {name for name in wanted if name in sys.stdlib_module_names}
        entry = data["entry_point"]
        self.of_code = (wanted - self.modules) | ({entry} if entry else set()) or called_first(self.tests)

    def namespace(self, code: Code, parts: list[str]) -> dict[str, Any]:
        """What the tests start from: the prompt's names, those of the code, which is loaded here, and the set-up's."""
        space: dict[str, Any] = {"__name__": "tests"}
        self._execute(self.context, space)
        for name in self.modules:
            space[name] = importlib.import_module(name)
        loaded = code.request("load", parts, sorted(self.of_code))
        for name, form in loaded[0]:
            if name in self.of_code:
                space[name] = decode(form, code.resolve)
        for name in self.of_code - {name for name, _ in loaded[0]}:
            space.pop(name, None)  # the prompt's own stub is not the code
        asked = code.asked
        failure = self.failure(self.setup, space)
        if failure and code.asked == asked and "does not define" not in failure:
            raise Broken(f"the tests' set-up fails: {failure}")
        if failure:
            raise CodeError(f"the set-up fails with it: {failure}")
        return space

    def _execute(self, tree: ast.Module, space: dict[str, Any]) -> None:
        try:
            exec(compile(tree, "<tests>", "exec"), space)
        except Exception as error:
            raise Broken(f"the prompt fails: {type(error).__name__}: {error}") from None

    def failure(self, tree: ast.Module, space: dict[str, Any]) -> str:
        """Why a test fails; empty where it passes. Broken where no code could pass it."""
        try:
            exec(compile(tree, "<tests>", "exec"), space)
        except Closed:
            raise
        except BaseException as error:
            if isinstance(error, ImportError | NameError) and not hasattr(error, "of_code"):
                return self._missing(error)
            return f"{type(error).__name__}: {error}".strip(": ")[:300] + _line_of(error, tree)
        return ""

    def _missing(self, error: ImportError | NameError) -> str:
        """The code's failure to define a name; Broken for what the tests themselves do not find."""
        if error.name in self.of_code and isinstance(error, NameError):
            return f"the code does not define {error.name}"
        raise Broken(f"the tests cannot be run: {type(error).__name__}: {error}") from None


def _line_of(error: BaseException, tree: ast.Module) -> str:
    """The statement of the tests in which an error came up."""
    line = None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<tests>":
            line = trace.tb_lineno
        trace = trace.tb_next
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt) and node.lineno == line and not hasattr(node, "body"):
            return f" in `{ast.unparse(node)[:200]}`"
    return ""


def main() -> None:
    """Run every test, each with names of its own; one line for each, and at last that all were run."""
    out = os.fdopen(os.dup(1), "w")
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1):
        os.dup2(nothing, descriptor)
    sys.set_int_max_str_digits(0)

    def say(*report: Any) -> None:
        print(json.dumps(report), file=out, flush=True)

    code = Code(Channel(int(sys.argv[1]), int(sys.argv[2])))
    with open("/program/tests.json", encoding="utf-8") as file:
        data = json.load(file)
    try:
        tests = Tests(data)
        try:
            space = tests.namespace(code, data["parts"])
        except Broken:
            raise
        except Closed:
            say("failed", "the code ended while it was loaded")
            return
        except Exception as error:
            say("failed", f"the code cannot be loaded: {type(error).__name__}: {error}"[:300])
            return
        for tree in tests.tests:
            failure = tests.failure(tree, dict(space))
            say("test", failure)
        say("end", len(tests.tests))
    except Broken as error:
        say("broken", str(error)[:300])
    except Closed:
        say("failed", "the code ended while it was tested")


if __name__ == "__main__":
    main()
