"""Rendering by a chat template: in several threads at once, and in time that grows with the turns."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from gristmill.chat.render import Rendered, UnrenderedError, render
from gristmill.chat.templates import CHATML


def talk(turns: int) -> list[dict[str, Any]]:
    said = [("user", f"Question {n}?") if n % 2 == 0 else ("assistant", f"Answer {n}." * (n % 5)) for n in range(turns)]
    return [{"role": role, "content": content} for role, content in said]


def spoken(rendered: Rendered) -> list[str]:
    return [rendered.text[start:end] for start, end in rendered.generated]


def wanted(messages: Sequence[dict[str, Any]]) -> list[str]:
    return [message["content"] + CHATML.end_of_turn for message in messages if message["role"] == "assistant"]


def test_threads_do_not_mix_their_conversations() -> None:
    talks = [talk(40 + number % 30) for number in range(300)]
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda messages: render(CHATML.jinja, messages), talks))
    assert [spoken(one) for one in found] == [wanted(messages) for messages in talks]


def test_a_conversation_of_many_turns() -> None:
    messages = talk(20_000)
    assert spoken(render(CHATML.jinja, messages)) == wanted(messages)


def test_what_is_no_template_is_named() -> None:
    with pytest.raises(UnrenderedError, match="no chat template"):
        render("{% for %}", talk(2))
    with pytest.raises(UnrenderedError, match=r"refuses it .*role narrator"):
        render(CHATML.jinja, [{"role": "narrator", "content": "It rains."}])
    assert spoken(render(CHATML.jinja, talk(2))) == wanted(talk(2))  # what failed before leaves nothing behind
