"""Rewards of rows by a reward model: the number that it gives to a prompt with its answer.

The text is what the model was trained on: messages by its own chat template, whole turns, and texts with the token of the end.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from gristmill.schemas.scores import SIDES
from gristmill.training.data.conversations import ConversationEncoder
from gristmill.training.data.row_files import UnusableRow
from gristmill.training.score.answers import NO_ANSWER, Asked, asked_of
from gristmill.training.score.likelihood import Values
from gristmill.training.score.pair_figures import rewards_of


class RewardScorer:
    """Scores of rows by a model with one output. encoder: with the tokenizer that lies beside the model."""

    def __init__(self, model: Any, encoder: ConversationEncoder) -> None:
        self.model, self.encoder = model, encoder

    def __call__(self, records: Sequence[Mapping[str, Any]], ids: Sequence[str]) -> list[Values | str]:
        """The columns of each row, or why it has none."""
        found: list[Values | str] = []
        texts: list[list[int]] = []
        open_rows: list[tuple[int, list[str], int]] = []
        for number, record in enumerate(records):
            try:
                asked = asked_of(record)
                own = [self._ids(one) for one in asked]
            except UnusableRow as reason:
                found.append(str(reason))
                continue
            found.append({})
            open_rows.append((number, [one.side for one in asked], len(texts)))
            texts += own
        rewards = _by_length(self.model, texts, self.encoder.tokenizer.pad_token_id)
        for number, sides, first in open_rows:
            values: Values = {
                f"reward_{side}" if side else "reward": rewards[first + place] for place, side in enumerate(sides)
            }
            if tuple(sides) == SIDES:
                values["reward_margin"] = rewards[first] - rewards[first + 1]
            found[number] = values
        return found

    def _ids(self, asked: Asked) -> list[int]:
        prompt, answer = asked.prompt, asked.answer
        if isinstance(prompt, str | None) and isinstance(answer, str):
            ids = self.encoder.ids_of(prompt or "", answer)
        else:
            before = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt or []
            after = [{"role": "assistant", "content": answer}] if isinstance(answer, str) else answer
            if after[-1]["role"] != "assistant":
                raise UnusableRow(NO_ANSWER)
            ids = self.encoder.ids_of(before, after, asked.tools)
        if len(ids) > self.encoder.max_tokens:
            raise UnusableRow(f"more than max_tokens {self.encoder.max_tokens:,} tokens")
        return list(ids)


def _by_length(model: Any, texts: Sequence[Sequence[int]], pad_id: int) -> list[float]:
    """The reward of each text; those of like lengths go together."""
    order = sorted(range(len(texts)), key=lambda number: (len(texts[number]), number))
    found = [0.0] * len(texts)
    for number, value in zip(order, rewards_of(model, [texts[number] for number in order], pad_id), strict=True):
        found[number] = float(value)
    return found
