"""Direct preference optimisation, by trl's DPOTrainer.

Data: preference pairs (data.pairs). The reference is the model as it is before step 1: its log-probabilities of every pair
are computed once and kept, so no second copy of the weights is held while training; with an adapter it is the adapter
switched off. Figures: loss, accuracy, margins, log-probabilities of chosen and rejected answers and how far they have
drifted from the reference; a warning when the *chosen* ones fall.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
import trl
from accelerate.utils import gather_object
from gristmill.schemas.training.dpo import DpoRecipe
from gristmill.training.data.files import whole_file
from gristmill.training.kinds.pair_trainer import PairTrainer, answer_tokens
from gristmill.training.kinds.pairs import PairKind
from gristmill.training.kinds.post_training import refuse_fsdp
from gristmill.training.objectives.tensors import evaluating
from gristmill.training.run.folder import REFERENCE
from gristmill.training.score.pair_figures import right_order
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch.nn.functional import logsigmoid

SIDES = ("chosen", "rejected")
SFT = "sft"
OF_A_BATCH = (
    SFT,
    "aot",
    "aot_unpaired",
)  # losses that are no mean over pairs: a mean over tokens, and two that sort the batch
FALLING = 0.5  # nats below the reference, over a window of steps: the chosen answers have become less likely
WINDOW = 16


class WatchedDpoTrainer(PairTrainer):
    """trl's losses, against a reference that is stored."""

    loss_types: list[str]
    loss_weights: list[float]

    def __init__(self, *, reference: "ReferenceStore", beta: float, **options: Any) -> None:
        self.reference_store, self._beta = reference, beta
        super().__init__(**options)

    def _precompute_ref_logps(self, dataset: Any, name: str, batch_size: int) -> Any:
        """The dataset with the reference's log-probabilities: those that are stored, or else computed and stored."""
        found = self.reference_store.read(name, len(dataset))
        if found is None:
            found = self._reference_values(dataset, batch_size)
            if self.is_world_process_zero():
                self.reference_store.write(name, found)
        for side in SIDES:
            dataset = dataset.add_column(f"ref_{side}_logps", found[side].tolist())
        return dataset

    def _reference_values(self, dataset: Any, batch_size: int) -> dict[str, torch.Tensor]:
        """Each process takes every so many-th batch."""
        own: list[tuple[Any, ...]] = []  # (first row, values of the chosen answers, values of the rejected ones)
        stride = batch_size * self.args.world_size
        with evaluating(self.model):
            for first in range(self.args.process_index * batch_size, len(dataset), stride):
                rows = [dataset[number] for number in range(first, min(first + batch_size, len(dataset)))]
                values = self.compute_ref_log_probs(self.model, self._prepare_inputs(self.data_collator(rows)))
                own.append((first, *(side.float().cpu().tolist() for side in values)))
        parts = sorted(gather_object(own)) if self.args.world_size > 1 else own
        return {side: torch.tensor([v for part in parts for v in part[place]]) for place, side in enumerate(SIDES, 1)}

    def pair_values(self, model: Any, rows: list[dict[str, Any]]) -> torch.Tensor:
        """float64 (pairs, 5): log-probabilities of the chosen and of the rejected answer, those under the reference, and the
        tokens of the chosen one. rows: of a dataset whose reference is computed."""
        inputs = self._prepare_inputs(self.data_collator(rows))
        log_probs, mask = self.answer_log_probs(model, inputs)
        chosen, rejected = (log_probs * mask).double().sum(dim=1).chunk(2)
        references = (inputs[f"ref_{side}_logps"] for side in SIDES)
        return torch.stack([chosen, rejected, *references, answer_tokens(inputs)[0]], dim=1)

    def loss_of_all(self, values: torch.Tensor) -> float:
        """The losses of OF_A_BATCH, weighted, of all these pairs as one batch. values: as `pair_values` gives them."""
        chosen, rejected, ref_chosen, ref_rejected, tokens = values.unbind(dim=1)

        def sorted_apart(higher: torch.Tensor, lower: torch.Tensor) -> torch.Tensor:
            apart = self._beta * (higher.sort().values - lower.sort().values)
            return -(1 - self.label_smoothing) * logsigmoid(apart) - self.label_smoothing * logsigmoid(-apart)

        losses = {
            SFT: lambda: -chosen.sum() / tokens.sum(),
            "aot": lambda: sorted_apart(chosen - rejected, ref_chosen - ref_rejected).mean(),
            "aot_unpaired": lambda: sorted_apart(chosen - ref_chosen, rejected - ref_rejected).mean(),
        }
        found = zip(self.loss_types, self.loss_weights, strict=True)
        return float(sum(weight * float(losses[name]()) for name, weight in found if name in losses))

    @contextmanager
    def losses_of_pairs(self) -> Iterator[bool]:
        """`compute_loss` leaves out the losses of OF_A_BATCH in the block. Whether any is left."""
        types, weights = self.loss_types, self.loss_weights
        left = [(name, weight) for name, weight in zip(types, weights, strict=True) if name not in OF_A_BATCH]
        self.loss_types, self.loss_weights = [name for name, _ in left], [weight for _, weight in left]
        try:
            yield bool(left)
        finally:
            self.loss_types, self.loss_weights = types, weights

    def _compute_loss(self, model: Any, inputs: Any, return_outputs: bool) -> Any:
        """trl's. Its loss `sft` is a mean over the tokens of a micro batch, which is weighted in a step by the share of the
        batch's tokens that are here, so that micro batches and processes add up."""
        weights = self.loss_weights
        if model.training and SFT in self.loss_types:
            parts = self.args.gradient_accumulation_steps * self.accelerator.num_processes
            share = float(self.label_counts(inputs)[0] * parts / self._counts[0].clamp(min=1))
            self.loss_weights = [
                weight * share if name == SFT else weight for name, weight in zip(self.loss_types, weights, strict=True)
            ]
        try:
            return super()._compute_loss(model, inputs, return_outputs)
        finally:
            self.loss_weights = weights

    def step_figures(self) -> dict[str, float]:
        """trl's, and the drift of the log-probabilities of a whole answer from those of the reference."""
        found = super().step_figures()
        for answer in SIDES:
            if f"rewards/{answer}" in found:
                found[f"drift/{answer}"] = found[f"rewards/{answer}"] / self._beta
        return found


