"""Personal data in a run: masked or replaced in the corpus that is written, and masked wherever people read of a text.

What finds it is imported where a recipe handles `pii:`; every build asks here.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
from gristmill.filters.registry import family
from gristmill.filters.transforms.apply import apply_edits
from gristmill.filters.transforms.edit_arrays import replaced_rows
from gristmill.pipelines.engine.pool import ERROR_COLUMN, shared_pool
from gristmill.pipelines.run.model_files import with_file_hashes
from gristmill.schemas.errors import RecipeError, RunError
from gristmill.schemas.recipe.corpus import Recipe
from gristmill.schemas.recipe.pii import Pii

if TYPE_CHECKING:
    from gristmill.filters.pii.find import PiiFinding
    from gristmill.filters.pii.pseudonyms import Pseudonyms

FAMILY = "pii"
SHOWN_CHARACTERS = 20_000  # of a text that is masked to be shown: a value that is cut off here is out of sight
NOT_SHOWN = "(not shown: it cannot be scanned for personal data)"
MIN_NUMBER_CHARACTERS = 7


@dataclass(frozen=True)
class PiiHandling:
    """What to do with the values of a corpus; goes to workers in memory, and shows no key in any representation."""

    actions: Mapping[str, str]
    options: Mapping[str, Any]
    key: bytes | None = field(default=None, repr=False)

    @property
    def pseudonyms(self) -> "Pseudonyms | None":
        from gristmill.filters.pii.pseudonyms import Pseudonyms

        return None if self.key is None else Pseudonyms(self.key)

    @property
    def key_config(self) -> dict[str, Any]:
        """What the written text depends on, for a stage key and manifest: the key's fingerprint, never the key."""
        pseudonyms = self.pseudonyms
        return {
            "actions": dict(self.actions),
            "options": with_file_hashes(self.options),
            "version": family(FAMILY).version,
            "libraries": family(FAMILY).library_versions(),
            "key": None if pseudonyms is None else pseudonyms.fingerprint,
        }

    def edits(self, texts: pa.Array) -> pa.Array:
        """EDITS of texts; RunError for a text that cannot be scanned, which must not be written as it is."""
        from gristmill.filters.pii.edits import pii_edits

        return pii_edits(texts, self.actions, self.options, self.pseudonyms, pooled_find)

    def edited(self, values: pa.Array) -> pa.Array:
        """Strings such as addresses of documents, edited; nulls stay."""
        edits = self.edits(values)
        return values if len(edits.values) == 0 else apply_edits(values, edits)

    def edited_metadata(self, values: pa.Array) -> pa.Array:
        """JSON objects whose strings and long numbers are edited; those without a value stay byte for byte."""
        from gristmill.filters.pii.find import has_candidates

        rows = pc.indices_nonzero(
            pc.is_valid(values) if self.options.get("model") else has_candidates(values, self.options)
        )
        if not len(rows):
            return values
        trees = [json.loads(text) for text in values.take(rows).to_pylist()]
        leaves: list[str] = []
        for tree in trees:
            _mapped(tree, lambda leaf: leaves.append(leaf) or leaf)  # type: ignore[func-returns-value]
        replaced = iter(self.edited(pa.array(leaves, pa.large_string())).to_pylist())
        changed = [
            json.dumps(_mapped(tree, lambda leaf: next(replaced)), ensure_ascii=False, sort_keys=True) for tree in trees
        ]
        return replaced_rows(values.cast(pa.large_string()), rows, pa.array(changed, pa.large_string()))


def _mapped(tree: Any, change: Callable[[str], str]) -> Any:
    """A JSON value with its strings, and numbers as long as a phone number, mapped in a fixed order."""
    if isinstance(tree, dict):
        return {key: _mapped(value, change) for key, value in sorted(tree.items())}
    if isinstance(tree, list):
        return [_mapped(value, change) for value in tree]
    if isinstance(tree, str):
        return change(tree)
    if isinstance(tree, int) and len(str(tree)) >= MIN_NUMBER_CHARACTERS:
        after = change(str(tree))
        return tree if after == str(tree) else after
    return tree


def pii_handling(recipe: Recipe) -> PiiHandling | None:
    """The recipe's handling of personal data; RecipeError where a key or a model it needs is missing."""
    if recipe.pii is None:
        return None
    from gristmill.filters.pii.pseudonyms import load_key

    options = scan_options(recipe)
    _check_names(recipe.pii, options)
    key = load_key(recipe.pii.key_env, recipe.pii.key_file) if recipe.pii.uses_pseudonyms else None
    chosen = PiiHandling(recipe.pii.replaced, options, key)
    chosen.pseudonyms  # noqa: B018  a key that is too short is an error here
    return chosen


def scan_options(recipe: Recipe) -> dict[str, Any]:
    """How values are found: the options of the signal family `pii`."""
    return family(FAMILY).complete_options(recipe.signals.get(FAMILY, {}))


def _check_names(pii: Pii, options: Mapping[str, Any]) -> None:
    for kind in ("person", "location", "organization"):
        if getattr(pii, kind) not in (None, "keep") and not options["model"]:
            raise RecipeError(
                f"`{kind}: {getattr(pii, kind)}` without a model",
                where="pii",
                expected="names are found by a spaCy pipeline only",
                next_step="name its folder: `signals: {pii: {model: FOLDER}}`",
            )


def pooled_find(texts: pa.Array, options: Mapping[str, Any]) -> "list[list[PiiFinding]]":
    """`find` in worker processes: presidio holds the interpreter lock."""
    from gristmill.filters.pii.find import FINDINGS, PiiFinding

    schema = pa.schema([pa.field("findings", FINDINGS)])
    batch = pa.record_batch({"text": texts.cast(pa.large_string())})
    answer = shared_pool().run("gristmill.filters.pii.worker:find_batch", options, batch, schema)
    failed = [error for error in answer.column(ERROR_COLUMN).to_pylist() if error is not None]
    if failed:
        raise RunError(
            f"{len(failed)} texts cannot be scanned for personal data ({failed[0][:100]})",
            expected="every text that is written or shown scanned",
            next_step="drop them with a rule, or leave `pii:` out",
        )
    return [[PiiFinding(**value) for value in row] for row in answer.column("findings").to_pylist()]


Shown = Callable[[str | None], str | None]


def shown_texts(recipe: Recipe) -> Shown:
    """What people may read of a text, an address or a message of this run: masked where the recipe handles `pii:`.

    Of a long text only the beginning is returned.
    """
    return unchanged if recipe.pii is None else partial(_shown, scan_options(recipe))


def unchanged(text: str | None) -> str | None:
    """The text as it is."""
    return text


def _shown(options: Mapping[str, Any], text: str | None) -> str | None:
    from gristmill.filters.pii.edits import masked

    if not text:
        return text
    try:
        return masked(text[:SHOWN_CHARACTERS], options, pooled_find)
    except RunError:
        return NOT_SHOWN
