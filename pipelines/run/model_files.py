"""Files that options name (models, lists) enter a stage key by their content."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def with_file_hashes(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options with every existing file's path replaced by its name and hash: moving a model changes nothing."""
    return {key: _identity(value) for key, value in options.items()}


def _identity(value: Any) -> Any:
    if isinstance(value, Mapping):
        return with_file_hashes(value)
    if isinstance(value, list | tuple):
        return [_identity(item) for item in value]
    if isinstance(value, str) and "/" in value and Path(value).is_file():
        with Path(value).open("rb") as file:
            return f"{Path(value).name}:{hashlib.file_digest(file, 'blake2b').hexdigest()[:32]}"
    if isinstance(value, str) and "/" in value and Path(value).is_dir():
        files = sorted(path for path in Path(value).rglob("*") if path.is_file())
        return [[path.relative_to(value).as_posix(), _identity(str(path))] for path in files]
    return value
