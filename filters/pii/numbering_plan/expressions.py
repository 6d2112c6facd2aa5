"""Regular expressions over digits, as `phonenumbers` writes its metadata: read, made automata, made programs.

The library's expressions know digits, classes, groups, alternatives, `?`, `{n,m}` and, in prefixes, `$`; nothing repeats
without end, so each describes finitely many numbers. What must match a whole number becomes an automaton: one
transition a digit. What is cut off a number's front becomes a program for a matcher that tries alternatives in Python's
order, because there the first alternative wins, not the longest.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

ALL_DIGITS = 0b11_1111_1111
# Operations of a program; each row is (operation, first argument, second argument).
DIGIT, SPLIT, JUMP, SAVE, END, MATCH = range(6)


class Digit(NamedTuple):
    """One digit: the bits of those that match."""

    digits: int


class Sequence(NamedTuple):
    parts: tuple["Node", ...]


class Alternatives(NamedTuple):
    options: tuple["Node", ...]


class Optional(NamedTuple):
    """The node, or nothing where the rest does not match with it."""

    node: "Node"


class Group(NamedTuple):
    """A group that is remembered, numbered from 1."""

    number: int
    node: "Node"


class End(NamedTuple):
    """`$`."""


Node = Digit | Sequence | Alternatives | Optional | Group | End


class _Reader:
    """Recursive descent over one expression."""

    def __init__(self, text: str) -> None:
        self.text, self.position, self.groups = text, 0, 0

    def peek(self) -> str:
        return self.text[self.position : self.position + 1]

    def take(self, expected: str = "") -> str:
        found = self.peek()
        if not found or (expected and found != expected):
            raise ValueError(f"{self.text!r} at {self.position}: expected {expected or 'more'!r}, found {found!r}")
        self.position += 1
        return found

    def alternatives(self) -> Node:
        options = [self.sequence()]
        while self.peek() == "|":
            self.take()
            options.append(self.sequence())
        return options[0] if len(options) == 1 else Alternatives(tuple(options))

    def sequence(self) -> Node:
        parts: list[Node] = []
        while self.peek() not in ("", "|", ")"):
            node = self.atom()
            if self.peek() == "?":
                self.take()
                parts.append(Optional(node))
            elif self.peek() == "{":
                parts += self.repeated(node)
            else:
                parts.append(node)
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def repeated(self, node: Node) -> list[Node]:
        self.take("{")
        least = self.number()
        most = least
        if self.peek() == ",":
            self.take()
            most = self.number()
        self.take("}")
        optional: Node | None = None
        for _ in range(most - least):
            optional = Optional(node if optional is None else Sequence((node, optional)))
        return [node] * least + ([optional] if optional is not None else [])

    def number(self) -> int:
        digits = ""
        while self.peek().isdecimal():
            digits += self.take()
        return int(digits)

    def atom(self) -> Node:
        character = self.take()
        if character.isdecimal():
            return Digit(1 << int(character))
        if character == "\\":
            self.take("d")
            return Digit(ALL_DIGITS)
        if character == "[":
            return self.digit_class()
        if character == "$":
            return End()
        if character != "(":
            raise ValueError(f"{self.text!r} at {self.position}: {character!r} is not understood")
        remembered = 0
        if self.peek() == "?":
            self.take()
            self.take(":")
        else:
            self.groups += 1
            remembered = self.groups
        node = self.alternatives()
        self.take(")")
        return Group(remembered, node) if remembered else node

    def digit_class(self) -> Node:
        digits = 0
        while self.peek() != "]":
            if self.peek() == "\\":
                self.take()
                self.take("d")
                digits |= ALL_DIGITS
                continue
            first = last = int(self.take())
            if self.peek() == "-":
                self.take()
                last = int(self.take())
            for digit in range(first, last + 1):
                digits |= 1 << digit
        self.take("]")
        return Digit(digits)


def read_expression(text: str) -> tuple[Node, int]:
    """(tree, number of groups) of an expression; ValueError for what this module does not know."""
    reader = _Reader(text)
    node = reader.alternatives()
    if reader.position != len(text):
        raise ValueError(f"{text!r} at {reader.position}: expected the end")
    return node, reader.groups


class Automata:
    """Automata of many expressions that share their states: equal rests of numbers are one state.

    `transitions[state][digit]` is the next state, `accepted[state]` the bits of the expressions that end there. State 0
    is the one that nothing leaves and nothing accepts.
    """

    def __init__(self) -> None:
        self.transitions: list[tuple[int, ...]] = [(0,) * 10]
        self.accepted: list[int] = [0]
        self._numbers: dict[tuple[int, tuple[int, ...]], int] = {(0, (0,) * 10): 0}

    def add(self, expressions: Mapping[int, str]) -> int:
        """The first state of an automaton that accepts with bit `b` what `expressions[b]` matches as a whole."""
        positions = _Positions()
        entries: set[int] = set()
        for bit, text in expressions.items():
            entries |= positions.entry(read_expression(text)[0], bit)
        return self._state(frozenset(entries), positions, {})

    def _state(self, places: frozenset[int], positions: "_Positions", known: dict[frozenset[int], int]) -> int:
        if places not in known:
            accepted = 0
            after: list[set[int]] = [set() for _ in range(10)]
            for place in places:
                digits = positions.digits[place]
                if digits == 0:
                    accepted |= 1 << positions.bits[place]
                for digit in range(10):
                    if digits >> digit & 1:
                        after[digit] |= positions.follow[place]
            row = tuple(self._state(frozenset(into), positions, known) if into else 0 for into in after)
            key = accepted, row
            if key not in self._numbers:
                self._numbers[key] = len(self.transitions)
                self.transitions.append(row)
                self.accepted.append(accepted)
            known[places] = self._numbers[key]
        return known[places]


class _Positions:
    """The digits of expressions as numbered places, each with the places that can follow (Glushkov's construction).

    A place with no digits is the end of an expression.
    """

    def __init__(self) -> None:
        self.digits: list[int] = []
        self.follow: list[set[int]] = []
        self.bits: dict[int, int] = {}

    def place(self, digits: int) -> int:
        self.digits.append(digits)
        self.follow.append(set())
        return len(self.digits) - 1

    def entry(self, node: Node, bit: int) -> set[int]:
        """The first places of an expression whose end accepts with `bit`."""
        end = self.place(0)
        self.bits[end] = bit
        return self.before(node, {end})

    def before(self, node: Node, after: set[int]) -> set[int]:
        """The first places of `node`, which is followed by the places `after`."""
        match node:
            case Digit(digits):
                place = self.place(digits)
                self.follow[place] = after
                return {place}
            case Sequence(parts):
                for part in reversed(parts):
                    after = self.before(part, after)
                return after
            case Alternatives(options):
                return set().union(*(self.before(option, after) for option in options))
            case Optional(inner):
                return self.before(inner, after) | after
            case Group(_, inner):
                return self.before(inner, after)
        raise ValueError("`$` in an expression for whole numbers")


def program(node: Node) -> list[tuple[int, int, int]]:
    """The rows of a program that matches `node` at the front of a number; jumps are relative to their own row."""
    return [*_rows(node), (MATCH, 0, 0)]


def _rows(node: Node) -> list[tuple[int, int, int]]:
    match node:
        case Digit(digits):
            return [(DIGIT, digits, 0)]
        case End():
            return [(END, 0, 0)]
        case Sequence(parts):
            return [row for part in parts for row in _rows(part)]
        case Group(number, inner):
            return [(SAVE, 2 * number, 0), *_rows(inner), (SAVE, 2 * number + 1, 0)]
        case Optional(inner):
            rows = _rows(inner)
            return [(SPLIT, 1, len(rows) + 1), *rows]
        case Alternatives(options):
            return _choice([_rows(option) for option in options])
    raise AssertionError(node)


def _choice(options: Iterable[list[tuple[int, int, int]]]) -> list[tuple[int, int, int]]:
    first, *rest = options
    if not rest:
        return first
    others = _choice(rest)
    return [(SPLIT, 1, len(first) + 2), *first, (JUMP, len(others) + 1, 0), *others]
