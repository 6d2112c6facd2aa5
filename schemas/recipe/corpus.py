"""A recipe: what to read, what to measure, what to keep, what to write."""

from typing import Annotated, Any, ClassVar, Literal

from gristmill.schemas.recipe.curate import Contradictions, Embed, Select
from gristmill.schemas.recipe.datatrove_steps import DatatroveStep
from gristmill.schemas.recipe.decontamination import ContaminationPolicy, Decontaminate
from gristmill.schemas.recipe.dedup import Dedup
from gristmill.schemas.recipe.mix import Mix
from gristmill.schemas.recipe.pii import Pii
from gristmill.schemas.recipe.policy import Floor, Policy
from gristmill.schemas.recipe.preferences import Preferences
from gristmill.schemas.recipe.scores import ScoreColumn
from gristmill.schemas.recipe.shards import ShardOptions
from gristmill.schemas.recipe.source import Source
from gristmill.schemas.recipe.steps import OwnStep
from gristmill.schemas.rows.registry import DOCUMENT, ROW_KINDS, row_kind
from gristmill.schemas.strict import Strict
from pydantic import Field, ValidationInfo, field_validator, model_validator

ScoreName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class Card(Strict):
    """What the dataset card says beside the figures."""

    licence: str = "other"
    languages: tuple[str, ...] = ()
    description: str = ""


class Recipe(Strict):
    """One corpus: sources, signals, policy, duplicates, text.

    rows: what a row is: `document`, `conversation`, `pair`, `prompt`, or a kind of one's own (`module:attribute`).
    signals: families to measure beyond those the policy needs, each with its options (see `Family.options`), which are
        checked where the families are known: when the recipe is loaded from a file, and before it is built.
    scores: columns of other files, joined to the rows by id: name -> where they are; each is the signal `scored_<name>`.
    embed: vectors of rows. select: a budget of rows, chosen by them, unless the policy gives another.
    preferences: signals of pairs that only the whole set gives: cycles, label noise.
    text: the text version written to the corpus; by default what the profiles name, else the original.
    pii: what happens to personal data and secrets, after everything else that changes the text.
    steps: steps that gristmill does not bring, see pipelines/run/step.
    shards: the corpus, or its mix, as token shards in shards/.
    keep_text: what the finished run stores in documents/: `all` texts, only `kept` ones, or `none`.
    """

    renamed: ClassVar = {"foreign": "datatrove_steps"}

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    rows: str = Field(DOCUMENT, json_schema_extra={"examples": list(ROW_KINDS)})
    seed: int = 0
    sources: tuple[Source, ...] = Field(min_length=1)
    signals: dict[str, dict[str, Any]] = Field(default_factory=dict)
    scores: dict[ScoreName, ScoreColumn] = Field(default_factory=dict)
    floor: Floor = Field(default_factory=Floor)
    policy: Policy = Field(default_factory=Policy)
    dedup: Dedup = Field(default_factory=Dedup)
    embed: Embed | None = None
    select: Select | None = None
    contradictions: Contradictions | None = None
    preferences: Preferences | None = None
    decontaminate: Decontaminate | None = None
    datatrove_steps: tuple[DatatroveStep, ...] = ()
    mix: Mix | None = None
    steps: tuple[OwnStep, ...] = ()
    text: str | None = None
    pii: Pii | None = None
    shards: ShardOptions | None = None
    keep_text: Literal["all", "kept", "none"] = "all"
    card: Card = Field(default_factory=Card)

    @property
    def selection(self) -> Select | None:
        """How rows are chosen to a budget; None: all that pass are kept."""
        return self.policy.select or self.select

    @property
    def contamination(self) -> ContaminationPolicy | None:
        """What of contamination decides; None without evaluation sets."""
        return None if self.decontaminate is None else self.policy.decontaminate or self.decontaminate

    @property
    def cutting(self) -> dict[str, Any]:
        """The options that say what text is cut, empty when none is."""
        chosen = self.contamination
        if chosen is None or chosen.action != "cut":
            return self.dedup.cutting
        fields = set(ContaminationPolicy.model_fields)
        return {"contamination": chosen.model_dump(include=fields), **self.dedup.cutting}

    @property
    def choosing(self) -> dict[str, Any]:
        """The options that say how rows are chosen by their vectors, empty when all that pass are kept."""
        found: dict[str, Any] = {}
        if self.dedup.semantic is not None:
            found["semantic"] = {**self.dedup.semantic.model_dump(), "survivor": list(self.dedup.near_order)}
        if self.selection is not None:
            found["select"] = self.selection.model_dump()
        return found

    @field_validator("signals", mode="before")
    @classmethod
    def _options_may_be_empty(cls, value: Any) -> Any:
        if isinstance(value, list):
            return {name: {} for name in value}
        if isinstance(value, dict):
            return {name: {} if given is None else given for name, given in value.items()}
        return value

    @field_validator("rows")
    @classmethod
    def _kind_is_known(cls, name: str) -> str:
        row_kind(name)
        return name

    @field_validator("sources")
    @classmethod
    def _sources_have_the_kind(cls, sources: tuple[Source, ...], info: ValidationInfo) -> tuple[Source, ...]:
        """Each source knows the kind of its rows, as whoever reads it must."""
        kind = info.data.get("rows", DOCUMENT)
        for source in sources:
            if source.rows not in (DOCUMENT, kind):
                raise ValueError(f"source {source.name!r} has rows {source.rows!r}; expected {kind!r}, as the recipe")
            if kind == DOCUMENT and source.form != "auto":
                raise ValueError(
                    f"source {source.name!r} has format {source.format!r}, a form of records that are no documents; "
                    f"expected `rows:` of the recipe, one of {', '.join(ROW_KINDS)}"
                )
        return tuple(source.model_copy(update={"rows": kind}) for source in sources)

    @model_validator(mode="after")
    def _names_are_unique(self) -> "Recipe":
        names = [source.name for source in self.sources]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two sources are named {name!r}; expected unique names")
        return self
