"""What a hostile program tries in the sandbox, and that nothing comes of it: every attempt is contained."""

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from gristmill.sandbox.bubblewrap import ENVIRONMENT, Works, examined, ways
from gristmill.sandbox.limits import Limits, Outcome
from gristmill.sandbox.run import Program, run

pytestmark = pytest.mark.bwrap
SMALL = Limits(
    wall_seconds=60, cpu_seconds=3, memory_bytes=256 << 20, file_bytes=8 << 20, processes=16, output_bytes=100_000
)
BRIEF = SMALL.model_copy(update={"wall_seconds": 1.0})  # for what ends in no other way


def contained(source: str, limits: Limits = SMALL, stdin: bytes = b"") -> Outcome:
    return run(Program("main.py", {"main.py": source.encode()}, stdin=stdin), limits)


def printed(source: str, limits: Limits = SMALL) -> str:
    outcome = contained(source, limits)
    assert outcome.exit_code == 0, outcome
    return outcome.stdout.decode()


@pytest.fixture(autouse=True, params=["here", pytest.param("in a namespace of users", marks=pytest.mark.slow)])
def _way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """As this user starts bwrap; and, where that is root's way, as anybody else does."""
    if request.param != "here":
        works, _ = examined()
        assert works is not None
        extra, changes_user = next(way for way in ways() if not way[1])
        monkeypatch.setattr("gristmill.sandbox.run.examined", lambda: (Works(works.program, extra, changes_user), ""))


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    """No process of a sandbox is there after a run."""
    yield
    names = [child.name() for child in psutil.Process().children(recursive=True)]  # of ended ones that wait too
    assert "bwrap" not in names


def test_a_program_runs() -> None:
    outcome = contained(
        "import sys; print(sys.stdin.read()[::-1]); print('e', file=sys.stderr); sys.exit(3)", stdin=b"abc"
    )
    assert (outcome.exit_code, outcome.stopped, outcome.stdout, outcome.stderr) == (3, None, b"cba\n", b"e\n")


FORKS = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass\n"
THREADS = (
    "import threading, time\nwhile True:\n"
    "    try: threading.Thread(target=time.sleep, args=(60,)).start()\n    except RuntimeError: pass\n"
)
DEAF = (
    "import signal\nfor number in range(1, 65):\n"
    "    try: signal.signal(number, signal.SIG_IGN)\n    except (OSError, ValueError): pass\nwhile True: pass"
)
MEMORY_OF_MANY = (
    "import os, time\nfor _ in range(8):\n    if not os.fork(): break\n"
    "held = []\ntry:\n    while True: held.append(bytearray(b'x' * (4 << 20)))\nexcept MemoryError: time.sleep(60)\n"
)
STOPPED = [
    ("while True: pass", {"time"}),
    ("import time; time.sleep(60)", {"time"}),
    (DEAF, {"time"}),
    (FORKS, {"time", "processes"}),
    (THREADS, {"time", "processes"}),
    ("while True: print('x' * 1000)", {"output"}),
    ("import sys\nwhile True: sys.stderr.write('x' * 1000)", {"output"}),
    (MEMORY_OF_MANY, {"memory"}),
    ("import time\nfor i in range(10**9): open(f'/tmp/{i}', 'w').close()", {"files"}),
    ("import time\nfor i in range(10**9): open(f'/dev/shm/{i}', 'w').close()", {"files", None}),
]


@pytest.mark.parametrize(("source", "stops"), STOPPED)
def test_what_does_not_end_is_stopped(source: str, stops: set[str | None]) -> None:
    started = time.monotonic()
    outcome = contained(source, BRIEF if "time" in stops else SMALL)
    assert outcome.stopped in stops, outcome
    assert outcome.exit_code != 0
    assert len(outcome.stdout) <= SMALL.output_bytes
    assert time.monotonic() - started < 30


