"""What a finished dataset says of itself; written last, so its presence means complete."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

FORMAT_VERSION = 1


class Part(BaseModel):
    """One Parquet file of a dataset; parts of datasets measured on the same documents align row by row.

    key: what the part was made from (a split, or a part of the documents), unique in the dataset.
    rows_by: counts of rows by the values of the dataset's counted column (documents: status or quarantine reason).
    """

    model_config = ConfigDict(extra="forbid")
    key: str
    path: str
    rows: int
    bytes: int
    text_bytes: int = 0
    digest: str
    rows_by: dict[str, int] = Field(default_factory=dict)


class DatasetManifest(BaseModel):
    """A dataset: its stage key, what it was made of and from, its parts and its content digest."""

    model_config = ConfigDict(extra="forbid")
    format_version: int = FORMAT_VERSION
    name: str
    stage_key: str
    config: dict[str, Any]
    inputs: dict[str, str]  # dataset or file set -> digest
    versions: dict[str, str]
    created: str
    seconds: float
    rows: int
    text_bytes: int = 0
    digest: str
    parts: list[Part]
    facts: dict[str, Any] = Field(default_factory=dict)  # tallies, counts: what the stage found
