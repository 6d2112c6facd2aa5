"""Two processes give the losses of one, with DDP and with FSDP; a run may go on with another number of them."""

from pathlib import Path

import numpy as np
import pytest
from gristmill.pipelines.shards.tombstones import tombstone
from gristmill.schemas.errors import RunError
from gristmill.schemas.training.pretrain import PretrainRecipe
from gristmill.training.data.stream.history import StreamHistory
from gristmill.training.run.folder import read_training
from gristmill.training.run.train import train

from tests.training.poison import corpus, plant, random_tokens, stream_of
from tests.training.processes import two_processes
from tests.training.training_runs import BATCH, curve, go_back, skipped, tiny

Curve = dict[int, tuple[float, float, float]]

BAD = range(30 * BATCH, 31 * BATCH)
CHANGES = {
    "steps": 40,
    "micro_batch_sequences": 2,
    "checkpoints": {"every_steps": 8, "stable_after_steps": 4},
    "validation": {"every_steps": 20, "sequences": 8},
    "stability": {"min_steps": 8, "skip_updates": 0},
    "stream": {"window": 64, "mixture": {"web": 1.0}, "phases": [{"from_step": 37, "mixture": {"gone": 1.0}}]},
}
SCRIPT = """
import sys
sys.path.insert(0, {root!r})
import torch
torch.set_num_threads(1)
from gristmill.training.run.train import train
from tests.training.run.test_distributed import CHANGES
from tests.training.training_runs import tiny
train(tiny({shards!r}, **CHANGES), {run!r})
"""
FSDP_SCRIPT = """
import sys
sys.path.insert(0, {root!r})
import torch
torch.set_num_threads(1)
from accelerate import state
from accelerate.utils import DistributedType
from gristmill.training.run import settings
from gristmill.training.run.train import train
from tests.training.run.test_distributed import CHANGES
from tests.training.training_runs import tiny

usual = state.AcceleratorState.__init__

def with_fsdp_on_a_cpu(self, *arguments, fsdp_plugin=None, **options):
    usual(self, *arguments, fsdp_plugin=fsdp_plugin, **options)
    if fsdp_plugin is not None:
        self.fsdp_plugin = fsdp_plugin
    if getattr(self, "fsdp_plugin", None) is not None:
        self.distributed_type = DistributedType.FSDP

state.AcceleratorState.__init__ = with_fsdp_on_a_cpu
settings.check_fsdp = lambda gpu, processes: None
train(tiny({shards!r}, **CHANGES, fsdp=True), {run!r})
"""


def one_process(folder: Path, script: str) -> tuple[PretrainRecipe, Curve, Path]:
    """(the recipe, what one process makes of it, the script by which several train it into folder/two)."""
    shards = corpus(folder / "shards", validation=2_000, web=(30_000, 0.5), gone=(3_000, 0.5))
    recipe = tiny(shards, **CHANGES)
    tombstone(str(shards), [f"gone-00000/{number}" for number in range(100)], "asked")
    plant(recipe, BAD, random_tokens(np.random.default_rng(1)))
    root, written = str(Path(__file__).parents[3]), folder / "train.py"
    written.write_text(script.format(root=root, shards=str(shards), run=str(folder / "two")))
    return recipe, curve(train(recipe, folder / "one").folder), written


@pytest.mark.slow
def test_two_gloo_processes(tmp_path: Path) -> None:
    """Through a rollback, and from there on with one process again."""
    recipe, one, script = one_process(tmp_path, SCRIPT)
    two_processes(script)
    plan = stream_of(recipe).plan
    assert skipped(StreamHistory.open(tmp_path / "two" / "history.jsonl", plan)) >= set(BAD)
    assert_close(curve(tmp_path / "two"), one)
    go_back(tmp_path / "two", 32)
    train(recipe, tmp_path / "two")
    assert_close(curve(tmp_path / "two"), one)
    launches = read_training(tmp_path / "two")["launches"]
    assert launches[0]["ranks"] == 2
    assert (launches[-1]["from_step"], launches[-1]["ranks"]) == (33, 1)


@pytest.mark.slow
def test_two_processes_with_fsdp(tmp_path: Path) -> None:
    """On CPUs, where accelerate would choose DDP: through a rollback, and from a checkpoint on again."""
    recipe, one, script = one_process(tmp_path, FSDP_SCRIPT)
    run = tmp_path / "two"
    two_processes(script)
    assert_close(curve(run), one)
    assert skipped(StreamHistory.open(run / "history.jsonl", stream_of(recipe).plan)) >= set(BAD)
    go_back(run, 32)
    two_processes(script)
    assert_close(curve(run), one)
    assert read_training(run)["launches"][-1]["from_step"] == 33
    with pytest.raises(RunError, match="fsdp is False; expected True"):
        train(recipe, run)


def assert_close(found: Curve, expected: Curve) -> None:
    """The same steps, losses and gradient norms up to the order of sums, and the very same learning rates.

    The last steps are of a forgotten source: no token of them has a label, so there is no loss.
    """
    assert list(found) == list(expected)
    assert 32 < max(found) < 37
    for step, (loss, norm, rate) in expected.items():
        assert found[step][:2] == pytest.approx((loss, norm), rel=2e-5), step
        assert found[step][2] == rate
