"""Training a tiny model on Markov text with one of the objectives, and judging it on held-out text."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from gristmill.schemas.shards.format import TokenizerRecord
from gristmill.schemas.training.model import ModelShape
from gristmill.training.models.build import build_model
from gristmill.training.objectives.registry import Objective, make
from gristmill.training.objectives.tensors import evaluating

from tests.training.objectives.markov import SYMBOLS, Source

EOS, PAD, MASK, SEPARATOR = range(SYMBOLS, SYMBOLS + 4)
TOKENIZER = TokenizerRecord(
    sha256="0" * 64,
    vocab_size=SYMBOLS + 4 + 12,
    eos_id=EOS,
    pad_id=PAD,
    mask_id=MASK,
    separator_id=SEPARATOR,
    sentinel_ids=tuple(range(SYMBOLS + 4, SYMBOLS + 16)),
)
HELD_OUT = 10**6  # positions, and the seed, of held-out windows


@dataclass(frozen=True)
class Lesson:
    """How long a shape is trained, and on how much."""

    shape: str
    objective: str
    steps: int
    rows: int = 32
    width: int = 32
    hidden: int = 64
    layers: int = 2
    rate: float = 3e-3


LESSONS = {
    "clm": Lesson("llama", "clm", steps=100),
    "mlm": Lesson("bert", "mlm", steps=300, rows=64, width=16, layers=1),
    "span_corruption": Lesson("t5", "span_corruption", steps=1200, width=20, layers=1, rate=2e-3),
    "replaced_token": Lesson("electra", "replaced_token", steps=300, rows=64, width=16, layers=1),
}
Spoil = Callable[[dict[str, Any], np.random.Generator], dict[str, Any]]


def train(lesson: Lesson, source: Source, seed: int, spoil: Spoil | None = None) -> tuple[torch.nn.Module, Objective]:
    """A model after `lesson.steps` steps of AdamW with warm-up and linear decay, each on new windows."""
    sizes = {"hidden_size": lesson.hidden, "layers": lesson.layers, "heads": 4, "initializer_range": 0.1}
    shape = ModelShape.model_validate({"shape": lesson.shape, **sizes})
    model = build_model(shape, TOKENIZER, lesson.width, seed=seed).train()
    objective = make(lesson.objective, TOKENIZER, lesson.width, seed=seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=lesson.rate, betas=(0.9, 0.98), weight_decay=0.01)
    warm_up = max(1, lesson.steps // 10)
    random = np.random.default_rng(seed)
    for step in range(lesson.steps):
        for group in optimizer.param_groups:
            group["lr"] = lesson.rate * min((step + 1) / warm_up, (lesson.steps - step) / (lesson.steps - warm_up))
        windows = source.windows(seed * 100_000 + step, lesson.rows, lesson.width)
        inputs = objective(windows, np.arange(lesson.rows) + step * lesson.rows)
        loss = model(**(spoil(inputs, random) if spoil else inputs)).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    return model, objective


def shuffled_labels(inputs: dict[str, Any], random: np.random.Generator) -> dict[str, Any]:
    """The same labels, at each other's places."""
    labels = inputs["labels"].clone()
    at = labels != -100
    labels[at] = labels[at][torch.from_numpy(random.permutation(int(at.sum())))]
    return {**inputs, "labels": labels}


@dataclass(frozen=True)
class Judgement:
    """loss on held-out text; floor: the best possible; ceiling: the best without any neighbour."""

    loss: float
    floor: float
    ceiling: float

    @property
    def gap_closed(self) -> float:
        return (self.ceiling - self.loss) / (self.ceiling - self.floor)


def judge(lesson: Lesson, source: Source, model: torch.nn.Module, objective: Any) -> Judgement:
    """On 256 held-out windows."""
    rows = 256
    windows, positions = source.windows(HELD_OUT, rows, lesson.width), np.arange(rows) + HELD_OUT
    found = objective.token_losses(model, windows, positions)
    loss = float(found.losses[found.scored].mean())
    ids = windows["input_ids"]
    if lesson.objective == "clm":
        return Judgement(loss, source.source_entropy, source.unigram_entropy)
    if lesson.objective == "mlm":
        shown, labels = objective.masked(windows, positions)
        return Judgement(loss, *source.masked_floor(ids, shown, labels != -100, MASK, 0.15))
    return Judgement(loss, source.span_floor(ids, found.scored), source.unigram_entropy)


def discrimination(lesson: Lesson, source: Source, model: torch.nn.Module, objective: Objective) -> float:
    """Area under the ROC curve of the discriminator on 256 held-out windows: 0.5 for any constant answer."""
    rows = 256
    inputs = objective(source.windows(HELD_OUT, rows, lesson.width), np.arange(rows) + HELD_OUT)
    with evaluating(model):
        output = model(**inputs)
    judged = inputs["judged"].numpy()  # type: ignore[union-attr]
    scores, replaced = output.logits.numpy()[judged], output.replaced.numpy()[judged]
    order = np.argsort(scores, kind="stable")
    _, first, counts = np.unique(scores[order], return_index=True, return_counts=True)
    ranks = np.empty(len(scores))
    ranks[order] = np.repeat(first + (counts + 1) / 2, counts)
    positive = int(replaced.sum())
    return float((ranks[replaced].sum() - positive * (positive + 1) / 2) / (positive * (len(scores) - positive)))
