"""From numpy to torch and back: inputs of a model, and the losses of single tokens without gradients."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from gristmill.training.objectives.windows import IGNORED


def tensor(array: np.ndarray) -> torch.Tensor:
    """The array as a tensor, copied only when its memory is not in order."""
    return torch.from_numpy(np.ascontiguousarray(array))


@contextmanager
def evaluating(model: torch.nn.Module) -> Iterator[None]:
    """Dropout off and no gradients inside; the model's mode comes back."""
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(was_training)


def on_device(inputs: dict[str, Any], model: torch.nn.Module) -> dict[str, Any]:
    """The inputs where the model is."""
    device = next(model.parameters()).device
    return {key: value.to(device) if isinstance(value, torch.Tensor) else value for key, value in inputs.items()}


def count_labels(labels: torch.Tensor) -> torch.Tensor:
    """int64 (1,): how many labels are not -100."""
    return (labels != IGNORED).sum().reshape(1)


def batch_loss(model: torch.nn.Module, inputs: dict[str, Any], counts: torch.Tensor) -> torch.Tensor:
    """The part that these inputs have in the loss of a batch with `counts` labels, as `Objective.label_counts` counts.

    A batch without labels has loss 0 and gradients of 0, not NaN.
    """
    whole = counts.clamp(min=1)
    loss: torch.Tensor = model(**inputs, num_items_in_batch=whole if len(whole) > 1 else whole[0]).loss
    return loss


def cross_entropy_rows(logits: torch.Tensor, labels: torch.Tensor) -> np.ndarray:
    """float32 (rows, columns): -log p(label) of logits (rows, columns, vocabulary), 0 where the label is -100.

    Row by row, so that the logits in full precision exist for one row at a time.
    """
    rows = [
        torch.nn.functional.cross_entropy(scores.float(), wanted, ignore_index=IGNORED, reduction="none")
        for scores, wanted in zip(logits, labels, strict=True)
    ]
    return torch.stack(rows).cpu().numpy()
