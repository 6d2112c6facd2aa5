"""Instructions that a program can check, as IFEval has them: length, format, case, words, language, punctuation."""

import inspect
from typing import Any

from gristmill.answers.contract import AnswerKind
from gristmill.answers.final_answer import without_thinking
from gristmill.answers.ifeval import INSTRUCTIONS, follows
from gristmill.answers.verdict import UnusableReference, Verdict
from gristmill.schemas.lookup import unknown_name_error
from gristmill.schemas.strict import Strict
from pydantic import Field


class IfevalOptions(Strict):
    """instruction_id_list, kwargs: the instructions and their arguments, in the data set's form; null arguments are left out.

    loose: a response also counts without its first or last line or its stars. partial: the score is the fraction of
    instructions that are followed; otherwise 1 for all and 0 for less. thinking: whether `<think>…</think>` is part of the
    response.
    """

    instruction_id_list: tuple[str, ...] = Field(min_length=1)
    kwargs: tuple[dict[str, Any], ...] = ()
    loose: bool = False
    partial: bool = False
    thinking: bool = False


def instructions_of(options: IfevalOptions) -> list[tuple[str, dict[str, Any]]]:
    """Every instruction with its arguments; UnusableReference where they do not fit."""
    arguments: tuple[dict[str, Any], ...] = options.kwargs or ({},) * len(options.instruction_id_list)
    if len(arguments) != len(options.instruction_id_list):
        raise UnusableReference(f"{len(options.instruction_id_list)} instructions, but {len(arguments)} kwargs")
    found = []
    for name, given in zip(options.instruction_id_list, arguments, strict=True):
        if name not in INSTRUCTIONS:
            raise UnusableReference(str(unknown_name_error("instruction", name, INSTRUCTIONS)))
        taken = {key: value for key, value in given.items() if value is not None}
        wanted = list(inspect.signature(INSTRUCTIONS[name]).parameters)[1:]
        if set(taken) != set(wanted):
            raise UnusableReference(
                f"{name} has arguments {', '.join(taken) or 'none'}; expected {', '.join(wanted) or 'none'}"
            )
        found.append((name, taken))
    return found


def check(completion: str, _reference: Any, options: IfevalOptions) -> Verdict:
    """Whether a completion follows its instructions."""
    instructions = instructions_of(options)
    response = completion if options.thinking else without_thinking(completion)
    broken = [name for name, given in instructions if not follows(response, name, given, strict=not options.loose)]
    followed = len(instructions) - len(broken)
    why = f"{followed} of {len(instructions)} followed" + (f"; not {', '.join(broken)}" if broken else "")
    if options.partial:
        return Verdict(followed / len(instructions), why)
    return Verdict(0.0 if broken else 1.0, why)


KIND = AnswerKind("ifeval", IfevalOptions, check, in_process=True)
