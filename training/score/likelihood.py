"""Perplexities of answers with and without what they answer to, and their ratio, the instruction-following difficulty (IFD).

IFD is the ratio of perplexities, exp(L(A|Q)) / exp(L(A)) (Li et al. 2024, Superfiltering, arXiv:2402.00530); the ratio of
losses, L(A|Q) / L(A) (Li et al. 2023, arXiv:2308.12032), is `ifd_of_losses`: they agree on what is above 1 and order rows
differently. L is the mean of -log p over the answer's own tokens, which are the same ids in both.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from gristmill.schemas.scores import IFD, ScoreOptions
from gristmill.training.data.row_files import UnusableRow
from gristmill.training.objectives.tensors import evaluating
from gristmill.training.score.answers import AnswerEncoder, ScoredSequence, asked_of

LOGITS_AT_ONCE = 1 << 28  # numbers: rows times their width times the vocabulary
Values = dict[str, float | int | None]


class LikelihoodScorer:
    """Scores of rows by a causal language model."""

    def __init__(self, model: Any, encoder: AnswerEncoder, options: ScoreOptions) -> None:
        self.model, self.encoder = model, encoder
        self.with_ifd = IFD.name in options.scores

    def __call__(self, records: Sequence[Mapping[str, Any]], ids: Sequence[str]) -> list[Values | str]:
        """The columns of each row, or why it has none."""
        found: list[Values | str] = []
        sequences: list[ScoredSequence] = []
        open_rows: list[tuple[int, list[tuple[str, bool, int, int]]]] = []
        for number, record in enumerate(records):
            try:
                plans = self._planned(record, sequences)
            except UnusableRow as reason:
                found.append(str(reason))
                continue
            found.append({})
            open_rows.append((number, plans))
        sums = answer_losses(self.model, sequences, self.encoder.start)
        counts = np.array([len(one.ids) - one.first for one in sequences])
        for number, plans in open_rows:
            values: Values = {}
            for side, prompted, first, last in plans:
                values |= self._values(side, prompted, sums[first:last], counts[first:last])
            found[number] = values
        return found

    def _planned(self, record: Mapping[str, Any], sequences: list[ScoredSequence]) -> list[tuple[str, bool, int, int]]:
        """Add a row's sequences, with a prompt and, where asked for, without; (side, prompted, first, last) of each answer."""
        plans: list[tuple[str, bool, int, int]] = []
        added: list[ScoredSequence] = []
        for asked in asked_of(record):
            given = self.encoder.with_prompt(asked)
            prompted = bool(asked.prompt)
            own = [*given, *(self.encoder.alone(given) if self.with_ifd and prompted else [])]
            first = len(sequences) + len(added)
            plans.append((asked.side, prompted, first, first + len(own)))
            added += own
        sequences += added
        return plans

    def _values(self, side: str, prompted: bool, sums: np.ndarray, counts: np.ndarray) -> Values:
        behind = f"_{side}" if side else ""
        both = self.with_ifd and prompted
        given = len(sums) // 2 if both else len(sums)
        tokens = int(counts[:given].sum())
        loss = float(sums[:given].sum()) / tokens
        found: Values = {"perplexity": _exp(loss), "answer_tokens": tokens}
        if self.with_ifd:
            found |= {"perplexity_alone": None, "ifd": None, "ifd_of_losses": None}
        if both:
            alone = float(sums[given:].sum()) / tokens
            found["perplexity_alone"] = _exp(alone)
            found["ifd"] = _exp(loss - alone)
            found["ifd_of_losses"] = loss / alone if alone > 0 else None
        return {name + behind: value for name, value in found.items()}


def _exp(value: float) -> float | None:
    """exp, None where it is no number."""
    return math.exp(value) if value < 700 else None


def answer_losses(model: Any, sequences: Sequence[ScoredSequence], pad_id: int) -> np.ndarray:
    """float64 (sequences,): the sum of -log p over the scored tokens of each.

    Sequences of like lengths go together. What a sequence's sum is does not depend on the others, but for rounding.
    """
    sums = np.zeros(len(sequences))
    order = sorted(range(len(sequences)), key=lambda number: (len(sequences[number].ids), number))
    device = next(model.parameters()).device
    vocabulary = model.get_input_embeddings().weight.shape[0]
    with evaluating(model):
        for batch in _batches(order, sequences, LOGITS_AT_ONCE // vocabulary):
            width = len(sequences[batch[-1]].ids)
            ids = torch.full((len(batch), width), pad_id)
            mask = torch.zeros((len(batch), width), dtype=torch.long)
            for row, number in enumerate(batch):
                own = sequences[number].ids
                ids[row, : len(own)] = torch.tensor(own)
                mask[row, : len(own)] = 1
            logits = model(input_ids=ids.to(device), attention_mask=mask.to(device), use_cache=False).logits
            for row, number in enumerate(batch):
                one = sequences[number]
                wanted = ids[row, one.first : len(one.ids)].to(device)
                scores = logits[row, one.first - 1 : len(one.ids) - 1].float()
                losses = torch.nn.functional.cross_entropy(scores, wanted, reduction="none")
                sums[number] = float(losses.double().sum())
    return sums


def _batches(order: Sequence[int], sequences: Sequence[ScoredSequence], tokens: int) -> list[list[int]]:
    """Numbers of sequences, in their order, as many at once as their padded tokens allow, at least one."""
    found: list[list[int]] = []
    for number in order:
        width = len(sequences[number].ids)  # ascending: the widest so far
        if not found or (len(found[-1]) + 1) * width > tokens:
            found.append([])
        found[-1].append(number)
    return found
