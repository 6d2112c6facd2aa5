"""What kinds of reinforcement learning have in common: prompts, rewards, what is watched, completions for people.

Data: prompts, texts or messages, with whatever columns the rewards read. Checks before step 1: every prompt leaves room for
its completion, every checker can be made. Rows are not blamed: a policy's loss says nothing of a prompt.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from gristmill.schemas.training.rollouts import RolloutRecipe
from gristmill.training.data.prompts import prompt_ids, prompt_of, prompt_text
from gristmill.training.data.row_files import Usable
from gristmill.training.kinds.post_training import PostTraining
from gristmill.training.models.sampling import Sampling, key_of
from gristmill.training.rewards.scoring import Rewards, Score
from gristmill.training.run.samples import add_samples, truncate_samples
from gristmill.training.stability.blame import DocumentLoss

REPEATED, LONGER, WINDOW = 0.8, 0.6, 16
CUT = "reward/texts_cut"
HELD_OUT = -1  # in the place of a step's number in the keys of completions that are only measured


class RolloutKind(PostTraining):
    """A kind whose model writes completions and is rewarded for them."""

    columns: ClassVar[tuple[tuple[str, ...], ...]] = (("prompt",),)
    no_labels: ClassVar[str] = "no completion was scored"
    recipe: Any

    def __init__(self, recipe: RolloutRecipe, folder: Path) -> None:
        super().__init__(recipe, folder)
        self.rewards = Rewards.of(recipe.rewards, recipe.reward_seconds)

    def prepare_row(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """prompt: text or messages; ids: its tokens, up to where a completion begins."""
        prompt = prompt_of(record)
        ids = prompt_ids(prompt, record.get("tools"), self.encoder, self.recipe.max_new_tokens)
        self.rewards.check(record)
        return {"prompt": prompt, "ids": ids}

    def dealt_out(self, processes: int) -> tuple[int, int]:
        """A process draws the completions of all its prompts at once."""
        return self.recipe.batch_sequences // processes, 1

    def go_on(self, history: Any, step: int) -> None:
        super().go_on(history, step)
        truncate_samples(self.folder, step)

    @property
    def sampling(self) -> Sampling:
        recipe = self.recipe
        rows = recipe.micro_batch_sequences * recipe.generations
        return Sampling(recipe.max_new_tokens, recipe.temperature, recipe.top_p, recipe.top_k, rows)

    @property
    def ends(self) -> list[int]:
        """Ids that end a completion: the tokenizer's, which a chat template's end of turn is."""
        return [self.vocabulary.eos_token_id]

    def losses(self, trainer: Any, history: Any) -> "NoRowLosses":  # type: ignore[override]
        return NoRowLosses(trainer)

    def validation_loss(self, trainer: Any) -> Callable[[torch.nn.Module], None] | None:
        """No loss, but what completions of the first held-out prompts are rewarded with."""
        if self.held_out is None or self.recipe.validation is None:
            return None
        held_out, count = self.held_out, min(self.recipe.validation.sequences, len(self.held_out.rows))

        def measured(model: torch.nn.Module) -> None:
            trainer.held_out_figures = self._held_out_figures(trainer, held_out, count)

        return measured

    def _held_out_figures(self, trainer: Any, held_out: Usable[dict[str, Any]], count: int) -> dict[str, float]:
        """Of one completion of each of the first `count` prompts, dealt out over the processes.

        Each time a prompt is completed under the same noise, so figures of two validations differ by the weights alone.
        """
        ranks, rank = trainer.args.world_size, trainer.args.process_index
        own = range(rank, count, ranks)
        prompts = [held_out.prepared[number] for number in own]
        keys = [key_of(self.recipe.seed, HELD_OUT, number) for number in own]
        drawn = trainer.drawn_completions([prompt["ids"] for prompt in prompts], keys) if prompts else []
        texts = [self.completion_text(ids) for ids in drawn]
        records = [held_out.rows.records[number] for number in own]
        scores: list[Score] = []
        if prompts:
            scores, _ = self.rewards([prompt_text(prompt["prompt"]) for prompt in prompts], texts, records)
        scored = [score for score in scores if score is not None]
        passed = sum(score >= 1 for score in scored)
        sums = [sum(scored), passed, len(scored), sum(len(ids) for ids in drawn)]
        total, passed, given, tokens = trainer.sum_over_processes(torch.tensor(sums, dtype=torch.float64)).tolist()
        found = {"held_out/reward": total / given, "held_out/passed": passed / given} if given else {}
        return found | {"held_out/not_scored": 1 - given / count, "held_out/mean_length": tokens / count}

    def completion_text(self, ids: Sequence[int]) -> str:
        """A completion as a reward reads it."""
        text: str = self.vocabulary.decode(ids, skip_special_tokens=True)
        return text

    def figures_of(
        self, completions: Sequence[str], rewards: Sequence[Score], lengths: Sequence[int]
    ) -> dict[str, float]:
        """Of the completions that were scored last (see `figures_of_completions`)."""
        found = figures_of_completions(completions, rewards, lengths)
        return found | ({CUT: float(self.rewards.cut)} if self.rewards.cut else {})

    def keep_samples(self, step: int, rows: Sequence[int], texts: "Texts", rewards: Sequence[Score]) -> None:
        """Write some of a step's completions into the run's folder, if it is the turn of that step."""
        samples = self.recipe.samples
        if not samples.completions or (step - 1) % samples.every_steps:
            return
        some = range(min(samples.completions, len(rows)))
        ids = self.usable.rows.ids
        add_samples(
            self.folder,
            [
                {
                    "step": step,
                    "row": ids[rows[number]],
                    "prompt": texts.prompts[number],
                    "completion": texts.completions[number],
                    "reward": rewards[number],
                }
                for number in some
            ],
        )

    def warnings(self, records: Sequence[Mapping[str, Any]]) -> list[str]:
        """What a policy does that is rewarded for something else than it should be."""
        found: list[str] = []
        if any(record.get(CUT) for record in records):
            found.append(
                "a reward model does not read the beginning of texts that have more tokens than it has positions; "
                f"`{CUT}` in the log counts them, step by step"
            )
        last = [record for record in records if "completions/repeated" in record][-WINDOW:]
        if len(last) < WINDOW:
            return found
        repeated = float(np.mean([record["completions/repeated"] for record in last]))
        by_length = float(np.mean([record.get("reward/length_correlation", 0.0) for record in last]))
        unscored = float(np.mean([record["not_scored"] for record in last]))
        if repeated > REPEATED:
            found.append(
                f"{repeated:.0%} of the completions repeat another of their step, over the last {WINDOW} steps"
            )
        if abs(by_length) > LONGER:
            longer = "longer" if by_length > 0 else "shorter"
            found.append(
                f"{longer} completions are rewarded more (correlation {by_length:.2f}) over the last {WINDOW} steps"
            )
        if unscored > 0.1:
            found.append(f"{unscored:.0%} of the completions were not scored, over the last {WINDOW} steps")
        return found


class Texts:
    """Prompts and their completions as text, one for each."""

    def __init__(self, prompts: Sequence[str], completions: Sequence[str]) -> None:
        self.prompts, self.completions = prompts, completions


def figures_of_completions(
    completions: Sequence[str], rewards: Sequence[Score], lengths: Sequence[int]
) -> dict[str, float]:
    """What shows a policy that is rewarded for the wrong thing: shares of all completions of a step, correlations of the
    scored ones. lengths: in tokens."""
    scored = [(reward, length) for reward, length in zip(rewards, lengths, strict=True) if reward is not None]
    found = {
        "not_scored": 1 - len(scored) / len(rewards),
        "completions/repeated": 1 - len(set(completions)) / len(completions),
    }
    values = np.array(scored, float).reshape(-1, 2)
    if len(scored) > 2 and values[:, 0].std() > 0 and values[:, 1].std() > 0:
        found["reward/length_correlation"] = float(np.corrcoef(values[:, 0], values[:, 1])[0, 1])
    if scored:
        found["reward/passed"] = float((values[:, 0] >= 1).mean())
    return found


class NoRowLosses:
    """A policy's rows have no loss of their own: nothing is found guilty, and a lasting spike is a change that is accepted."""

    def __init__(self, trainer: Any) -> None:
        self.served = trainer.train_dataset

    def batch(self, indices: Sequence[int]) -> None:
        return None

    def sequences(self, indices: Sequence[int]) -> list[None]:
        return [None] * len(indices)

    def documents(self, indices: Sequence[int]) -> Iterator[DocumentLoss]:
        return iter(())

    def source(self, index: int) -> str:
        return ""

    def positions(self, indices: Sequence[int]) -> list[int]:
        found: list[int] = self.served.stream.positions(indices).tolist()
        return found
