"""What was recorded of fixed inputs: a change of structure must not change a row.

`GRISTMILL_RECORD=1 python -m pytest tests/test_recorded.py tests/engines/test_engines.py` writes the file anew. That is
right only where the rows of a dataset are meant to change; the changelog then says which and why.
"""

import json
import os
from pathlib import Path
from typing import Any

RECORDED = Path(__file__).with_name("recorded.json")


def recorded(name: str, found: Any) -> Any:
    """What was recorded under `name`; when recording, `found` is written there first."""
    known = json.loads(RECORDED.read_text()) if RECORDED.exists() else {}
    if os.environ.get("GRISTMILL_RECORD"):
        known[name] = found
        RECORDED.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")
    return known[name]
