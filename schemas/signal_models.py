"""Model folders: what a trained language model or classifier is, beside its files; `manifest.json` is written last."""

import hashlib
import json
from pathlib import Path
from typing import Any, Literal, TypeVar

from gristmill.schemas.errors import ModelError
from pydantic import BaseModel, ConfigDict, ValidationError

MANIFEST = "manifest.json"
LineNormalisation = Literal["none", "lower", "words", "ccnet"]


class _Manifest(BaseModel):
    """Keys of every model folder. files: name -> blake2b of its content. training: what it was made of."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str
    format: Literal[1] = 1
    gristmill: str
    files: dict[str, str]
    training: dict[str, Any]


class LanguageModel(_Manifest):
    """A KenLM model. percentiles: percent -> perplexity below which that share of the reference documents lies."""

    kind: Literal["kenlm"]
    language: str
    order: int
    model: str
    tokenizer: str
    tokenizer_kind: Literal["sentencepiece", "tokenizers"]
    percentiles: dict[int, float]


class Classifier(_Manifest):
    """A fastText classifier of two labels.

    normalisation: what is done to a text before it is classified. calibration: (slope, intercept) on the log odds.
    threshold: score from which a text counts as positive by default. held_out: figures on texts that no step saw.
    """

    kind: Literal["fasttext"]
    name: str
    model: str
    normalisation: LineNormalisation
    calibration: tuple[float, float]
    threshold: float
    held_out: dict[str, Any]


ModelManifest = TypeVar("ModelManifest", bound=_Manifest)


def read_model(folder: str, manifest: type[ModelManifest], where: str) -> ModelManifest:
    """The manifest of a model folder, its files there; ModelError when it is missing or of another kind."""
    expected = "a folder made by " + (
        "`gristmill lm train`" if manifest is LanguageModel else "`gristmill classifier train`"
    )
    path = Path(folder) / MANIFEST
    if not path.is_file():
        raise ModelError(f"no model in {folder}", where=where, expected=expected)
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        kind = manifest.model_fields["kind"].annotation.__args__[0]  # type: ignore[union-attr]
        if isinstance(found, dict) and found.get("kind") != kind:
            raise ModelError(f"{folder} is a model of kind {found.get('kind')!r}", where=where, expected=expected)
        read = manifest.model_validate(found)
    except (ValueError, ValidationError) as error:
        raise ModelError(f"unreadable {path}: {str(error).splitlines()[0]}", where=where, expected=expected) from error
    for name in read.files:
        if not (Path(folder) / name).is_file():
            raise ModelError(f"{folder} lacks its file {name}", where=where, expected=expected)
    return read


def write_model(folder: Path, manifest: _Manifest) -> None:
    """The manifest, written last: its presence means that the model is whole."""
    temporary = folder / f"{MANIFEST}.new"
    temporary.write_text(json.dumps(manifest.model_dump(mode="json"), indent=1) + "\n", encoding="utf-8")
    temporary.rename(folder / MANIFEST)


def file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
