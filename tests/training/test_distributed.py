"""Two processes give the losses of one, and a run may go on with another number of them."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from gristmill.training.pretrain import pretrain
from poison import corpus
from training_runs import curve, tiny

CHANGES = {
    "steps": 12,
    "micro_batch_sequences": 2,
    "checkpoints": {"every_steps": 6, "stable_after_steps": 4},
    "validation": {"every_steps": 6, "sequences": 8},
}
SCRIPT = """
import sys
sys.path[:0] = {paths!r}
import torch
torch.set_num_threads(1)
from gristmill.training.pretrain import pretrain
from test_distributed import CHANGES
from training_runs import tiny
pretrain(tiny({shards!r}, **CHANGES), {run!r})
"""


def two_processes(script: Path) -> None:
    """What torchrun sets up, without its start-up time."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    common = os.environ | {"OMP_NUM_THREADS": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    ranks = [
        subprocess.Popen(
            [sys.executable, str(script)],
            env=common | {"WORLD_SIZE": "2", "RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in (0, 1)
    ]
    assert [rank.wait(timeout=240) for rank in ranks] == [0, 0]


def test_two_gloo_processes(tmp_path: Path) -> None:
    shards = corpus(tmp_path / "shards", validation=2_000, web=(20_000, 0.5))
    one = curve(pretrain(tiny(shards, **CHANGES), tmp_path / "one").folder)
    here = Path(__file__).parent
    script = tmp_path / "train.py"
    paths = [str(here), str(here.parent)]
    script.write_text(SCRIPT.format(paths=paths, shards=str(shards), run=str(tmp_path / "two")))
    two_processes(script)
    two = curve(tmp_path / "two")
    assert list(two) == list(one)
    for step, (loss, norm, rate) in one.items():
        assert two[step][:2] == pytest.approx((loss, norm), rel=2e-5), step
        assert two[step][2] == rate
