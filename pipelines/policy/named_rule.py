"""A rule with the name that decisions show."""

from dataclasses import dataclass

from gristmill.schemas.recipe.rules import Rule


@dataclass(frozen=True)
class NamedRule:
    """A rule with the name that decisions show (`gopher@dolma/few_words`) and the documents it applies to.

    by_source / by_language: applies to documents of that source / language. not_sources, not_languages: those that have
    rules of their own, to which a general rule does not apply.
    """

    name: str
    rule: Rule
    by_source: str | None = None
    by_language: str | None = None
    not_sources: tuple[str, ...] = ()
    not_languages: tuple[str, ...] = ()
