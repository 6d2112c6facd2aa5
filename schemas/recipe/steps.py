"""Steps that a recipe adds to its build."""

from typing import Any

from gristmill.schemas.strict import Strict
from pydantic import Field, field_validator


class OwnStep(Strict):
    """A step that gristmill does not bring.

    use: the name of an installed step (entry points of the group `gristmill.steps`), or `module:Class` of a module that
    this Python can import.
    options: of the step, checked against its `Options` where the step is known: when the recipe is loaded from a file, and
    before it is built.
    """

    use: str = Field(min_length=1)
    options: dict[str, Any] = Field(default_factory=dict)

    @field_validator("options", mode="before")
    @classmethod
    def _may_be_empty(cls, value: Any) -> Any:
        return {} if value is None else value
