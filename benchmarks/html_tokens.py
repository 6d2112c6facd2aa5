"""The tokeniser against the suites that HTML parsers share (html5lib-tests, folder `tokenizer`).

    python benchmarks/html_tokens.py FOLDER      a folder with *.test files, searched to the bottom

Every test in every initial state it names; prints those that fail, and how many agree. Parse errors are not compared.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gristmill.filters.html.tokens import STATES, Token, tokens

_ESCAPE = re.compile(r"\\u([0-9A-Fa-f]{4})")


def unescaped(value: Any) -> Any:
    """`\\uXXXX` in the strings of a test that says doubleEscaped."""
    if isinstance(value, str):
        return _ESCAPE.sub(lambda match: chr(int(match[1], 16)), value)
    if isinstance(value, list):
        return [unescaped(one) for one in value]
    return {unescaped(key): unescaped(one) for key, one in value.items()} if isinstance(value, dict) else value


def as_listed(token: Token) -> list[Any]:
    """A token as the suites write it."""
    if token.kind == "text":
        return ["Character", token.name]
    if token.kind == "start":
        return ["StartTag", token.name, token.attributes, *([True] if token.flag else [])]
    if token.kind == "end":
        return ["EndTag", token.name]
    if token.kind == "comment":
        return ["Comment", token.name]
    return ["DOCTYPE", token.name, token.attributes.get("public"), token.attributes.get("system"), not token.flag]


def joined(listed: Iterator[list[Any]]) -> list[list[Any]]:
    """Tokens with neighbouring texts made one, and none without a character."""
    made: list[list[Any]] = []
    for token in listed:
        if token[0] == "Character" and made and made[-1][0] == "Character":
            made[-1] = ["Character", made[-1][1] + token[1]]
        elif token != ["Character", ""]:
            made.append(token)
    return made


def main(folder: Path) -> None:
    agreed = count = 0
    for path in sorted(folder.rglob("*.test")):
        for test in json.loads(path.read_text(encoding="utf-8")).get("tests", []):
            text, expected = test["input"], test["output"]
            if test.get("doubleEscaped"):
                text, expected = unescaped(text), unescaped(expected)
            html = (
                text.encode("utf-16", "surrogatepass")
                .decode("utf-16", "surrogatepass")
                .encode("utf-8", "surrogatepass")
            )
            for state in test.get("initialStates", ["Data state"]):
                name = state.removesuffix(" state").lower().removesuffix(" section").removesuffix(" data")
                assert name in STATES, state
                found = joined(as_listed(token) for token in tokens(html, name, test.get("lastStartTag", "")))
                count += 1
                agreed += found == joined(list(token) for token in expected)
                if found != joined(list(token) for token in expected):
                    print(f"{path.name}, {state}: {text!r}: found {found}, expected {expected}")
    print(f"{agreed:,} of {count:,} tests agree")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
