"""Chat templates of others that mark nothing, with the marks that say what the assistant wrote.

Most published templates write a turn by one expression, `'<|im_start|>' + message['role'] + '\\n' + message['content'] +
'<|im_end|>' + '\\n'`, inside a loop over the messages, or set it as a variable and write that. For the assistant's turns the
expression is parted where the content begins and behind the token that ends the turn, and `{% generation %}` stands around what
is between. Nothing is believed: the patched template must render probes as the original does, to the character, and mark in
each turn of the assistant its content and what ends it; else it is refused.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from gristmill.chat.render import UnrenderedError, marks_generation, render

_LOOP = re.compile(r"\{%-?\s*for\s+(\w+)\s+in\s+[\w.\[\]:]*messages[\w.\[\]:]*\s*-?%\}")
_OUTPUT = re.compile(r"\{\{(-?)\s*(.*?)\s*(-?)\}\}", re.DOTALL)
_SET = r"\{%-?\s*set\s+VARIABLE\s*=\s*(.*?)\s*-?%\}"
_LITERAL = re.compile(r"""^(['"])((?:\\.|(?!\1).)*)\1$""", re.DOTALL)
_PROBES: tuple[tuple[tuple[str, str], ...], ...] = (
    (("user", "Käse?"), ("assistant", "Ja, 3 kg.")),
    (("user", "one"), ("assistant", "two"), ("user", "three\n\nfour"), ("assistant", "five\n```\nsix\n```")),
    (("system", "Be kind."), ("user", "one"), ("assistant", "two")),
)


class Patched(NamedTuple):
    """template: the patched one. change: what was written in place of what, for people."""

    template: str
    change: str


def patched(template: str, special_tokens: Mapping[str, str], ends: Sequence[str]) -> Patched | None:
    """The template with marks; None where its form is not known, or the patched one does not hold.

    special_tokens: `bos_token`, ... as templates name them. ends: texts that may end a turn: the special tokens.
    """
    loop = _LOOP.search(template)
    if loop is None or marks_generation(template):
        return None
    message = loop.group(1)
    content = re.compile(rf"\b{message}(?:\.content|\[(?:'content'|\"content\")\])")
    made, changes = template, []
    for output in reversed(list(_OUTPUT.finditer(template, loop.end()))):
        new = _marked(output, template, message, content, special_tokens, ends)
        if new is not None:
            made = made[: output.start()] + new + made[output.end() :]
            changes.append(f"{output.group(0)} became {new}")
    if not changes or not _holds(template, made, special_tokens, ends):
        return None
    return Patched(made, "; ".join(reversed(changes)))


def _marked(
    output: re.Match[str],
    template: str,
    message: str,
    content: re.Pattern[str],
    special_tokens: Mapping[str, str],
    ends: Sequence[str],
) -> str | None:
    """What stands in place of an output that writes a turn; None for one that writes none."""
    written = output.group(2)
    if content.search(written):
        parted = _parted(written, content, special_tokens, ends)
        if parted is None:
            return None
        opening, kept, rest = parted
    else:
        variable = re.fullmatch(r"\w+", written)
        sets = re.search(_SET.replace("VARIABLE", written), template[: output.start()], re.DOTALL) if variable else None
        parted = (
            _parted(sets.group(1), content, special_tokens, ends) if sets and content.search(sets.group(1)) else None
        )
        if parted is None:
            return None
        _, kept, rest = parted
        tail = f"({kept})" if rest is None else f"({kept} + {rest})"
        opening = f"{written}[:({written} | length) - ({tail} | length)]"
    before = f"{{{{{output.group(1)} '' }}}}"
    behind = f"{{{{ '' {output.group(3)}}}}}"
    first = "" if opening is None else f"{{{{ {opening} }}}}"
    last = "" if rest is None else f"{{{{ {rest} }}}}"
    return (
        f"{before}{{% if {message}['role'] == 'assistant' %}}{first}{{% generation %}}{{{{ {kept} }}}}"
        f"{{% endgeneration %}}{last}{{% else %}}{{{{ {written} }}}}{{% endif %}}{behind}"
    )


def _parted(
    expression: str, content: re.Pattern[str], special_tokens: Mapping[str, str], ends: Sequence[str]
) -> tuple[str | None, str, str | None] | None:
    """(what opens the turn, content and what ends it, what follows), each an expression; None where it is no such sum."""
    parts = _summands(expression)
    place = next((number for number, part in enumerate(parts) if content.search(part)), None)
    if place is None or any(content.search(part) for part in parts[place + 1 :]):
        return None
    following = parts[place + 1 :]
    for number, part in enumerate(following):
        if part in special_tokens:
            return _joined(parts[:place], parts[place : place + number + 2], following[number + 1 :])
        literal = _LITERAL.match(part)
        end = next((end for end in sorted(ends, key=len, reverse=True) if literal and end in literal.group(2)), None)
        if literal is not None and end is not None:
            quote, text = literal.groups()
            at = text.index(end) + len(end)
            rest = [f"{quote}{text[at:]}{quote}"] if text[at:] else []
            kept = [*parts[place : place + number + 1], f"{quote}{text[:at]}{quote}"]
            return _joined(parts[:place], kept, [*rest, *following[number + 1 :]])
    return None


def _joined(opening: Sequence[str], kept: Sequence[str], rest: Sequence[str]) -> tuple[str | None, str, str | None]:
    return " + ".join(opening) or None, " + ".join(kept), " + ".join(rest) or None


def _summands(expression: str) -> list[str]:
    """The parts of a sum, at its outermost `+`; `~` joins texts, too.

    >>> _summands("'a+' + f(b + c) | trim + \\"d\\"")
    ["'a+'", 'f(b + c) | trim', '"d"']
    """
    parts, depth, quote, start = [], 0, "", 0
    place = 0
    while place < len(expression):
        character = expression[place]
        if quote:
            place += character == "\\"
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        elif character in "+~" and not depth:
            parts.append(expression[start:place].strip())
            start = place + 1
        place += 1
    return [*parts, expression[start:].strip()]


def _holds(original: str, made: str, special_tokens: Mapping[str, str], ends: Sequence[str]) -> bool:
    """Whether the patched template renders every probe that the original does, alike, and marks the assistant's turns."""
    rendered = 0
    for probe in _PROBES:
        messages = [{"role": role, "content": text} for role, text in probe]
        try:
            before = render(original, messages, None, special_tokens)
        except UnrenderedError:
            continue  # a template may refuse a system message
        try:
            after = render(made, messages, None, special_tokens)
        except UnrenderedError:
            return False
        answers = [text for role, text in probe if role == "assistant"]
        marked = [after.text[start:end] for start, end in after.generated]
        if before.text != after.text or len(marked) != len(answers):
            return False
        if not all(_is_turn(text, answer, ends) for text, answer in zip(marked, answers, strict=True)):
            return False
        rendered += 1
    return rendered >= len(_PROBES) - 1


def _is_turn(marked: str, answer: str, ends: Sequence[str]) -> bool:
    """Whether what is marked is the answer and one token that ends it, spaces between them allowed."""
    return any(marked.strip().startswith(answer) and marked.strip()[len(answer) :].strip() == end for end in ends)


def special_texts(config: Mapping[str, Any]) -> dict[str, str]:
    """`bos_token` and the like of a tokenizer's configuration, as templates name them."""
    found = {}
    for key in ("bos_token", "eos_token", "pad_token", "unk_token"):
        value = config.get(key)
        text = value.get("content") if isinstance(value, Mapping) else value
        if isinstance(text, str) and text:
            found[key] = text
    return found
