"""Steps of other projects that a recipe names: filters and formatters of datatrove."""

from typing import Any

from gristmill.schemas.strict import Strict
from pydantic import Field, model_validator

RULE_PREFIX = "datatrove/"  # `datatrove/<name>/<reason>` in decisions/
KEPT = "kept"  # the reason of a document that the step keeps
NO_REASON = "dropped"  # of one that it drops without saying why


class DatatroveStep(Strict):
    """One class of `datatrove.pipeline.filters` or `datatrove.pipeline.formatters`.

    options: arguments of its constructor, plain data only. name: in signals and decisions; default: the class's.
    """

    datatrove: str = Field(pattern=r"^(filters|formatters)\.[A-Za-z]\w*$")
    options: dict[str, Any] = Field(default_factory=dict)
    name: str = Field("", pattern=r"^([A-Za-z0-9-]+(_[A-Za-z0-9-]+)*)?$")

    @model_validator(mode="after")
    def _named(self) -> "DatatroveStep":
        if not self.name:
            object.__setattr__(self, "name", self.datatrove.partition(".")[2])
        return self

    @property
    def is_filter(self) -> bool:
        return self.datatrove.startswith("filters.")
