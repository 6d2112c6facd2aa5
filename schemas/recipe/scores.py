"""The recipe's `scores:`: columns of other files that are joined to the rows by id, as signals."""

from typing import Any

from gristmill.schemas.paths import RecipePath
from gristmill.schemas.scores import ID
from gristmill.schemas.strict import Strict
from pydantic import Field, model_validator


class ScoreColumn(Strict):
    """One column of scores, the signal `scored_<name>`.

    path: a folder of `gristmill score`, or Parquet or JSON Lines files, or a folder of such. column: of the scores; by default
    the name. id: the column of the ids. source: the ids are those that the records of this source have themselves, not
    the run's own (`doc_id`).
    """

    path: RecipePath
    column: str | None = None
    id: str = Field(ID, min_length=1)
    source: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _path_alone(cls, value: Any) -> Any:
        return {"path": value} if isinstance(value, str) else value
