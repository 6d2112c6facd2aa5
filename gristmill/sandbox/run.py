"""Run Python programs in sandboxes, watch what they use, and leave nothing of them behind."""

import contextlib
import fcntl
import json
import os
import re
import select
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gristmill.sandbox.bubblewrap import Works, arguments, examined, folder_to_read, missing, python_program, user_id
from gristmill.sandbox.limits import Limits, Outcome, Stop
from gristmill.sandbox.process_tree import usage
from gristmill.sandbox.system_calls import filter_program

WATCH_SECONDS = 0.02  # between two looks at what a program uses
OWN_MEMORY_BYTES = 16 << 20  # of bwrap, which is among the processes that are watched
FOLDER = "/program"  # where a program's files are, read-only
_LAUNCHER = Path(__file__).with_name("launcher.py")
_SEALS = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL


@dataclass(frozen=True)
class Program:
    """A Python program for the sandbox.

    script: the name of the file that is run. files: name -> content of every file, the script's too; they are in `/program`.
    arguments: of the script. stdin: what it reads; or a file descriptor of a pipe. stdout: a file descriptor of a pipe that it
    writes to, or None to keep what it prints. descriptors: of pipes that stay open in it under the same numbers.
    packages: whether packages that are installed here can be imported.
    """

    script: str
    files: Mapping[str, bytes]
    arguments: Sequence[str] = ()
    stdin: bytes | int = b""
    stdout: int | None = None
    descriptors: Sequence[int] = field(default=())
    packages: bool = False


def run(program: Program, limits: Limits) -> Outcome:
    """Run one program to its end, or until it exceeds a limit. Raises PackageError where no sandbox works here."""
    return run_together([program], limits)[0]


def run_together(
    programs: Sequence[Program], limits: Limits, *, close_after_start: list[int] | None = None
) -> list[Outcome]:
    """Run programs side by side, each in a sandbox of its own, until the last of them ends; the others are stopped then.

    Each has the limits for itself; when one exceeds them all are stopped. When this returns, no process of them is left.
    close_after_start: descriptors that are closed, and taken from the list, once the programs hold them, so that a program
    notices the end of another. Raises PackageError where no sandbox works here.
    """
    error = missing()
    if error is not None:
        raise error
    started: list[_Running] = []
    try:
        for program in programs:
            started.append(_Running(program, limits))  # noqa: PERF401 (one that fails must not hide those that run)
        while close_after_start:
            os.close(close_after_start.pop())
        _watch(started, limits)
    finally:
        for running in started:
            running.stop("ended")
    return [running.outcome() for running in started]


def _watch(started: list["_Running"], limits: Limits) -> None:
    deadline = time.monotonic() + limits.wall_seconds
    with selectors.DefaultSelector() as selector:
        for running in started:
            for name, pipe in running.pipes.items():
                selector.register(pipe, selectors.EVENT_READ, (running, name))
        while started[-1].process.poll() is None:
            for key, _ in selector.select(WATCH_SECONDS):
                running, name = key.data
                if not running.read(name):
                    selector.unregister(key.fileobj)
            if not selector.get_map():
                with contextlib.suppress(subprocess.TimeoutExpired):
                    started[-1].process.wait(WATCH_SECONDS)
            for running in started:
                exceeded = "time" if time.monotonic() > deadline else running.exceeded()
                if exceeded:
                    running.stop(exceeded)
                    return
    for name in list(started[-1].pipes):  # what was printed last
        while started[-1].read(name):
            pass


