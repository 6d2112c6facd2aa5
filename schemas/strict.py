"""Base of every typed document a user writes: an unknown key is an error that names the nearest valid one."""

import difflib
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator
from pydantic_core import PydanticCustomError


def _unquoted_no(value: Any) -> Any:
    return "no" if value is False else value


# A name that may be a language: YAML reads a bare `no`, Norwegian, as false.
LanguageName = Annotated[str, BeforeValidator(_unquoted_no)]


class Strict(BaseModel):
    """A model that refuses unknown keys, frozen after validation."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, data: Any) -> Any:
        if isinstance(data, dict):
            valid = list(cls.model_fields)
            for key in data:
                if key not in cls.model_fields:
                    nearest = difflib.get_close_matches(str(key), valid, n=1)
                    hint = f"did you mean `{nearest[0]}`?" if nearest else f"valid keys: {', '.join(valid)}"
                    raise PydanticCustomError(
                        "unknown_key", "unknown key `{key}`; {hint}", {"key": str(key), "hint": hint}
                    )
        return data
