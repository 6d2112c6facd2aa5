"""Pre-training from token shards: windows of a plan, an objective, the loss of every token with a label.

Data: token shards, read as windows in the order of a plan; forgotten text is served as separators, the mixture may
change from a step on. Checks before step 1: the objective fits the model's shape, the model keeps packed documents apart
and takes the mean over the whole batch. Figures: tokens and labels.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.shards.format import TOKENIZER_FOLDER
from gristmill.schemas.training.pretrain import PretrainRecipe
from gristmill.training.data.history import History
from gristmill.training.data.inputs import ModelInputs, as_collated
from gristmill.training.data.stream.dataset import PlanDataset
from gristmill.training.data.stream.epochs import epochs_in_words
from gristmill.training.data.stream.history import StreamHistory
from gristmill.training.data.stream.plan import Plan, PlanConfig
from gristmill.training.data.stream.shards import ShardSet
from gristmill.training.kinds.objective_trainer import ObjectiveTrainer
from gristmill.training.models.build import build_model, shape_of
from gristmill.training.models.masks import refuse_own_mean, refuse_what_leaks
from gristmill.training.objectives.evaluation import Evaluation
from gristmill.training.objectives.losses import StreamLosses
from gristmill.training.objectives.registry import Objective, make
from gristmill.training.objectives.windows import ordinary_ids
from gristmill.training.run.folder import HISTORY, VALIDATION
from gristmill.training.run.kind import Kind
from transformers import PreTrainedModel


class Pretrain(Kind):
    """From token shards to a model: `objective` decides what is learned from a window."""

    Recipe = PretrainRecipe
    HistoryClass = StreamHistory
    no_labels = "no token of the batch has a label (its documents were forgotten, or have one token each)"

    recipe: PretrainRecipe

    def __init__(self, recipe: PretrainRecipe, folder: Path) -> None:
        super().__init__(recipe, folder)
        self.shards = ShardSet.open(recipe.shards, recipe.stream.verify)
        self.record = self.shards.manifest.tokenizer

    def prepare(self, earlier: Mapping[str, Any] | None) -> None:
        """Plans of both splits, over the shards that there were when the run began; the objective; the model's checks."""
        generation = (earlier or {}).get("generation")
        self._plan = self._plan_of("train", generation)
        self.validation_plan = self._plan_of("validation", generation) if self._validates(generation) else None
        if earlier and earlier.get("plan_id"):
            self._plan.must_be(earlier["plan_id"], self.folder)
        self.objective = self._objective()
        self._refuse_misfits()

    @property
    def plan(self) -> Plan:
        return self._plan

    def _validates(self, generation: int | None) -> bool:
        held_out = self.shards.manifest.of_split("validation", generation)
        return self.recipe.validation is not None and any(shard.tokens for shard in held_out)

    def _plan_of(self, split: str, generation: int | None) -> Plan:
        stream = self.recipe.stream
        config = PlanConfig(
            window=stream.window,
            packing=stream.packing,
            seed=stream.seed,
            split=split,  # type: ignore[arg-type]
            mixture=stream.mixture if split == "train" else None,
            generation=generation,
        )
        return Plan.of(self.shards, config, self.folder / VALIDATION if split == "validation" else self.folder)

    def _objective(self) -> Objective:
        options = self.recipe.objective
        return make(
            options.name,
            self.record,
            self.recipe.stream.window,
            options.options,
            self.recipe.seed,
            self.tokenizer,
        )

    def _refuse_misfits(self) -> None:
        """Errors that would show after the start, or never: a shape that cannot learn this, documents that leak."""
        model = self.model()
        if shape_of(model) not in self.objective.shapes:
            raise RecipeError(
                f"objective {self.recipe.objective.name} with a {shape_of(model)} model",
                expected=f"one of {', '.join(sorted(self.objective.shapes))}",
            )
        for refuse in (refuse_what_leaks, refuse_own_mean):
            refuse(model, self.objective, ordinary_ids(self.record), self.recipe.stream.window)

    def made_of(self) -> dict[str, Any]:
        return {"generation": self._plan.config.generation, "shards": self.shards.folder}

    def claim(self) -> None:
        self._plan.save(self.folder)
        if self.validation_plan is not None:
            self.validation_plan.save(self.folder / VALIDATION)

    @property
    def caches(self) -> list[Path]:
        """The bins of packed sources."""
        plans = [plan for plan in (self._plan, self.validation_plan) if plan is not None]
        return [home for plan in plans for home in plan.packings]

    def begin_history(self, history: History) -> None:
        """The recipe's later mixtures, recorded where they will hold."""
        known = {event.position for event in history.events if event.event == "mixture"}
        for phase in sorted(self.recipe.stream.phases, key=lambda phase: phase.from_step):
            position = (phase.from_step - 1) * self.recipe.batch_sequences
            if position not in known:
                history.append("mixture", position, {"weights": phase.mixture})

    @classmethod
    def reopen_history(cls, folder: Path) -> StreamHistory:
        return StreamHistory.open(folder / HISTORY, Plan.load(folder), begin=False)

    def go_on(self, history: Any, step: int) -> None:
        """Text forgotten since the last start is served as separators from here on, in both splits."""
        history.record_tombstones(step * self.recipe.batch_sequences)
        if self.validation_plan is not None:
            facts = {"from_step": step + 1}  # since when a forgotten document is validated on no more
            path = self.folder / VALIDATION / HISTORY
            StreamHistory.open(path, self.validation_plan, facts=facts).record_tombstones(0, **facts)

    def length(self, history: Any) -> str:
        return epochs_in_words(self._plan, history, self.sequences)

    def model(self) -> PreTrainedModel:
        """The model as it is before the first step."""
        return build_model(
            self.recipe.model,
            self.record,
            self.recipe.stream.window,
            self.recipe.seed,
            tokenizer_folder=self.tokenizer,
        )

    @property
    def tokenizer(self) -> Path | None:
        """The shards' own."""
        folder = Path(self.shards.folder) / TOKENIZER_FOLDER
        return folder if folder.is_dir() else None

    @property
    def step_tokens(self) -> int:
        return self.recipe.batch_sequences * self.recipe.stream.window

    def trainer(self, history: Any) -> ObjectiveTrainer:
        return ObjectiveTrainer(
            objective=self.objective,
            model=self.model(),
            args=self.arguments,
            train_dataset=ModelInputs(PlanDataset(self._plan, history), self.objective, self.sequences),
            data_collator=as_collated,
        )

    def losses(self, trainer: ObjectiveTrainer, history: Any) -> StreamLosses:
        return StreamLosses(trainer.train_dataset.stream, self.objective, trainer.model)

    def validation_loss(self, trainer: ObjectiveTrainer) -> Callable[[torch.nn.Module], float | None] | None:
        """Over the first sequences of the validation split."""
        if self.validation_plan is None or self.recipe.validation is None:
            return None
        history = StreamHistory.open(self.folder / VALIDATION / HISTORY, self.validation_plan, begin=False)
        count = min(self.recipe.validation.sequences, self.validation_plan.sequences)
        return Evaluation(
            ModelInputs(PlanDataset(self.validation_plan, history), self.objective, count),
            self.objective,
            self.recipe.micro_batch_sequences,
            rank=self.arguments.process_index,
            ranks=self.arguments.world_size,
            sum_over_processes=trainer.sum_over_processes,
        ).loss
