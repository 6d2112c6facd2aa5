"""The recipe's `floor:` and `policy:`: which documents are kept."""

from gristmill.schemas.recipe.curate import Select
from gristmill.schemas.recipe.decontamination import ContaminationPolicy
from gristmill.schemas.recipe.exclusion import ExcludedIds
from gristmill.schemas.recipe.preferences import Balance
from gristmill.schemas.recipe.rules import Rule
from gristmill.schemas.strict import LanguageName, Strict
from pydantic import Field


class Floor(Strict):
    """The least a document must have before duplicates are looked for; a policy cannot be looser than it."""

    min_text_bytes: int = Field(1, ge=1)
    languages: tuple[LanguageName, ...] = ()
    min_language_score: float = Field(0.0, ge=0, le=1)


class RuleSet(Strict):
    """Rules of one group of documents: profiles, own rules, and changes to the profiles' rules by name."""

    profiles: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    disable: tuple[str, ...] = ()
    thresholds: dict[str, str] = Field(default_factory=dict)


class Policy(RuleSet):
    """What is kept. `by_source` replaces `by_language`, which replaces the rules given at the top.

    decontaminate: other thresholds and another action than the recipe's own `decontaminate`.
    select: another budget or method than the recipe's own `select`.
    balance: strata of what is left, cut down to like sizes, one after the other.
    exclude_ids: documents dropped by name: ids, or .jsonl files with a `doc_id` in each line (read when loaded).
    """

    languages: tuple[LanguageName, ...] = ()
    min_language_score: float = Field(0.0, ge=0, le=1)
    min_text_bytes: int = Field(1, ge=1)
    decontaminate: ContaminationPolicy | None = None
    select: Select | None = None
    balance: tuple[Balance, ...] = ()
    exclude_ids: ExcludedIds = ()
    by_language: dict[LanguageName, RuleSet] = Field(default_factory=dict)
    by_source: dict[str, RuleSet] = Field(default_factory=dict)
