"""Proximal policy optimisation: a policy with a value function, held to the model that it began as.

The reference is the adapter switched off, or a frozen copy; the value shares the policy's trunk, or has one of its own. So a
run holds one to four copies of the weights, and says how many: the usual four are policy, reference, value and reward model.
"""

from pathlib import Path
from typing import Any

from gristmill.schemas.training.adapter import Adapter
from gristmill.schemas.training.ppo import PpoRecipe
from gristmill.training.data.prompts import prompt_text
from gristmill.training.kinds.ppo_trainer import PpoTrainer
from gristmill.training.kinds.rollouts import RolloutKind
from gristmill.training.models.actor_critic import ActorCritic
from gristmill.training.models.memory import Memory, memory
from transformers import TrainingArguments


class Ppo(RolloutKind):
    """From prompts and rewards to a model that is rewarded more."""

    Recipe = PpoRecipe
    recipe: PpoRecipe

    def training_arguments(self, options: dict[str, Any]) -> TrainingArguments:
        """A step takes the whole batch at once: its updates and micro batches are the trainer's own."""
        share = options["per_device_train_batch_size"] * options["gradient_accumulation_steps"]
        return TrainingArguments(**options | {"per_device_train_batch_size": share, "gradient_accumulation_steps": 1})

    def weight_copies(self) -> dict[str, str]:
        """Which copies of the weights a run holds, and what each is."""
        recipe = self.recipe
        copies = {"policy": "with an adapter" if recipe.adapter else "all of it trained"}
        if recipe.adapter is None:
            copies["reference"] = "frozen"
        if recipe.value == "separate":
            copies["value"] = "all of it trained"
        if any(reward.model for reward in recipe.rewards):
            copies["reward model"] = "frozen"
        return copies

    def memory_of(self, adapter: Adapter | None) -> Memory:
        """The reference is a copy of its own where no adapter can be switched off; a reward model is left out."""
        separate = int(self.recipe.value == "separate")
        return memory(self.recipe.model, adapter, frozen=int(adapter is None), trunks=separate)

    def notes(self) -> str:
        copies = self.weight_copies()
        named = ", ".join(f"{name} ({what})" for name, what in copies.items())
        return f"{super().notes()}; {len(copies)} copies of the weights against the usual 4: {named}"

    def build_trainer(self) -> PpoTrainer:
        recipe = self.recipe
        reference = self.load(Path(recipe.model)).eval().requires_grad_(False) if recipe.adapter is None else None
        trunk = self.load(Path(recipe.model)).get_decoder() if recipe.value == "separate" else None
        prompts = [
            {"ids": one["ids"], "row": number, "text": prompt_text(one["prompt"])}
            for number, one in enumerate(self.usable.prepared)
        ]
        return PpoTrainer(
            kind=self,
            reference=reference,
            model=ActorCritic(self.model(), trunk, recipe.temperature),
            args=self.arguments,
            train_dataset=prompts,
            data_collator=list,
        )
