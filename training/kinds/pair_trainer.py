"""The mixin before trl's DPOTrainer for kinds that compare the log-probabilities of two answers: DPO and ORPO."""

from typing import Any

import torch
import trl
from gristmill.training.data.row_sequences import NO_LABEL
from gristmill.training.kinds.trl_trainer import WatchedTrlTrainer

NO_INPUTS = ("completion_mask", "ref_chosen_logps", "ref_rejected_logps")  # columns of a batch that no model reads


class PairTrainer(WatchedTrlTrainer, trl.DPOTrainer):
    """trl collates pairs: the chosen answers are the first half of a micro batch, the rejected ones the second.

    A label is a token of an answer.
    """

    def _prepare_dataset(self, dataset: Any, *arguments: Any) -> Any:
        """The pairs as they are: they have their ids (`data.pairs`)."""
        return dataset

    def answer_log_probs(self, model: Any, inputs: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
        """(log-probabilities, mask), each (2 pairs, tokens - 1): of the tokens of the answers, each given all before it."""
        columns = {name: value for name, value in inputs.items() if name not in NO_INPUTS}
        mask = inputs["completion_mask"][:, 1:]
        labels = inputs["input_ids"].masked_fill(inputs["completion_mask"] == 0, NO_LABEL)
        found = model(**columns, use_cache=False, labels=labels, fused_lm_head=True).log_probs
        return found[:, -mask.shape[1] :], mask  # what a prompt adapter puts in front has none

    def label_counts(self, inputs: Any) -> torch.Tensor:
        """int64 (2,): the tokens of the chosen answers, and of the rejected ones."""
        return torch.stack([side.sum() for side in answer_tokens(inputs)])


def answer_tokens(inputs: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
    """int64 (pairs,) twice: the tokens of each chosen answer, and of each rejected one."""
    chosen, rejected = inputs["completion_mask"][:, 1:].sum(dim=1).chunk(2)
    return chosen, rejected
