"""The Trainer of proximal policy optimisation: a step draws completions, judges them, and makes several updates with them.

All but the last update are made here, with the step's learning rate; the last one is the Trainer's own, so that the watch
sees its gradient. A loss or gradient that is not finite ends the step's updates, and is the step's loss.
"""

import json
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from gristmill.training.kinds.rollouts import Texts
from gristmill.training.models.actor_critic import ActorCritic, Judged
from gristmill.training.models.sampling import draw_completions, key_of
from gristmill.training.objectives.policy import (
    KlController,
    advantages_and_returns,
    clipped_policy_loss,
    clipped_value_loss,
    moments,
    token_rewards,
    whitened,
)
from gristmill.training.run.trainer import WatchedTrainer
from safetensors.torch import load_file, save_file

if TYPE_CHECKING:
    from gristmill.training.kinds.ppo import Ppo

VALUE, STATE = "value.safetensors", "ppo.json"


@dataclass
class Rollout:
    """Completions of a step in this process. ids, attention: int64 (rows, tokens), padded on the right; mask: bool (rows,
    tokens - 1), True where the next token was chosen and its completion scored. The rest: as the updates need them."""

    ids: torch.Tensor
    attention: torch.Tensor
    mask: torch.Tensor
    scores: torch.Tensor
    logps: torch.Tensor
    values: torch.Tensor
    advantages: torch.Tensor
    returns: torch.Tensor


