"""What a person sees: bars on a terminal and in a notebook, lines elsewhere, nothing when quiet."""

import io
import re
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from gristmill.console import Console


class Output:
    """ipywidgets' box for output: what is displayed within it."""

    def __init__(self) -> None:
        self.cleared = 0
        self.closed = False

    def __enter__(self) -> "Output":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def clear_output(self, wait: bool = False) -> None:
        self.cleared += 1

    def close(self) -> None:
        self.closed = True


class ZMQInteractiveShell:
    """The shell of a kernel, by whose name rich knows a notebook."""


def module(monkeypatch: pytest.MonkeyPatch, name: str, **contents: Any) -> None:
    made = ModuleType(name)
    made.__spec__ = ModuleSpec(name, None)
    vars(made).update(contents)
    monkeypatch.setitem(sys.modules, name, made)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Everything displayed in a notebook with ipywidgets, in order."""
    displayed: list[Any] = []
    shell = ZMQInteractiveShell()
    module(monkeypatch, "IPython", get_ipython=lambda: shell)
    module(monkeypatch, "IPython.display", display=displayed.append)
    module(monkeypatch, "ipywidgets", Output=Output)
    monkeypatch.setitem(vars(sys.modules["builtins"]), "get_ipython", lambda: shell)  # as a kernel does
    return displayed


def text_of(displayed: list[Any]) -> str:
    """What is displayed as HTML, without its tags."""
    shown = "".join(one._repr_mimebundle_((), ())["text/html"] for one in displayed if not isinstance(one, Output))
    return re.sub("<[^>]+>", "", shown)


def test_a_notebook_shows_bars_and_lines(shown: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    console = Console()
    console.log("documents: 3 <b>ok</b> of 3")
    with console.progress("measure", 4, "parts") as advance:
        for _ in range(4):
            advance(1)
    boxes = [one for one in shown if isinstance(one, Output)]
    assert len(boxes) == 1
    assert boxes[0].cleared >= 1
    assert boxes[0].closed  # the bar goes when it is full, as on a terminal
    text = text_of(shown)
    assert "documents: 3 &lt;b&gt;ok&lt;/b&gt; of 3" in text
    assert "measure" in text
    assert "0/4 parts" in text  # as the bar begins; it is drawn again ten times a second
    assert capsys.readouterr() == ("", "")


def test_a_quiet_notebook_shows_nothing(shown: list[Any]) -> None:
    console = Console(quiet=True)
    console.log("documents: 3 ok of 3")
    with console.progress("measure", 4, "parts") as advance:
        advance(4)
    assert shown == []


def test_a_stream_that_is_given_is_written_to_in_a_notebook_too(shown: list[Any]) -> None:
    stream = io.StringIO()
    Console(stream).log("documents: 3 ok of 3")
    assert stream.getvalue() == "documents: 3 ok of 3\n"
    assert shown == []


@pytest.mark.parametrize("missing", ["ipywidgets", "kernel"])
def test_without_widgets_or_a_kernel_there_are_lines(
    shown: list[Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], missing: str
) -> None:
    if missing == "kernel":  # IPython on a terminal, whose output goes to a file
        terminal = SimpleNamespace()
        monkeypatch.setitem(vars(sys.modules["builtins"]), "get_ipython", lambda: terminal)
    else:
        monkeypatch.delitem(sys.modules, "ipywidgets")
        monkeypatch.setattr("gristmill.console.find_spec", lambda name: None)
    console = Console()
    console.log("documents: 3 ok of 3")
    with console.progress("measure", 4, "parts") as advance:
        advance(4)
    assert capsys.readouterr().err == "documents: 3 ok of 3\n"
    assert shown == []
