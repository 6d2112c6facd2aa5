"""Scripts that several processes train by, as torchrun would start them."""

import os
import socket
import subprocess
import sys
from pathlib import Path


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