class PpoTrainer(WatchedTrainer):
    """A label is a token of a completion that was scored."""

    def __init__(self, *, kind: "Ppo", reference: Any, **options: Any) -> None:
        """reference: a frozen model; None where the policy's adapter is switched off instead."""
        self._kind, self._recipe = kind, kind.recipe
        self.reference = reference
        penalty = kind.recipe.kl
        self.controller = KlController(penalty.coefficient, penalty.target, penalty.horizon)
        self._figures: dict[str, float] = {}
        super().__init__(**options)
        if reference is not None:
            reference.to(self.args.device)

    @property
    def actor_critic(self) -> ActorCritic:
        found: ActorCritic = self.accelerator.unwrap_model(self.model)
        return found

    def count_labels(self, micro_batches: list[Any], device: torch.device) -> torch.Tensor:
        return self._counts  # known once completions are written

    def step_figures(self) -> dict[str, float]:
        return self._figures

    def training_step(self, model: Any, inputs: list[dict[str, Any]], *rest: Any, **options: Any) -> torch.Tensor:
        rollout = self._rollout(inputs)
        self._counts = self._sum(rollout.mask.sum().reshape(1))
        loss = self._updates(model, rollout) if int(self._counts) else torch.zeros((), device=self.args.device)
        self._shares.append(loss)
        return loss

    def drawn_completions(self, prompts: list[list[int]], keys: list[int]) -> list[list[int]]:
        """The ids of one completion of each prompt under the policy as it is."""
        kind, policy = self._kind, self.actor_critic.policy
        with self.compute_loss_context_manager():
            return draw_completions(policy, prompts, keys, kind.sampling, kind.ends, kind.vocabulary.pad_token_id)

    def _sum(self, value: torch.Tensor) -> torch.Tensor:
        return self.sum_over_processes(value)

    # What a step learns from

    def _rollout(self, inputs: list[dict[str, Any]]) -> Rollout:
        kind, recipe, step = self._kind, self._recipe, self.state.global_step
        some = [one for one in inputs for _ in range(recipe.generations)]
        first = self.args.process_index * len(some)
        keys = [key_of(recipe.seed, step, first + number) for number in range(len(some))]
        prompts = [one["ids"] for one in some]
        drawn = self.drawn_completions(prompts, keys)
        texts = Texts([one["text"] for one in some], [kind.completion_text(ids) for ids in drawn])
        numbers = [one["row"] for one in some]
        scores, _ = kind.rewards(texts.prompts, texts.completions, [kind.usable.rows.records[n] for n in numbers])
        lengths = [len(ids) for ids in drawn]
        self._figures = kind.figures_of(texts.completions, scores, lengths)
        if self.is_world_process_zero():
            kind.keep_samples(step + 1, numbers, texts, scores)
        truncated = torch.tensor([ids[-1] not in kind.ends for ids in drawn])
        given = torch.tensor([0.0 if score is None else score for score in scores])
        if recipe.clip_score is not None:
            given = given.clamp(-recipe.clip_score, recipe.clip_score)
        given = given - recipe.penalty_without_end * truncated
        scored = torch.tensor([score is not None for score in scores])
        found = self._judged(prompts, drawn, given, scored, kind.vocabulary.pad_token_id)
        self._note_scores(given, scored, torch.tensor(lengths, dtype=torch.float32), truncated)
        return found

    def _judged(
        self, prompts: list[list[int]], drawn: list[list[int]], scores: torch.Tensor, scored: torch.Tensor, pad: int
    ) -> Rollout:
        """Log-probabilities and values before the step's updates, advantages and returns."""
        recipe, device = self._recipe, self.args.device
        texts = [[*prompt, *own] for prompt, own in zip(prompts, drawn, strict=True)]
        width = max(len(ids) for ids in texts)
        ids = torch.tensor([[*own, *[pad] * (width - len(own))] for own in texts], device=device)
        places = torch.arange(width, device=device)
        lengths = torch.tensor([len(own) for own in texts], device=device)[:, None]
        starts = torch.tensor([len(own) for own in prompts], device=device)[:, None]
        attention = (places < lengths).long()
        mask = (places[1:] >= starts) & (places[1:] < lengths) & scored.to(device)[:, None]
        scores = scores.to(device)
        with torch.no_grad(), self.compute_loss_context_manager():
            parts = [self.actor_critic(ids[own], attention[own]) for own in self._slices(len(ids))]
            before = Judged(*(torch.cat(values) for values in zip(*parts, strict=True)))
            reference = torch.cat([self._reference_logps(ids[own], attention[own]) for own in self._slices(len(ids))])
        rewards = token_rewards(scores, before.logps, reference, mask, self.controller.coefficient)
        if recipe.whiten_rewards:
            rewards = whitened(rewards, mask, self._sum(moments(rewards, mask)), shift=False)
        advantages, returns = advantages_and_returns(rewards, before.values, mask, recipe.discount, recipe.trace_decay)
        advantages = whitened(advantages, mask, self._sum(moments(advantages, mask)))
        self._note_divergence(before, reference, mask)
        return Rollout(ids, attention, mask, scores, before.logps, before.values, advantages, returns)

    def _reference_logps(self, ids: torch.Tensor, attention: torch.Tensor) -> torch.Tensor:
        """Under the model as it was before step 1, at the temperature that completions are drawn at."""
        adapter_off = self.actor_critic.policy.disable_adapter() if self.reference is None else nullcontext()
        with adapter_off:
            model = self.actor_critic.policy if self.reference is None else self.reference
            logits = model(input_ids=ids, attention_mask=attention, use_cache=False).logits[:, :-1].float()
        scaled = (logits / self._recipe.temperature).log_softmax(-1)
        return scaled.gather(2, ids[:, 1:, None])[..., 0]

    def _slices(self, rows: int) -> list[slice]:
        size = self._recipe.micro_batch_sequences * self._recipe.generations
        return [slice(first, min(first + size, rows)) for first in range(0, rows, size)]

    # Updates

    def _updates(self, model: Any, rollout: Rollout) -> torch.Tensor:
        """All updates of the step but the last, whose gradients are left; returns the mean loss."""
        recipe = self._recipe
        updates = recipe.epochs * recipe.minibatches
        totals = torch.zeros(4, device=self.args.device, dtype=torch.float64)
        for number in range(updates):
            rows = torch.arange(number % recipe.minibatches, len(rollout.ids), recipe.minibatches)
            part = self._gradients(model, rollout, rows)
            totals += part
            if not bool(torch.isfinite(part[0])):
                self._note_updates(totals, number + 1)
                return torch.full((), float("nan"), device=self.args.device)
            if number < updates - 1 and not self._update(model):
                self._note_updates(totals, number + 1)
                return torch.full((), float("nan"), device=self.args.device)
        self._note_updates(totals, updates)
        return (totals[0] / updates).float()

    def _update(self, model: Any) -> bool:
        """Apply the gradients; False, and nothing applied, where they are not finite."""
        norm = self.accelerator.clip_grad_norm_(model.parameters(), self.args.max_grad_norm or float("inf"))
        finite = norm is None or bool(torch.isfinite(torch.as_tensor(norm)))
        if finite:
            self.optimizer.step()
        model.zero_grad()
        return finite

    def _gradients(self, model: Any, rollout: Rollout, rows: torch.Tensor) -> torch.Tensor:
        """Gradients of a minibatch. Returns float64 (4,), over all processes: the loss, the policy's part and the value's, the
        share of ratios that were clipped."""
        recipe = self._recipe
        count = max(float(self._sum(rollout.mask[rows].sum().reshape(1).double())), 1.0)
        found = torch.zeros(4, device=self.args.device, dtype=torch.float64)
        for own in self._slices(len(rows)):
            some = rows[own]
            mask = rollout.mask[some]
            with self.compute_loss_context_manager():
                now = model(rollout.ids[some], rollout.attention[some])
            policy, clipped = clipped_policy_loss(
                now.logps, rollout.logps[some], rollout.advantages[some], mask, recipe.clip_ratio, count
            )
            value = clipped_value_loss(
                now.values, rollout.values[some], rollout.returns[some], mask, recipe.clip_value, count
            )
            loss = policy + recipe.value_weight * value
            self.accelerator.backward(loss * self.accelerator.num_processes)  # gradients are averaged over processes
            found += torch.stack([loss, policy, value, clipped / count]).detach().double()
        return self._sum(found)

    # What the log says

    def _note_scores(
        self, scores: torch.Tensor, scored: torch.Tensor, lengths: torch.Tensor, truncated: torch.Tensor
    ) -> None:
        chosen = scores.double()[scored]
        own = [
            chosen.sum(),
            chosen.square().sum(),
            scored.sum(),
            lengths.sum(),
            truncated.sum(),
            torch.tensor(len(scored)),
        ]
        total, squares, count, tokens, ended, rows = self._sum(torch.stack([one.double() for one in own])).tolist()
        mean = total / count if count else float("nan")
        self._figures |= {
            "reward": mean,
            "reward_std": max(squares / count - mean**2, 0.0) ** 0.5 if count else float("nan"),
            "completions/mean_length": tokens / rows,
            "completions/clipped_ratio": ended / rows,
        }

    def _note_divergence(self, before: Judged, reference: torch.Tensor, mask: torch.Tensor) -> None:
        """The mean divergence of a scored completion from the reference; the coefficient for the next step follows it."""
        divergence = (torch.where(mask, before.logps - reference, 0.0)).double().sum()
        entropy = torch.where(mask, before.entropies, 0.0).double().sum()
        own = torch.stack([divergence, entropy, mask.sum().double(), mask.any(1).sum().double()])
        divergence, entropy, tokens, rows = self._sum(own).tolist()
        mean = divergence / rows if rows else 0.0
        self._figures |= {
            "kl": mean,
            "entropy": entropy / tokens if tokens else 0.0,
            "kl_coefficient": self.controller.coefficient,
        }
        self.controller.updated(mean, int(rows))

    def _note_updates(self, totals: torch.Tensor, updates: int) -> None:
        _, policy, value, clipped = (totals / updates).tolist()
        self._figures |= {"loss/policy": policy, "loss/value": value, "clip_ratio": clipped}

    # Checkpoints

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        """The policy as transformers or peft saves it; the value and the penalty's coefficient in files of their own."""
        folder = Path(str(output_dir or self.args.output_dir))
        folder.mkdir(parents=True, exist_ok=True)
        self.actor_critic.policy.save_pretrained(str(folder))
        save_file(self.actor_critic.value_state(), folder / VALUE)
        (folder / STATE).write_text(json.dumps({"kl_coefficient": self.controller.coefficient}), encoding="utf-8")

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        folder = Path(resume_from_checkpoint)
        super()._load_from_checkpoint(resume_from_checkpoint, self.actor_critic.policy)
        self.actor_critic.load_value_state(load_file(folder / VALUE))
        self.controller.coefficient = json.loads((folder / STATE).read_text(encoding="utf-8"))["kl_coefficient"]