FAILS = [
    ("held = []\nwhile True: held.append(bytearray(8 << 20))", b"MemoryError"),
    ("open('/tmp/f', 'wb').write(b'x' * (64 << 20))", b""),
    ("import os\nfor i in range(100): open(f'/tmp/{i}', 'wb').write(b'x' * (1 << 20))", b"No space left"),
    ("import os\nfd = os.memfd_create('m')", b"Operation not permitted"),
    ("import ctypes\nassert ctypes.CDLL(None).shmget(0, 1 << 30, 0o1600) >= 0", b"AssertionError"),
    ("import ctypes\nassert ctypes.CDLL(None).ptrace(16, 1, 0, 0) == 0", b"AssertionError"),
    ("import ctypes\nassert ctypes.CDLL(None).unshare(0x10000000) == 0", b"AssertionError"),
    ("import ctypes\nassert ctypes.CDLL(None).mount(b'none', b'/tmp', b'tmpfs', 0, 0) == 0", b"AssertionError"),
    ("import ctypes\nassert ctypes.CDLL(None).chroot(b'/tmp') == 0", b"AssertionError"),
    ("import os; os.setuid(0)", b"Error: [Errno"),
    ("import resource\nresource.setrlimit(resource.RLIMIT_AS, (-1, -1))", b"not allowed to raise maximum limit"),
    ("import socket; socket.socket(40, socket.SOCK_STREAM)", b"Address family not supported"),
    ("import socket; socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)", b"Address family not supported"),
    ("import socket; socket.create_connection(('1.1.1.1', 53), 2)", b"Network is unreachable"),
    ("import socket; print(socket.getaddrinfo('example.org', 80))", b"gaierror"),
    ("import urllib.request; urllib.request.urlopen('http://93.184.216.34/', timeout=2)", b"Network is unreachable"),
]


@pytest.mark.parametrize(("source", "message"), FAILS)
def test_what_is_not_allowed_fails(source: str, message: bytes) -> None:
    outcome = contained(source)
    assert outcome.stopped is None
    assert outcome.exit_code not in (0, None)
    assert message in outcome.stderr


def test_no_listener_of_this_machine_is_reached() -> None:
    """Neither by address nor by an abstract name."""
    with socket.socket() as server, socket.socket(socket.AF_UNIX) as named:
        server.bind(("127.0.0.1", 0))
        server.listen()
        name = f"\0gristmill-test-{os.getpid()}"
        named.bind(name)
        named.listen()
        port = server.getsockname()[1]
        source = (
            "import socket\n"
            f"for family, address in ((socket.AF_INET, ('127.0.0.1', {port})), (socket.AF_UNIX, {name!r})):\n"
            "    try: socket.socket(family).connect(address); print('reached')\n"
            "    except OSError as error: print(type(error).__name__)\n"
        )
        assert printed(source).split() == ["ConnectionRefusedError", "ConnectionRefusedError"]


def test_files_and_environment_of_the_user_are_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "secret"
    secret.write_text("the secret")
    monkeypatch.setenv("GRISTMILL_SECRET", "the secret")
    source = (
        "import os, glob\n"
        f"print(os.path.exists({str(secret)!r}), os.path.exists({str(Path(__file__))!r}), os.path.exists('/etc/passwd'))\n"
        "print(sorted(os.environ))\n"
        "found = b''\n"
        "for path in glob.glob('/proc/*/environ') + glob.glob('/proc/*/cmdline'):\n"
        "    try: found += open(path, 'rb').read()\n"
        "    except OSError: pass\n"
        f"print(b'secret' in found, {str(Path.home())!r}.encode() in found.replace(b'bin/python', b'').split(b'\\0'))\n"
    )
    lines = printed(source).splitlines()
    assert lines == ["False False False", str(sorted([*ENVIRONMENT, "PWD"])), "False False"]


