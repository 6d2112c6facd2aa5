"""Run inside the sandbox, before the program: gives up rights and lowers limits for good, then becomes the program.

    python -I -S launcher.py LAUNCH SCRIPT [ARGUMENT…]

LAUNCH is JSON: `limits`, a mapping of names of `resource` without `RLIMIT_` to numbers, and `user`, the user and group to
become where this is root's process, else null. This file is copied into the sandbox, where nothing
of gristmill is: it imports the standard library only.
"""

import json
import os
import resource
import runpy
import sys


def main() -> None:
    os.umask(0o077)
    launch = json.loads(sys.argv[1])
    limits = launch["limits"]
    if launch["user"] is not None:
        os.setgroups([])
        os.setgid(launch["user"])
        os.setuid(launch["user"])
    elif tuple(int(part) for part in os.uname().release.split("-")[0].split(".")[:2] if part.isdigit()) < (5, 14):
        limits.pop("NPROC", None)  # an older kernel counts every process of the user, outside the sandbox too
    for name, value in limits.items():
        number = getattr(resource, f"RLIMIT_{name}")
        hard = resource.getrlimit(number)[1]
        value = value if hard < 0 else min(value, hard)
        resource.setrlimit(number, (value, value))
    if os.path.isdir("/packages"):
        sys.path.append("/packages")
    del sys.argv[:2]
    sys.path.insert(0, "/program")
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
