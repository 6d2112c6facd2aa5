"""Names that secrets are given to."""

import re

from gristmill.filters.pii.window import Window

MAX_NAME_CHARACTERS = 64
_NAME_CHARACTER = re.compile(r"[\w.\-]")


def name_start(window: Window) -> int:
    """Where the name begins that the candidate was seen by, which may be seen by its last word or letters only."""
    start = window.start
    while start > max(0, window.start - MAX_NAME_CHARACTERS) and _NAME_CHARACTER.match(window.text, start - 1):
        start -= 1
    return start
