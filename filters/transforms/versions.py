"""Text versions: which text of a row a signal is measured on, as `signal@view`, `signal@edits` or `signal@view+edits`.

A version is a view of the row's kind followed by a named chain of edits; `original` is the row's whole text as it is.
"""

import pyarrow as pa
from gristmill.filters.transforms.apply import versioned_text
from gristmill.filters.transforms.registry import TEXT_VERSIONS
from gristmill.filters.transforms.views import EVERY_PIECE, view_texts
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.recipe.rules import ORIGINAL, Rule
from gristmill.schemas.rows.kind import RowKind


def split_version(version: str) -> tuple[str, str]:
    """(view, chain of edits) of a text version; "" for no view.

    >>> split_version("clean"), split_version("response"), split_version("response+clean")
    (('', 'clean'), ('response', 'original'), ('response', 'clean'))
    """
    view, plus, chain = version.partition("+")
    if plus:
        return view, chain
    return ("", version) if version in TEXT_VERSIONS else (version, ORIGINAL)


def checked_version(version: str, kind: RowKind, where: str) -> str:
    """The version, without a view that is the whole text anyhow. RecipeError for a view or chain that there is not."""
    view, chain = split_version(version)
    if chain not in TEXT_VERSIONS or (view and view not in kind.views):
        views = sorted(name for name, view in kind.views.items() if view != EVERY_PIECE)
        known = sorted(TEXT_VERSIONS)
        more = f"; or a view of a {kind.name}: {', '.join(views)}, and `view+version`" if views else ""
        raise RecipeError(
            f"text version `{version}` is unknown", where=where, expected=f"one of {', '.join(known)}{more}"
        )
    if view and kind.views[view] != EVERY_PIECE:
        return version if chain != ORIGINAL else view
    return chain


def checked_rule(rule: Rule, kind: RowKind, where: str) -> Rule:
    """The rule, its text version as `checked_version` has it."""
    version = checked_version(rule.text_version, kind, where)
    signal = rule.signal_name if version == ORIGINAL else f"{rule.signal_name}@{version}"
    return rule if signal == rule.signal else rule.model_copy(update={"signal": signal})


def columns_of(version: str) -> tuple[str, ...]:
    """The columns of documents/ that a version is made of."""
    return ("text", "pieces") if split_version(version)[0] else ("text",)


def version_texts(batch: pa.RecordBatch, version: str, kind: RowKind) -> pa.Array:
    """The texts of a version (large_string), null where a row has no text or nothing of the view.

    batch: columns `columns_of(version)`.
    """
    view, chain = split_version(version)
    texts = batch.column("text")
    if view:
        texts = view_texts(texts, batch.column("pieces"), kind.views[view])
    return versioned_text(texts, chain)[0]