def test_nothing_but_its_own_folder_can_be_written(tmp_path: Path) -> None:
    """Also not through links, `..`, or what /proc shows of other roots."""
    target = tmp_path / "target"
    source = (
        "import os, sys\n"
        "wrote = []\n"
        "def attempt(path):\n"
        "    try:\n"
        "        with open(path, 'w') as file: file.write('x')\n"
        "        wrote.append(path)\n"
        "    except OSError: pass\n"
        f"os.symlink({str(target)!r}, '/tmp/link')\n"
        "places = ['/x', '/usr/x', '/etc/x', '/program/x', '/program/main.py', '/dev/x', '/proc/sys/kernel/hostname',\n"
        f"          '/proc/sysrq-trigger', '/tmp/link', {str(target)!r}, '/tmp/../..{target}',\n"
        f"          sys.prefix + '/x', os.__file__]\n"
        f"places += [f'/proc/{{pid}}/root{target}' for pid in os.listdir('/proc') if pid.isdigit()]\n"
        f"places += [f'/proc/{{pid}}/cwd/../..{target}' for pid in os.listdir('/proc') if pid.isdigit()]\n"
        "for place in places: attempt(place)\n"
        "os.unlink('/tmp/link'); attempt('/tmp/own')\n"
        "print(wrote)\n"
    )
    assert printed(source) == "['/tmp/own']\n"
    assert list(tmp_path.iterdir()) == []


def test_what_is_written_is_gone_in_the_next_run() -> None:
    assert printed("open('/tmp/a', 'w').write('x'); open('/dev/shm/a', 'w').write('x'); print(1)") == "1\n"
    assert printed("import os; print(os.listdir('/tmp'), os.listdir('/dev/shm'))") == "[] []\n"


def test_no_descriptor_is_inherited(tmp_path: Path) -> None:
    with open(tmp_path / "open", "w") as file:
        os.set_inheritable(file.fileno(), True)
        source = (
            "import os\nfor number in range(3, 256):\n"
            "    try: print(number, os.readlink(f'/proc/self/fd/{number}'))\n    except OSError: pass\n"
        )
        assert printed(source) == ""


def test_the_programs_and_this_process_are_not_killed() -> None:
    """Signals reach nobody outside; processes that it left behind do not outlive it."""
    source = (
        "import os, signal, subprocess, sys, time\n"
        f"for pid in (os.getppid(), {os.getpid()}, {os.getppid()}, 1, -1):\n"
        "    try: os.kill(pid, signal.SIGTERM) if pid != -1 else None\n"
        "    except OSError: pass\n"
        "print(len([name for name in os.listdir('/proc') if name.isdigit()]) <= 3)\n"
    )
    assert printed(source) == "True\n"


def test_daemons_end_with_the_program() -> None:
    mark = f"gristmill-daemon-{os.getpid()}"
    source = (
        "import os, subprocess, sys, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        devnull = os.open(os.devnull, os.O_RDWR)\n"
        "        for number in (0, 1, 2): os.dup2(devnull, number)\n"
        f"        os.execv(sys.executable, [sys.executable, '-c', 'import time; time.sleep(60)', {mark!r}])\n"
        "    os._exit(0)\n"
        "os.wait(); time.sleep(0.2); print('left')\n"
    )
    assert printed(source) == "left\n"
    running = [process.info["cmdline"] for process in psutil.process_iter(["cmdline"])]
    assert [line for line in running if line and mark in line] == []


def test_its_end_is_not_hidden_by_catching_everything() -> None:
    source = (
        "import sys\n"
        "while True:\n"
        "    try:\n"
        "        try: sys.exit(0)\n"
        "        finally: raise KeyError\n"
        "    except BaseException: pass\n"
    )
    assert contained(source, BRIEF).stopped == "time"


def test_limits_are_not_raised_by_a_new_process() -> None:
    source = (
        "import subprocess, sys\n"
        "code = 'x = bytearray(400 << 20)'\n"
        "print(subprocess.run([sys.executable, '-I', '-S', '-c', code], capture_output=True).returncode)\n"
    )
    assert printed(source) == "1\n"
