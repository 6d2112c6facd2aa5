"""The loss on the validation split: the mean over every token with a label, whatever the micro batch and the processes."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from gristmill.training.data.inputs import ModelInputs
from gristmill.training.objectives.registry import Objective
from gristmill.training.objectives.tensors import batch_loss, evaluating, on_device

Sum = Callable[[torch.Tensor], torch.Tensor]


class Evaluation:
    """`served` sequences, `rows` at a time, dealt out over the processes.

    sum_over_processes: adds up a tensor of each process. Every process runs the model equally often, because a model that
    is spread over them waits for all; one that has no rows left runs the first ones again and does not count them.
    No random number is drawn: evaluating leaves training as it is.
    """

    def __init__(
        self, served: ModelInputs, objective: Objective, rows: int, *, rank: int, ranks: int, sum_over_processes: Sum
    ) -> None:
        self.served, self.objective, self.rows = served, objective, rows
        self.rank, self.ranks, self._sum = rank, ranks, sum_over_processes
        self._counts: torch.Tensor | None = None

    def loss(self, model: torch.nn.Module) -> float | None:
        """The mean loss under the model as it is now; None where no token of the validation split has a label."""
        if self._counts is None:
            own = [self.objective.label_counts(inputs) for inputs, counted in self._micro_batches() if counted]
            self._counts = self._sum(torch.stack(own).sum(dim=0) if own else self._no_counts())
        if not int(self._counts.sum()):
            return None
        counts = self._counts.to(next(model.parameters()).device)
        total = torch.zeros((), dtype=torch.float64)
        with evaluating(model):
            for inputs, counted in self._micro_batches():
                loss = batch_loss(model, on_device(inputs, model), counts)
                total += loss.double().cpu() if counted else 0.0
        return float(self._sum(total))

    def _micro_batches(self) -> Iterator[tuple[dict[str, Any], bool]]:
        """This process's micro batches, and whether each counts: those beyond the end do not."""
        count = len(self.served)
        rounds = -(-count // (self.rows * self.ranks))
        for number in range(rounds):
            first = (number * self.ranks + self.rank) * self.rows
            inside = first < count
            first = first if inside else 0
            yield self.served.__getitems__(list(range(first, min(first + self.rows, count)))), inside

    def _no_counts(self) -> torch.Tensor:
        return torch.zeros_like(self.objective.label_counts(self.served[0]))
