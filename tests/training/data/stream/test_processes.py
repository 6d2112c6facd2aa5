"""Two real processes (gloo) read their shares of every global batch; together they are what one process reads."""

import sys
from pathlib import Path

import numpy as np
import pytest
from gristmill.training.data.stream.dataset import PlanDataset
from gristmill.training.data.stream.history import StreamHistory
from gristmill.training.data.stream.plan import Plan, PlanConfig
from gristmill.training.data.stream.shards import ShardSet

from tests.made_shards import numbered, write_shards
from tests.training.processes import finish_together

SCRIPT = """
import sys
import torch
import torch.distributed as dist
from gristmill.training.data.stream.dataset import PlanDataset
from gristmill.training.data.stream.history import StreamHistory
from gristmill.training.data.stream.plan import Plan

folder, rank, first, last = sys.argv[1], *map(int, sys.argv[2:])
torch.set_num_threads(1)
dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
plan = Plan.load(folder)
data = PlanDataset(plan, StreamHistory.open(f"{folder}/history.jsonl", plan))
steps = []
for batch in data.batches(8, first, last, rank, 2):
    ids = torch.from_numpy(batch["input_ids"])
    shares = [torch.empty_like(ids) for _ in range(2)]
    dist.all_gather(shares, ids)
    steps.append(torch.cat(shares))
if rank == 0:
    torch.save(torch.stack(steps), f"{folder}/served.pt")
dist.destroy_process_group()
"""


@pytest.mark.slow
def test_two_processes_continue_what_one_began(tmp_path: Path) -> None:
    import torch

    shards = {"a-00000": numbered([5, 12, 3, 40, 1, 9] * 4), "b-00000": numbered([90, 4], 5000)}
    config = PlanConfig(window=16, packing=True, mixture={"a": 0.6, "b": 0.4})
    plan = Plan.build(ShardSet.open(write_shards(tmp_path / "shards", shards)), config, tmp_path)
    history = StreamHistory.open(tmp_path / "history.jsonl", plan)
    history.append("skip", 16, {"ranges": [[17, 20], [40, 41]]})
    alone = [batch["input_ids"] for batch in PlanDataset(plan, history).batches(8, 0, 96)]
    finish_together([([sys.executable, "-c", SCRIPT, str(tmp_path), str(rank), "40", "96"], {}) for rank in range(2)])
    together = torch.load(tmp_path / "served.pt", weights_only=True).numpy()
    assert (together == np.stack(alone[5:])).all()
