"""What kinds have in common that train a finished model on rows: tokenizer, adapter, rows that are left out, what is saved.

Such a kind is a subclass that says which columns it needs (`columns`), what becomes of a row (`prepare_row`, which raises
UnusableRow) and which trainer learns from them.
"""

from abc import abstractmethod
from collections.abc import Mapping, Set
from pathlib import Path
from typing import Any, ClassVar

from gristmill.schemas.errors import RecipeError, RunError
from gristmill.schemas.training.adapter import Adapter
from gristmill.schemas.training.rows import RowRecipe
from gristmill.training.data.conversations import ConversationEncoder
from gristmill.training.data.row_files import Usable, forgotten_of_run, need_columns, read_rows, usable_rows
from gristmill.training.data.row_history import recorded_forgotten
from gristmill.training.data.row_index import IndexedRow, RowIndex, digest_of, listed_ids, named_shortly
from gristmill.training.data.rows import Rows
from gristmill.training.kinds.rows import RowTrainingKind
from gristmill.training.models.adapters import is_adapted, quantization, trained_parameters, with_adapter
from gristmill.training.models.build import write_model
from gristmill.training.models.finished import load_causal, load_tokenizer, need_chat_template
from gristmill.training.models.memory import Memory, memory
from gristmill.training.models.merge import base_digest, write_base
from gristmill.training.run.folder import HISTORY, TRAINING
from transformers import PreTrainedTokenizerBase

BASE_WEIGHTS = "base_weights"  # in training.json: the digest of the weights that the run was begun over


