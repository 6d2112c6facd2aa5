"""Runs in the sandbox of the code that is tested: loads it, and does what the tests ask of it.

Nothing here is trusted by the other side: whatever the code does to this process, it can only change which values it returns.
"""

import os
import sys
from typing import Any

from gristmill.answers.code.messages import Channel, Closed
from gristmill.answers.code.values import decode, encode


class Candidate:
    """The code's objects by number, and its conversation with the tests."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.objects: list[Any] = []
        self.namespace: dict[str, Any] = {"__name__": "candidate", "__builtins__": __builtins__}

    def refer(self, value: Any) -> list[Any]:
        """The number of an object that stays here."""
        self.objects.append(value)
        kind = "iterator" if hasattr(value, "__next__") else "object"
        return [kind, len(self.objects) - 1, callable(value), type(value).__name__]

    def resolve(self, form: list[Any]) -> Any:
        """An object that stays here, spoken of by number, or a function of the tests."""
        if form[0] in ("object", "iterator"):
            return self.objects[form[1]]
        if form[0] != "function":
            raise ValueError(f"unknown type {form[0]}")
        return lambda *arguments, **named: self.ask(form[1], arguments, named)

    def ask(self, number: int, arguments: Any, named: dict[str, Any]) -> Any:
        """Call a function of the tests, and do meanwhile what it asks in turn."""
        self.channel.send(["ask", number, encode(list(arguments), self.refer), encode(named, self.refer)])
        while True:
            message = self.channel.receive()
            if message[0] == "answer":
                return decode(message[1], self.resolve)
            if message[0] == "failed":
                raise RuntimeError(message[1])
            self.channel.send(self.reply(message))

    def reply(self, message: list[Any]) -> list[Any]:
        """What comes of a request: a value with arguments that have changed, or the error that was raised."""
        try:
            return self.done(message)
        except Closed:
            raise
        except BaseException as error:  # SystemExit, too: the tests decide what it means
            return ["raised", [base.__name__ for base in type(error).__mro__], str(error)[:1000]]

    def done(self, message: list[Any]) -> list[Any]:
        what, *rest = message
        if what == "load":
            for source in rest[0]:
                exec(compile(source, "<code>", "exec"), self.namespace)
            return [
                "value",
                [[name, encode(self.namespace[name], self.refer)] for name in rest[1] if name in self.namespace],
            ]
        target = self.objects[rest[0]]
        if what == "next":
            return ["value", encode(next(target), self.refer)]
        if what == "get":
            return ["value", encode(getattr(target, rest[1]), self.refer)]
        if what == "set":
            setattr(target, rest[1], decode(rest[2], self.resolve))
            return ["value", None]
        arguments, named = decode(rest[1], self.resolve), decode(rest[2], self.resolve)
        answer = encode(target(*arguments, **named), self.refer)
        after = encode(arguments, self.refer)
        return ["value", answer] if after == rest[1] else ["value", answer, after]


def main() -> None:
    """Serve the tests until they close the channel."""
    channel = Channel(os.dup(0), os.dup(1))
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    sys.set_int_max_str_digits(0)
    candidate = Candidate(channel)
    while True:
        message = channel.receive()
        reply = candidate.reply(message)
        try:
            channel.send(reply)
        except ValueError as error:
            channel.send(["raised", ["ValueError", "Exception"], str(error)])


if __name__ == "__main__":
    main()
