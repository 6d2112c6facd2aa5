"""A headless Chromium that opens one file and tells what became of it."""

import shutil
import subprocess
from pathlib import Path

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--virtual-time-budget=5000",
)


def dump_dom(page: Path, profile: Path) -> tuple[str, str]:
    """(the document after its scripts ran, as HTML; the requests that the browser made, as a net log)."""
    program = next(found for found in map(shutil.which, PROGRAMS) if found)
    log = profile.with_suffix(".netlog.json")
    command = [program, *OPTIONS, f"--user-data-dir={profile}", f"--log-net-log={log}", "--dump-dom", page.as_uri()]
    done = subprocess.run(command, capture_output=True, timeout=120, check=True)
    return done.stdout.decode("utf-8", "replace"), log.read_text(encoding="utf-8", errors="replace")
