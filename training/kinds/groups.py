"""What GRPO and RLOO have in common: trl's trainers of groups of completions, on completions that a resumed run writes again.

A step draws `generations` completions of each of `batch_sequences` prompts, scores them, and makes one update.
"""

import logging
from abc import abstractmethod
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any, ClassVar

import torch
from datasets import Dataset, disable_progress_bars
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.training.adapter import Adapter
from gristmill.schemas.training.rollouts import GroupRecipe
from gristmill.training.data.prompts import prompt_text
from gristmill.training.kinds.rollouts import RolloutKind, Texts
from gristmill.training.kinds.trl_trainer import WatchedTrlTrainer
from gristmill.training.models.memory import Memory, memory
from gristmill.training.models.sampling import draw_completions, key_of
from gristmill.training.rewards.scoring import Score
from gristmill.training.run.folder import REFERENCE
from trl.models import unwrap_model_for_generation


class GroupTrainer(WatchedTrlTrainer):
    """The mixin before trl's trainers of groups. A label is a token of a completion that was scored.

    asks_for_log_probs: whether trl's trainer asks for the sampler's log-probabilities beside the completions.
    """

    asks_for_log_probs: ClassVar[bool] = False

    def __init__(self, *, kind: "GroupKind", **options: Any) -> None:
        self._kind = kind
        self._rows: list[int] = []
        self._scored: list[Score] = []
        self._figures: dict[str, float] = {}
        logging.getLogger("trl").setLevel(logging.ERROR)  # it logs the rows of completions that are not scored
        super().__init__(reward_funcs=[self._reward], **options)

    def count_labels(self, micro_batches: list[Any], device: torch.device) -> torch.Tensor:
        return self._counts  # known once completions are written

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        """trl's, under random numbers that are a function of seed, step and process."""
        self._rows = [one["row"] for one in inputs]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(key_of(self._kind.recipe.seed, self.state.global_step, self.args.process_index))
            output: dict[str, Any] = super()._generate_and_score_completions(inputs)
        scored = torch.tensor([score is not None for score in self._scored])
        counts = self._lengths[scored].sum().reshape(1)
        self._counts = self.sum_over_processes(counts.to(self.args.device))
        return output

    def _tokenize_prompts(self, prompts: list[str]) -> tuple[list[list[int]], None, dict[str, Any]]:
        """The ids that the rows were prepared to have: with their tools, and messages beside texts."""
        return [list(self._kind.usable.prepared[row]["ids"]) for row in self._rows], None, {}

    def _generate_single_turn(self, prompt_ids: Any, *arguments: Any, **options: Any) -> Any:
        """By gristmill's sampler, but where vLLM draws."""
        if self.use_vllm:
            drawn = super()._generate_single_turn(prompt_ids, *arguments, **options)
        else:
            kind, step = self._kind, self.state.global_step
            first = self.args.process_index * len(prompt_ids)
            keys = [key_of(kind.recipe.seed, step, first + number) for number in range(len(prompt_ids))]
            completions = self.drawn_completions(prompt_ids, keys)
            drawn = (completions, None) if self.asks_for_log_probs else completions
        self._lengths = torch.tensor([len(ids) for ids in (drawn[0] if self.asks_for_log_probs else drawn)])
        return drawn

    def drawn_completions(self, prompts: list[list[int]], keys: list[int]) -> list[list[int]]:
        """The ids of one completion of each prompt under the policy as it is."""
        kind = self._kind
        with unwrap_model_for_generation(self.model_wrapped, self.accelerator) as model:
            return draw_completions(model, prompts, keys, kind.sampling, kind.ends, kind.vocabulary.pad_token_id)

    def _reward(self, prompts: list[str], completions: list[str], row: list[int], **columns: Any) -> list[Score]:
        """The sum of the rewards of each completion, as trl calls it."""
        kind, step = self._kind, self.state.global_step + 1
        texts = Texts(prompts, completions)
        records = [kind.usable.rows.records[number] for number in row]
        self._scored, by_name = kind.rewards(texts.prompts, texts.completions, records)
        self._figures = kind.figures_of(texts.completions, self._scored, self._lengths.tolist())
        if len(by_name) > 1:
            self._figures |= {f"reward/{name}": _mean(values) for name, values in by_name.items()}
        if self.is_world_process_zero():
            kind.keep_samples(step, row, texts, self._scored)
        return self._scored

    def step_figures(self) -> dict[str, float]:
        found = {name: value for name, value in super().step_figures().items() if name not in NOT_SHOWN}
        return found | self._figures


NOT_SHOWN = ("step_time", "rewards/_reward/mean", "rewards/_reward/std")


def _mean(values: Sequence[Score]) -> float:
    given = [value for value in values if value is not None]
    return sum(given) / len(given) if given else float("nan")


class GroupKind(RolloutKind):
    """A kind whose completions of a prompt are judged by each other.

    Trainer: a GroupTrainer over one of trl's trainers, and Arguments, trl's configuration of it.
    """

    Trainer: ClassVar[type[GroupTrainer]]
    Arguments: ClassVar[Any]
    fuses_output: ClassVar[bool] = True
    recipe: GroupRecipe

    @abstractmethod
    def own_options(self) -> dict[str, Any]:
        """What the recipe of this kind alone decides, as keywords of Arguments."""

    def training_arguments(self, options: dict[str, Any]) -> Any:
        recipe = self.recipe
        if recipe.vllm and find_spec("vllm") is None:
            raise RecipeError("vllm: true, and vLLM is not installed", next_step="pip install vllm, or leave vllm out")
        if recipe.vllm:
            options = options | {"use_vllm": True}
        per_device = options["per_device_train_batch_size"] * recipe.generations
        return self.Arguments(
            **options | {"per_device_train_batch_size": per_device},
            num_generations=recipe.generations,
            max_completion_length=recipe.max_new_tokens,
            temperature=recipe.temperature,
            top_p=recipe.top_p,
            top_k=recipe.top_k,
            beta=recipe.kl,
            epsilon=recipe.clip_low,
            epsilon_high=recipe.clip_high,
            shuffle_dataset=False,
            disable_dropout=True,
            **self.own_options(),
        )

    def memory_of(self, adapter: Adapter | None) -> Memory:
        """With a penalty, the reference is a copy of its own where no adapter can be switched off."""
        return memory(self.recipe.model, adapter, frozen=int(adapter is None and self.recipe.kl > 0))

    def build_trainer(self) -> GroupTrainer:
        disable_progress_bars()
        prompts = [
            {"prompt": prompt_text(one["prompt"]), "row": number} for number, one in enumerate(self.usable.prepared)
        ]
        model = self.model()
        if self.recipe.kl and self.recipe.adapter is None:
            self._keep_reference(model)
        return self.Trainer(
            kind=self,
            model=model,
            args=self.arguments,
            train_dataset=Dataset.from_list(prompts),
            processing_class=self.vocabulary,
        )

    def _keep_reference(self, model: Any) -> None:
        """trl loads the reference from the folder that the model names: where embeddings have grown, from one of the run's."""
        if model.config.vocab_size != type(model.config).from_pretrained(self.recipe.model).vocab_size:
            folder = self.folder / REFERENCE / "model"
            model.save_pretrained(str(folder))
            model.config._name_or_path = str(folder)
