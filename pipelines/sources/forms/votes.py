"""Two answers to one prompt and who won: a vote, or several votes, which must agree.

The answers stand under names that differ in their side (`output_1` and `output_2`, `response_a` and `response_b`,
`conversation_a` and `conversation_b`), the winner under `winner`, `label`, `preference` and the like: a side, a number,
the name of a model, or a tie. Several votes: a list under one of these names, `g1_winner` and `g2_winner` (FastChat's
judge, which asks in both orders), or `winner` with `winner_swapped`, of the question with the two answers exchanged.
Votes that do not agree are no preference.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from gristmill.filters.pairs.judgement import finite_number
from gristmill.pipelines.sources.forms.candidates import messages_of
from gristmill.pipelines.sources.forms.chat import chat_keys
from gristmill.pipelines.sources.forms.form import Dropped, Form, Record, Row
from gristmill.pipelines.sources.forms.preference import prompt_of, with_tools
from gristmill.pipelines.sources.forms.shared_prompt import split_shared
from gristmill.schemas.recipe.source import Source
from gristmill.schemas.rows.kind import RowError

_BASES = (
    *(
        "output",
        "response",
        "answer",
        "completion",
        "conversation",
        "assistant",
        "reply",
        "text",
        "generation",
        "summary",
    ),
    *("human_ref", "model_output", "candidate"),
)
_SIDES = (("1", "2"), ("0", "1"), ("a", "b"), ("A", "B"))
_WINNERS = ("winner", "label", "labels", "preference", "better_response_id", "preferred", "choice", "vote", "votes")
_SWAPPED = "winner_swapped"
_JUDGED = ("g1_winner", "g2_winner")
_STRENGTH = "overall_preference"  # HelpSteer3: below zero the first is better
_TIES = {
    "tie",
    "tie (bothbad)",
    "bothbad",
    "both bad",
    "both_bad",
    "both",
    "neither",
    "draw",
    "equal",
    "same",
    "c",
    "1.5",
}
_WORDS = re.compile(r"[\[\]()\"'. ]+")
FIRST, SECOND, EVEN = 1, 2, 0


class Two(NamedTuple):
    """The columns of two answers and the names of their sides."""

    names: tuple[str, str]
    sides: tuple[str, str]


def _two(record: Record) -> Two | None:
    for base in _BASES:
        for sides in _SIDES:
            for joint in ("_", "", "-"):
                names = (f"{base}{joint}{sides[0]}", f"{base}{joint}{sides[1]}")
                if all(isinstance(record.get(n), str) or chat_keys(record.get(n)) is not None for n in names):
                    return Two(names, sides)
    return None


def _votes(record: Record, two: Two) -> Iterator[int | None]:
    """Each vote: FIRST, SECOND, EVEN; None for one that cannot be read."""
    if all(name in record for name in _JUDGED):
        yield from (_vote(record[name], record, two) for name in _JUDGED)
        return
    one_hot = _one_hot(record, two)
    if one_hot is not None:
        yield one_hot
        return
    strength = finite_number(record.get(_STRENGTH))
    if strength is not None:
        yield EVEN if strength == 0 else FIRST if strength < 0 else SECOND
        return
    name = next((name for name in _WINNERS if record.get(name) is not None), None)
    if name is None:
        yield from _by_scores(record, two)
        return
    values = record[name] if isinstance(record[name], list) else [record[name]]
    yield from (_vote(value, record, two, shp=name == "labels") for value in values)
    if record.get(_SWAPPED) is not None:
        swapped = _vote(record[_SWAPPED], record, two)
        yield swapped if swapped in (None, EVEN) else FIRST + SECOND - swapped


def _one_hot(record: Record, two: Two) -> int | None:
    """`winner_model_a`, `winner_model_b`, `winner_tie`: one of them is 1."""
    columns = (f"winner_model_{two.sides[0]}", f"winner_model_{two.sides[1]}", "winner_tie")
    votes = zip((FIRST, SECOND, EVEN), columns, strict=True)
    return next((vote for vote, name in votes if record.get(name) == 1), None)


def _by_scores(record: Record, two: Two) -> Iterator[int | None]:
    """The answer with the greater score of its own (`score_0` and `score_1`)."""
    for base in ("score", "rating", "reward"):
        scores = [finite_number(record.get(f"{base}_{side}")) for side in two.sides]
        if None not in scores:
            yield EVEN if scores[0] == scores[1] else FIRST if scores[0] > scores[1] else SECOND  # type: ignore[operator]


def _vote(value: Any, record: Record, two: Two, *, shp: bool = False) -> int | None:
    """What one vote says. A number names a side where the sides are numbers.

    shp: the labels of Stanford Human Preferences, where 1 means the first answer and 0 the second.
    """
    if isinstance(value, Mapping):
        value = value.get("winner", value.get("label"))
    if isinstance(value, bool) or value is None:
        return None
    if shp and two.sides in (("A", "B"), ("a", "b")) and value in (0, 1):
        return FIRST if value == 1 else SECOND
    text = _WORDS.sub(" ", str(value)).strip().lower()
    if text in _TIES or str(value).strip().lower() in _TIES or "=" in text:
        return EVEN
    for vote, name, side in zip((FIRST, SECOND), two.names, two.sides, strict=True):
        if text in (name.lower(), side.lower()) or (isinstance(value, str) and _names_side(text, side, vote)):
            return vote
        if isinstance(value, str) and value and value in (record.get(f"model_{side}"), record.get(f"{name}_model")):
            return vote
    return None


def _names_side(text: str, side: str, vote: int) -> bool:
    """Whether a word means a side: `model_a`, `assistant a`, `first`, `a>b`."""
    word = ("first", "second")[vote - 1]
    return text in (word, f"model_{side.lower()}", f"model {side.lower()}", f"assistant {side.lower()}") or (
        ">" in text and text.replace(">>", ">").split(">")[0].strip() == side.lower()
    )


def _matches(record: Record) -> bool:
    two = _two(record)
    return two is not None and any(vote is not None for vote in _votes(record, two))


def _rows(record: Record, kind: str, source: Source) -> Sequence[Row | Dropped]:
    two = _two(record)
    if two is None:
        raise RowError("missing_answers", "no two answers under names such as `output_1` and `output_2`")
    votes = list(_votes(record, two))
    if not votes or None in votes:
        raise RowError("unknown_winner", f"the answers are {' and '.join(two.names)}; no vote names one, or a tie")
    if len(set(votes)) > 1:
        return [Dropped("votes_disagree")]
    if votes[0] == EVEN:
        return [Dropped("tie")]
    better, worse = two.names if votes[0] == FIRST else two.names[::-1]
    return [_row(record, better, worse, two.names.index(better) + 1, len(votes), source)]


def _row(record: Record, better: str, worse: str, position: int, votes: int, source: Source) -> Row:
    """chosen_position: where the better answer stood, 1 or 2, as judges may prefer a place. votes: how many agreed."""
    chosen, rejected = (messages_of(record[name], name, source) for name in (better, worse))
    prompt, read = prompt_of({name: value for name, value in record.items() if name not in (better, worse)}, source)
    if chosen[0]["role"] != "assistant" or rejected[0]["role"] != "assistant":
        prompt, chosen, rejected = split_shared(chosen, rejected)
        read = ()
    elif not prompt:
        raise RowError("no_prompt", "two answers and a vote, and no column is their prompt")
    row = with_tools(record, better, worse, *read)
    facts = {"chosen_position": position, "votes": votes} if "votes" not in row else {"chosen_position": position}
    return {**row, **facts, "prompt": prompt, "chosen": chosen, "rejected": rejected}


FORM = Form("votes", ("pair",), _matches, _rows)
