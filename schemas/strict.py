"""Base of every typed document a user writes: an unknown key is an error that names the nearest valid one."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from gristmill.schemas.lookup import nearest_name
from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator
from pydantic_core import PydanticCustomError


def _unquoted_no(value: Any) -> Any:
    return "no" if value is False else value


# A name that may be a language: YAML reads a bare `no`, Norwegian, as false.
LanguageName = Annotated[str, BeforeValidator(_unquoted_no)]


class Strict(BaseModel):
    """A model that refuses unknown keys, and numbers that are not finite, frozen after validation.

    renamed: keys that were called otherwise before: old name -> the key to write now, as an error says it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    renamed: ClassVar[Mapping[str, str]] = {}

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, data: Any) -> Any:
        if isinstance(data, dict):
            valid = list(cls.model_fields)
            for key in data:
                if key not in cls.model_fields:
                    nearest = nearest_name(str(key), valid)
                    hint = f"did you mean `{nearest}`?" if nearest else f"valid keys: {', '.join(valid) or 'none'}"
                    if key in cls.renamed:
                        hint = f"it is called `{cls.renamed[key]}` now"
                    raise PydanticCustomError(
                        "unknown_key", "unknown key `{key}`; {hint}", {"key": str(key), "hint": hint}
                    )
        return data
