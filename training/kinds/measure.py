"""What a recipe's run really holds, measured on the tensors of its own model, beside what the formula says (`kinds.dry_run`).

The trainer is built as a run builds it, with every copy of the weights; then one forward, backward and update of AdamW is
made on a row of random tokens, and what tensors take is counted. Meant for a small model: it is loaded, once for each method.
"""

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from gristmill.schemas.training.rows import RowRecipe
from gristmill.training.kinds.dry_run import compared_methods, memory_line, recipe_and_kind
from gristmill.training.models.actor_critic import ActorCritic
from gristmill.training.models.adapters import trained_parameters
from gristmill.training.models.libraries import quiet_libraries
from gristmill.training.models.memory import Memory

TOKENS = 64
REFERENCES = ("ref_model", "reference")  # where trainers keep a model that is not trained


@dataclass(frozen=True)
class MeasuredMemory:
    """held: as the formula counts it. peak: bytes of all tensors at most while the step was made, activations included."""

    held: Memory
    peak: int


def measured_lines(recipe: str | Path | RowRecipe) -> Iterator[str]:
    """For each method, and the recipe's own: measured and computed, a line each. RecipeError as `derived_numbers` raises it."""
    loaded, kind = recipe_and_kind(recipe)
    yield f"measured on one row of {TOKENS} tokens; the peak counts activations, which the formula leaves out"
    for name, adapter in compared_methods(loaded).items():
        changed = loaded.model_copy(update={"adapter": adapter, "averaging": type(loaded.averaging)()})
        with tempfile.TemporaryDirectory() as folder, quiet_libraries():
            run = kind(changed, Path(folder))
            found = measure(run)
            computed = run.memory_of(adapter)
        yield f"{name:28} measured {memory_line(found.held)}; peak {found.peak / 2**20:,.2f} MiB"
        difference = found.held.total / computed.total - 1
        yield f"{'':28} computed {memory_line(computed)}; measured is {difference:+.3%} of it"


def measure(run: Any) -> MeasuredMemory:
    """What a run of a kind holds. run: of a kind that trains a finished model on rows, whose folder is empty."""
    run.prepare(None)
    trainer = run.trainer(run.open_history(None))
    model = trainer.model
    references = [found for name in REFERENCES if (found := getattr(trainer, name, None)) is not None]
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained)
    weights = sum(_bytes_of(_weights(part)) for part in (model, *references))
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        _loss(model).backward()
        gradients = _bytes_of(parameter.grad for parameter in trained if parameter.grad is not None)
        optimizer.step()
    moments = _bytes_of(value for state in optimizer.state.values() for key, value in state.items() if key != "step")
    count, whole = trained_parameters(model.policy if isinstance(model, ActorCritic) else model)
    if isinstance(model, ActorCritic):
        count = sum(parameter.numel() for parameter in trained)
    return MeasuredMemory(Memory(whole, count, weights, gradients, moments), weights + _most_allocated(profile))


def _loss(model: Any) -> torch.Tensor:
    """A number that every trained weight has a part in."""
    size = model.config.vocab_size
    ids = torch.randint(0, size, (1, TOKENS), generator=torch.Generator().manual_seed(0))
    ids = ids.to(next(model.parameters()).device)
    model.train()
    if isinstance(model, ActorCritic):
        judged = model(ids, torch.ones_like(ids))
        return judged.logps.sum() + judged.values.sum()
    found: torch.Tensor = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits.float().square().mean()
    return found


def _weights(model: torch.nn.Module) -> Iterator[torch.Tensor]:
    """Its parameters, and the scales and tables of those in 4 bits."""
    yield from model.parameters()
    for module in model.modules():
        state = getattr(getattr(module, "weight", None), "quant_state", None)
        if state is not None and type(module).__module__.startswith("bitsandbytes"):
            yield from (state.absmax, state.code, state.offset, state.state2.absmax, state.state2.code)


def _bytes_of(tensors: Iterable[Any]) -> int:
    """Bytes of tensors, each storage once."""
    found = {tensor.data_ptr(): tensor.numel() * tensor.element_size() for tensor in tensors}
    return sum(found.values())


def _most_allocated(profile: Any) -> int:
    """The most bytes above those of its beginning that a profiled block had allocated at once."""
    events = [one for one in profile.profiler.kineto_results.events() if one.name() == "[memory]"]
    held = most = 0
    for event in sorted(events, key=lambda one: one.start_ns()):
        held += event.nbytes()
        most = max(most, held)
    return most