class _Running:
    """A program in its sandbox."""

    def __init__(self, program: Program, limits: Limits) -> None:
        self.limits, self.stopped, self.has_started = limits, None, False
        self.printed: dict[str, bytearray] = {"stdout": bytearray(), "stderr": bytearray()}
        self.begun = time.monotonic()
        self.looked = 0.0
        self.seconds = 0.0
        held: list[int] = []  # descriptors that the new process takes over
        try:
            self.process = self._start(program, held)
        finally:
            for descriptor in held:
                os.close(descriptor)
        self.pipes = {name: pipe for name in self.printed if (pipe := getattr(self.process, name)) is not None}
        for pipe in self.pipes.values():
            os.set_blocking(pipe.fileno(), False)

    stopped: Stop | None
    first: int | None  # a descriptor of the first process inside, whose end is the end of all others

    def _start(self, program: Program, held: list[int]) -> "subprocess.Popen[bytes]":
        works, _ = examined()
        assert works is not None
        told = [*arguments(self.limits, program.packages), *works.extra]
        files = {f"{FOLDER}/{name}": content for name, content in program.files.items()}
        files[f"{FOLDER}/launcher.py"] = _LAUNCHER.read_bytes()
        folders = {str(parent): None for path in files for parent in reversed(Path(path).parents[:-1])}
        for folder in folders:
            told += folder_to_read(folder)
        for path, content in files.items():
            held.append(_in_memory(content))
            told += ["--perms", "0444", "--ro-bind-data", str(held[-1]), path]
        system_calls = filter_program()
        if system_calls is not None:
            held.append(_in_memory(system_calls))
            told += ["--seccomp", str(held[-1])]
        told += ["--remount-ro", "/"]
        reading, writing = os.pipe()
        held.append(writing)
        told += ["--info-fd", str(writing)]
        held.append(_in_memory("\0".join(told).encode() + b"\0"))
        inside = [python_program(), "-I", "-S", "-B", f"{FOLDER}/launcher.py", json.dumps(_launch(self.limits, works))]
        inside += [f"{FOLDER}/{program.script}", *program.arguments]
        stdin = program.stdin
        if isinstance(stdin, bytes):
            stdin = _in_memory(stdin)
        process = subprocess.Popen(
            [works.program, "--args", str(held[-1]), "--", *inside],
            stdin=stdin,
            stdout=subprocess.PIPE if program.stdout is None else program.stdout,
            stderr=subprocess.PIPE,
            pass_fds=[*held, *program.descriptors],
            env={},
            cwd="/",
            start_new_session=True,
        )
        if isinstance(program.stdin, bytes):
            held.append(stdin)
        held.remove(writing)
        os.close(writing)
        with os.fdopen(reading, "rb", buffering=0) as told_back:
            self.first = _first_process(told_back.fileno())
        return process

    def read(self, name: str) -> bool:
        """Take what has been printed; False where nothing more will come for now."""
        try:
            received = os.read(self.pipes[name].fileno(), 1 << 16)
        except BlockingIOError:
            return False
        kept = self.printed[name]
        kept += received[: self.limits.output_bytes + 1 - len(kept)]
        return bool(received) and len(kept) <= self.limits.output_bytes

    def exceeded(self) -> Stop | None:
        """The limit that the program exceeds now, of those that the kernel does not hold for all its processes together."""
        if any(len(kept) > self.limits.output_bytes for kept in self.printed.values()):
            return "output"
        now = time.monotonic()
        if now - self.looked < WATCH_SECONDS:
            return None
        self.looked = now
        used = usage(self.process.pid, self.limits.processes + 1)
        if used.processes > self.limits.processes + 1:  # bwrap's own first process is among them
            return "processes"
        if used.resident_bytes > self.limits.memory_bytes + OWN_MEMORY_BYTES:
            return "memory"
        return "files" if used.files > self.limits.files else None

    def stop(self, why: Stop) -> None:
        """Kill what is left of the sandbox and wait until nothing is: a namespace of processes ends with its first one."""
        if self.process.poll() is None and self.stopped is None:
            self.stopped = why
        if self.first is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.first, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        if self.first is not None:
            select.select([self.first], [], [])  # it is there until every process of its namespace is gone
            os.close(self.first)
            self.first, self.has_started = None, True
            self.seconds = time.monotonic() - self.begun
        for pipe in self.pipes.values():
            pipe.close()

    def outcome(self) -> Outcome:
        """What became of the program; RuntimeError where bwrap itself failed, so that nothing of it ran."""
        if not self.has_started:
            raise RuntimeError(f"the sandbox did not start: {self.printed['stderr'].decode('utf-8', 'replace')[:300]}")
        limit = self.limits.output_bytes
        code = None if self.stopped else self.process.returncode
        return Outcome(
            code,
            self.stopped,
            bytes(self.printed["stdout"][:limit]),
            bytes(self.printed["stderr"][:limit]),
            self.seconds,
        )


def _first_process(information: int) -> int | None:
    """A descriptor of the first process in the sandbox, of what bwrap writes about it; None where it did not start."""
    told = b""
    while received := os.read(information, 4096):
        told += received
        if b"}" in told:
            break
    found = re.search(rb'"child-pid": *(\d+)', told)
    if found is None:
        return None
    try:
        return os.pidfd_open(int(found[1]))
    except ProcessLookupError:
        return None


def _launch(limits: Limits, works: Works) -> dict[str, Any]:
    """What the launcher does before it becomes the program."""
    return {"user": user_id() if works.changes_user else None, "limits": _resource_limits(limits)}


def _resource_limits(limits: Limits) -> dict[str, int]:
    return {
        "CPU": limits.cpu_seconds,
        "AS": limits.memory_bytes,
        "FSIZE": limits.file_bytes,
        "NPROC": limits.processes,
        "NOFILE": 256,
        "CORE": 0,
        "MSGQUEUE": 0,
        "MEMLOCK": 0,
    }


def _in_memory(content: bytes) -> int:
    """A file descriptor of a file in memory that holds the content and can be changed by nobody."""
    descriptor = os.memfd_create("gristmill", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    with os.fdopen(os.dup(descriptor), "wb") as file:
        file.write(content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
    return descriptor
