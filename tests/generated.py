"""How many generated inputs a test tries."""

import os


def examples(wanted: int) -> int:
    """A third of `wanted`, and all of them where GRISTMILL_EXAMPLES is `all`, as `make test-slow` sets it."""
    return wanted if os.environ.get("GRISTMILL_EXAMPLES") == "all" else wanted // 3
