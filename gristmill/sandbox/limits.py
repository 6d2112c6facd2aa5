"""What a program in the sandbox may use, and what became of it."""

from typing import Literal, NamedTuple

from gristmill.schemas.strict import Strict
from pydantic import Field

# Why a program was stopped: its time, the memory of all its processes, their number, what it printed, its files, or because the
# program that it belonged to had ended.
Stop = Literal["time", "memory", "processes", "output", "files", "ended"]


class Limits(Strict):
    """What one program, with every process that it starts, may use.

    wall_seconds: real time. cpu_seconds: processor time of each process. memory_bytes: address space of each process, and
    resident memory of all of them together. output_bytes: of standard output and of error output, each. file_bytes: of all its
    files together, which lie in memory. files: their number. processes: at once, threads included where the kernel counts them.
    """

    wall_seconds: float = Field(10.0, gt=0, le=3600)
    cpu_seconds: int = Field(10, ge=1, le=3600)
    memory_bytes: int = Field(1 << 30, ge=64 << 20)
    output_bytes: int = Field(1 << 20, ge=1)
    file_bytes: int = Field(64 << 20, ge=1 << 20)
    files: int = Field(4096, ge=16)
    processes: int = Field(32, ge=4)


class Outcome(NamedTuple):
    """What became of a program.

    exit_code: of its first process, 128 and the signal's number where a signal ended it; None where it was stopped.
    stopped: why it was stopped, else None. stdout, stderr: what it printed, up to the limit. seconds: real time.
    """

    exit_code: int | None
    stopped: Stop | None
    stdout: bytes
    stderr: bytes
    seconds: float