class PostTraining(RowTrainingKind):
    """A kind that begins from a model folder.

    columns: choices of columns that rows may have, the first that is there is taken. task: peft's name of what the model
    does. fuses_output: whether the trainer multiplies by the weights of the output layer itself, so that an adapter on it would
    not be trained.
    """

    columns: ClassVar[tuple[tuple[str, ...], ...]]
    task: ClassVar[str] = "CAUSAL_LM"
    fuses_output: ClassVar[bool] = False
    recipe: Any

    @abstractmethod
    def prepare_row(self, record: Mapping[str, Any]) -> Any:
        """What the kind makes of a row; raises UnusableRow."""

    def prepare(self, earlier: Mapping[str, Any] | None) -> None:
        """Read tokenizer and rows, and build the model once, so that what does not fit shows before step 1."""
        has_begun = bool(earlier and earlier.get("plan_id"))
        self._check_base((earlier or {}).get(BASE_WEIGHTS))
        self.open_rows(recorded_forgotten(self.folder / HISTORY) if has_begun else frozenset())
        if has_begun and self._to_forget:
            self._keep_places_of_forgotten()
        super().prepare(earlier)
        model = self.model()
        self.trained, self.parameters = trained_parameters(model)
        if self.fuses_output and is_adapted(model.get_output_embeddings()):
            raise RecipeError(
                f"an adapter on the output layer, for kind {self.recipe.kind}",
                where=self.recipe.name,
                expected="targets without it: log-probabilities are computed from its own weights",
                next_step="take it out of `targets`",
            )
        self.check_model(model)

    def _check_base(self, begun_over: str | None) -> None:
        """RunError where the model's folder holds other weights than when the run began: what is beneath an adapter, and the
        reference, would change in the midst of it."""
        folder = Path(self.recipe.model)
        self.base_weights = base_digest(folder) if folder.is_dir() else ""
        if begun_over not in (None, self.base_weights):
            raise RunError(
                "the weights of the model are not those that the run was begun over",
                where=str(folder),
                expected=f"weights with the digest {begun_over} (XXH3-128), as {TRAINING} has it",
                next_step="put them back, or start another run in another folder",
            )

    def open_rows(self, forgotten: Set[str] = frozenset()) -> None:
        """Read the tokenizer and the rows; the model is not touched.

        forgotten: ids of rows to leave out, besides those that the recipe and a run of gristmill name.
        """
        recipe: RowRecipe = self.recipe
        self.template_change: str | None = None
        self.vocabulary = load_tokenizer(Path(recipe.tokenizer or recipe.model), recipe.chat_template)
        self._forgotten: set[str] = set()
        self._to_forget = set(forgotten)
        if recipe.forgotten_rows is not None:
            self._to_forget |= listed_ids(recipe.forgotten_rows)
        for path in (recipe.rows, recipe.validation_rows):
            self._to_forget |= forgotten_of_run(path) if path else set()
        self.encoder = ConversationEncoder(self.vocabulary, recipe.max_tokens)
        self.usable = self._usable(recipe.rows)
        self.held_out = self._usable(recipe.validation_rows) if self._validates else None

    @property
    def forgotten(self) -> set[str]:
        return self._forgotten

    def blank(self, row: IndexedRow) -> Any:
        """What stands in the place of a row that was forgotten, and is never served: what the first row was prepared to be."""
        return self.usable.prepared[0]

    def fits(self, row: IndexedRow, prepared: Any) -> bool:
        """Whether a row was prepared to be what it was when the run began."""
        return True

    def _keep_places_of_forgotten(self) -> None:
        """The rows in the order that the run was begun with, blank ones in the place of those that were forgotten since.

        RunError for rows that are gone without having been forgotten, and for rows that hold something else now.
        """
        try:
            index = RowIndex.load(self.folder)
        except RunError:
            return  # needed only if one of its rows was forgotten: then the rows give another plan, which is an error
        self._forgotten = set(index.doc_ids) & self._to_forget
        if not self._forgotten:
            return
        here = {doc_id: number for number, doc_id in enumerate(self.usable.rows.ids)}
        wanted = index.in_row_order()
        kept = [row for row in wanted if row.doc_id not in self._forgotten]
        gone = [row.doc_id for row in kept if row.doc_id not in here]
        changed = [row.doc_id for row in kept if row.doc_id in here and not self._is_as_it_was(row, here[row.doc_id])]
        new = sorted(here.keys() - {row.doc_id for row in wanted})
        faults = [(gone, "of its beginning are not there"), (changed, "hold something else than at its beginning")]
        if not forgotten_of_run(self.recipe.rows):  # in the place of what such a run forgot, others may have come
            faults.append((new, "were not there at its beginning"))
        for names, what in faults:
            if names:
                raise RunError(
                    f"{len(names):,} rows {what}: {named_shortly(names)}",
                    where=self.usable.rows.source,
                    expected="the rows that it was begun with, but for those that were forgotten",
                    next_step="restore them, or list their ids in a file that `forgotten_rows` names",
                )
        records, rows = self.usable.rows.records, self.usable
        numbers = [here.get(row.doc_id) if row.doc_id not in self._forgotten else None for row in wanted]
        data = Rows(
            [{} if number is None else records[number] for number in numbers],
            [row.doc_id for row in wanted],
            rows.rows.source,
            [(row.source, row.url) for row in wanted],
        )
        prepared = [
            self.blank(row) if number is None else rows.prepared[number]
            for row, number in zip(wanted, numbers, strict=True)
        ]
        counts = {"forgotten": len(self._forgotten), "that came after the run had begun": len(new)}
        counts = {reason: count for reason, count in counts.items() if count}
        self.usable = Usable(data, prepared, {**rows.left_out, **counts})

    def _is_as_it_was(self, row: IndexedRow, number: int) -> bool:
        rows = self.usable
        same = row.digest == digest_of(row.doc_id, rows.rows.records[number])
        return same and self.fits(row, rows.prepared[number])

    def memory_of(self, adapter: Adapter | None) -> Memory:
        """What a run would hold with an adapter, or with every weight trained."""
        return memory(self.recipe.model, adapter, scores=self.task == "SEQ_CLS")

    @property
    def _validates(self) -> bool:
        return self.recipe.validation is not None and self.recipe.validation_rows is not None

    def _usable(self, path: str) -> Usable[Any]:
        rows = self._without_forgotten(read_rows(path))
        need_columns(rows, self.columns, self.recipe.kind)
        if any(holds_messages(record) for record in rows.records):
            folder = Path(self.recipe.tokenizer or self.recipe.model)
            marks = any("messages" in record for record in rows.records)
            change = need_chat_template(self.vocabulary, folder, marks)
            self.template_change = change or self.template_change
        return usable_rows(rows, self.prepare_row, self.recipe.unusable_rows == "leave_out")

    def _without_forgotten(self, rows: Rows) -> Rows:
        """RecipeError where none is left."""
        kept = [number for number, doc_id in enumerate(rows.ids) if doc_id not in self._to_forget]
        if not kept:
            raise RecipeError(f"no rows: all of {len(rows):,} were forgotten", where=rows.source)
        return rows if len(kept) == len(rows) else rows.chosen(kept)

    def check_model(self, model: Any) -> None:
        """Errors of a model, as it is before step 1, that would show after it, or never."""
        return

    def rows(self) -> Rows:
        return self.usable.rows

    def model(self) -> Any:
        """The model as it is before the first step, with the recipe's adapter."""
        adapter = self.recipe.adapter
        model = self.load(Path(self.recipe.model), **quantization(adapter))
        return model if adapter is None else with_adapter(model, adapter, self.recipe.seed, self.task)

    def load(self, folder: Path, **options: Any) -> Any:
        """The model of a folder, without an adapter."""
        return load_causal(folder, self.vocabulary, self.recipe.max_tokens, self.recipe.adapter is None, **options)

    def made_of(self) -> dict[str, Any]:
        facts: dict[str, Any] = {"rows": len(self.usable.rows), "left_out": dict(self.usable.left_out)}
        counts = {"trained_parameters": self.trained, "parameters": self.parameters}
        return facts | counts | {BASE_WEIGHTS: self.base_weights}

    def data_facts(self) -> dict[str, Any]:
        held_out = {"validation rows": self.held_out.rows.source} if self.held_out else {}
        return {
            "rows": self.usable.rows.source,
            "digest": self.usable.rows.digest,
            "number of rows": len(self.usable.rows),
            "left out": dict(self.usable.left_out),
            "base model": self.recipe.model,
            **({"chat template, changed": self.template_change} if self.template_change else {}),
            **held_out,
        }

    def length(self, history: Any) -> str:
        return super().length(history) + self.notes()

    def notes(self) -> str:
        """What the announcement says of every run of such a kind: rows left out, and how much is trained."""
        trained = f"; {self.trained:,} of {self.parameters:,} parameters are trained" if self.recipe.adapter else ""
        marked = "; its chat template was given marks of what the assistant writes (the card says where)"
        return str(self.usable) + trained + (marked if self.template_change else "")

    def write_model(self, checkpoint: Path, out: Path) -> None:
        tokenizer: PreTrainedTokenizerBase = self.vocabulary
        tokenizer.save_pretrained(str(out))
        write_model(checkpoint, out)
        if self.recipe.adapter is not None:
            write_base(out, Path(self.recipe.model), self.base_weights)


def holds_messages(record: Mapping[str, Any]) -> bool:
    """Whether a row has messages, and so needs a chat template."""
    return any(
        isinstance(record.get(name), list) for name in ("messages", "prompt", "completion", "chosen", "rejected")
    )


def refuse_fsdp(recipe: RowRecipe, why: str) -> None:
    """RecipeError for kinds whose model must be whole in every process."""
    if recipe.fsdp:
        raise RecipeError(f"fsdp: true for kind {recipe.kind}", expected=f"DDP, because {why}", where=recipe.name)