class Dpo(PairKind):
    """From preference pairs to a model that prefers as they do."""

    Recipe = DpoRecipe
    Trainer = WatchedDpoTrainer
    fuses_output = True
    recipe: DpoRecipe

    def training_arguments(self, options: dict[str, Any]) -> trl.DPOConfig:
        recipe = self.recipe
        return trl.DPOConfig(
            **options,
            beta=recipe.beta,
            loss_type=list(recipe.losses),
            loss_weights=None if recipe.loss_weights is None else list(recipe.loss_weights),
            label_smoothing=recipe.label_smoothing,
            max_length=recipe.max_tokens,
            precompute_ref_log_probs=True,
        )

    def prepare(self, earlier: Any) -> None:
        refuse_fsdp(self.recipe, "the reference is the model before step 1, whole")
        super().prepare(earlier)

    def trainer_options(self) -> dict[str, Any]:
        reference = ReferenceStore(self.folder / REFERENCE, self.plan.plan_id)
        return {"reference": reference, "beta": self.recipe.beta}

    def validation_loss(self, trainer: Any) -> Callable[[torch.nn.Module], float | None] | None:
        """The loss of the held-out pairs as one batch; how many are preferred the right way, and by how much, goes into the log
        with it."""
        validation = self.validation(trainer)
        if validation is None:
            return None

        def measured(model: torch.nn.Module) -> float:
            values = validation.values(model, lambda rows: trainer.pair_values(model, rows))
            chosen, rejected, ref_chosen, ref_rejected, _ = values.unbind(dim=1)
            margins = (chosen - ref_chosen - (rejected - ref_rejected)).numpy()
            names = ("held_out/accuracy", "held_out/margin")
            found = (right_order(margins).mean(), margins.mean() * self.recipe.beta)
            trainer.held_out_figures = {name: float(value) for name, value in zip(names, found, strict=True)}
            with trainer.losses_of_pairs() as any_left:
                of_pairs = validation.loss(model) if any_left else None
            return (of_pairs or 0.0) + trainer.loss_of_all(values)

        return measured

    def warnings(self, records: Sequence[Mapping[str, Any]]) -> list[str]:
        """Chosen answers that have become less likely than under the reference: the loss may fall all the same."""
        drifts = [record["drift/chosen"] for record in records if "drift/chosen" in record][-WINDOW:]
        if len(drifts) < WINDOW or not float(np.mean(drifts)) < -FALLING:
            return []
        return [
            f"the chosen answers fall: over the last {WINDOW} steps they are less likely than before step 1, by "
            f"{-float(np.mean(drifts)):.1f} nats an answer; add the loss `sft` (losses: [sigmoid, sft]) or raise beta"
        ]


class ReferenceStore:
    """Log-probabilities of pairs under the reference, kept in a run's folder."""

    def __init__(self, folder: Path, plan_id: str) -> None:
        self.folder, self.plan_id = folder, plan_id

    def read(self, name: str, rows: int) -> dict[str, torch.Tensor] | None:
        """chosen, rejected: float32 (rows,); None where they are not there, or of other rows."""
        path = self.folder / f"{name}.safetensors"
        try:
            with safe_open(str(path), "pt") as stored:
                if stored.metadata().get("plan_id") != self.plan_id:
                    return None
                found = {side: stored.get_tensor(side) for side in SIDES}
        except (OSError, SafetensorError):
            return None
        return found if all(len(values) == rows for values in found.values()) else None

    def write(self, name: str, values: dict[str, torch.Tensor]) -> None:
        self.folder.mkdir(exist_ok=True)
        with whole_file(self.folder / f"{name}.safetensors") as stream:
            stream.write(save(values, {"plan_id": self.plan_id}))
