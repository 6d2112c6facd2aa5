"""What kinds that train on rows have in common: preference pairs, prompts, conversations of their own length.

Such a kind is a subclass that says which rows there are (`rows`) and builds a Trainer on them (`build_trainer`), mostly one
of trl's behind `kinds.trl_trainer.WatchedTrlTrainer`. The order of rows, resuming, skipping, rollback and blame are here.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from gristmill.schemas.errors import RunError
from gristmill.training.data.history import History
from gristmill.training.data.row_history import RowHistory, record_forgotten
from gristmill.training.data.row_index import IndexedRow, RowIndex, digest_of
from gristmill.training.data.rows import RowPlan, Rows, RowStream, ServedRows
from gristmill.training.objectives.tensors import evaluating
from gristmill.training.run.folder import HISTORY
from gristmill.training.run.kind import Kind
from gristmill.training.run.trainer import WatchedTrainer
from gristmill.training.stability.blame import DocumentLoss


class RowTrainingKind(Kind):
    """A kind of training whose data is rows, each served once an epoch, in an order that rows and seed decide.

    A subclass says which rows there are (`rows`) and builds a trainer on them (`build_trainer`); resuming, skipping,
    rolling back and blaming rows are done here.
    """

    no_labels = "no row of the batch has a label"
    HistoryClass: ClassVar[type[History]] = RowHistory

    @abstractmethod
    def rows(self) -> Rows:
        """Every row to train on; the same rows in the same order each time the run is started. RecipeError if unusable."""

    @abstractmethod
    def build_trainer(self) -> WatchedTrainer:
        """A trainer with `self.arguments` and a new model; its train_dataset are all `self.data`, prepared, in order.

        An eval_dataset that it has is what the run validates on, its first `validation.sequences` rows.
        """

    def prepare(self, earlier: Mapping[str, Any] | None) -> None:
        """Read the rows; RunError when they are not those that the run was begun with."""
        self.data = self.rows()
        if self.forgotten and earlier and earlier.get("plan_id"):
            self._plan, self.index = RowPlan.load(self.folder), RowIndex.load(self.folder)
        else:
            self._plan = RowPlan.of(self.data, self.recipe.seed)
            self.index = RowIndex.of(self.indexed_rows())
        begun_with = (earlier or {}).get("plan_id")
        if begun_with and begun_with != self._plan.plan_id:
            RowIndex.load(self.folder)  # an error of its own: without it forgotten rows cannot keep their places
            raise RunError(
                f"the rows and the seed give plan {self._plan.plan_id}",
                where=self.data.source or str(self.folder),
                expected=f"{begun_with}, that of {self.folder}",
                next_step="give the rows that the run was started with, or start another run in another folder",
            )

    @property
    def forgotten(self) -> set[str]:
        """Ids of rows that the run was begun with and that it must not serve any more; `rows` gives blank ones for them."""
        return set()

    def indexed_rows(self) -> Iterator[IndexedRow]:
        """Every row, by its sequence: here each is one."""
        for number, doc_id in enumerate(self.data.ids):
            source, url = self.data.origin(number)
            digest = digest_of(doc_id, self.data.records[number])
            yield IndexedRow(number, number, doc_id, source, url, None, None, digest)

    def go_on(self, history: Any, step: int) -> None:
        """Rows that were forgotten since the run last started are served no more."""
        if self.forgotten:
            served = step * self.recipe.batch_sequences
            record_forgotten(history, self._plan, self.index, self.forgotten, served, self.sequences)

    @property
    def plan(self) -> RowPlan:
        return self._plan

    def made_of(self) -> dict[str, Any]:
        return {"rows": len(self.data)}

    def claim(self) -> None:
        self._plan.save(self.folder)
        self.index.save(self.folder)

    @classmethod
    def reopen_history(cls, folder: Path) -> History:
        return cls.HistoryClass.open(folder / HISTORY, RowPlan.load(folder), begin=False)

    def length(self, history: History) -> str:
        return f"{self.sequences / len(self.data):.3g} epochs of {len(self.data):,} rows"

    def trainer(self, history: History) -> WatchedTrainer:
        """The kind's trainer, whose rows now come in the order of the plan and the history."""
        trainer = self.build_trainer()
        prepared: Any = trainer.train_dataset
        if len(prepared) != len(self.data):
            raise RunError(
                f"{len(prepared):,} of {len(self.data):,} rows are left after their preparation",
                where=self.data.source or str(self.folder),
                expected="one prepared row for each row, so that a step's rows can be named",
                next_step="take out the rows that the trainer drops, such as those that are too long",
            )
        trainer.train_dataset = ServedRows(prepared, RowStream(self._plan, history), self.sequences)
        return trainer

    def validation(self, trainer: Any) -> "RowValidation | None":
        """What measures a model on the rows of the trainer's eval_dataset, as many as the recipe says; None without any."""
        options = self.recipe.validation
        if options is None or trainer.eval_dataset is None:
            return None
        count = min(options.sequences, len(trainer.eval_dataset))
        return RowValidation(trainer, count, self.recipe.micro_batch_sequences)

    def validation_loss(self, trainer: Any) -> Callable[[torch.nn.Module], float | None] | None:
        """The mean over the rows that `validation` measures."""
        validation = self.validation(trainer)
        return None if validation is None else validation.loss

    def losses(self, trainer: Any, history: History) -> "RowLosses":
        return RowLosses(trainer, self.data)


class RowValidation:
    """What a model makes of the first `count` rows of a trainer's eval_dataset, `rows` at a time, dealt out over the processes.

    Every process runs the model equally often, because a model that is spread over them waits for all; one that has no rows
    left runs the first ones again and does not count them.
    """

    def __init__(self, trainer: Any, count: int, rows: int) -> None:
        self.trainer, self.count, self.rows = trainer, count, rows

    def loss(self, model: torch.nn.Module) -> float | None:
        """The mean of the trainer's loss under the model as it is now, a micro batch counting by its rows; None where there
        are no rows. No random number is drawn."""
        trainer = self.trainer

        def loss(rows: list[Any]) -> torch.Tensor:
            return trainer.compute_loss(model, trainer._prepare_inputs(trainer.data_collator(rows))).reshape(1, 1)  # type: ignore[no-any-return]

        return float(self.values(model, loss).mean()) if self.count else None

    def values(self, model: torch.nn.Module, figures: Callable[[list[Any]], torch.Tensor]) -> torch.Tensor:
        """float64 (count, figures), equal in every process: what `figures` gives of each row.

        figures: of a micro batch, (rows, figures), or (1, figures) where all its rows have the same; called with the model in
        evaluation mode.
        """
        trainer, table = self.trainer, torch.zeros(self.count, 0, dtype=torch.float64)
        with evaluating(model):
            for first, size, counts in self._micro_batches():
                found = figures([trainer.eval_dataset[number] for number in range(first, first + size)])
                if not table.shape[1]:
                    table = table.new_zeros(self.count, found.shape[1])
                if counts:
                    table[first : first + size] = found.double().cpu()
        return trainer.sum_over_processes(table)  # type: ignore[no-any-return]

    def _micro_batches(self) -> Iterator[tuple[int, int, bool]]:
        """(first row, rows, whether it counts) of each of this process's micro batches: one beyond the end does not.

        At any time all processes have equally many rows, because trainers gather what they measure: those that are left
        over at the end are taken one by one.
        """
        rank, ranks = self.trainer.args.process_index, self.trainer.args.world_size
        whole, left = divmod(self.count, self.rows * ranks)
        for number in range(whole):
            yield (number * ranks + rank) * self.rows, self.rows, True
        size = left if ranks == 1 else 1
        for number in range(-(-left // (ranks * size)) if left else 0):
            first = whole * self.rows * ranks + (number * ranks + rank) * size
            yield (first, size, True) if first < self.count else (0, size, False)


class RowLosses:
    """Losses of served rows under a trainer's model as it is now (see `stability.blame.Losses`)."""

    def __init__(self, trainer: Any, data: Rows) -> None:
        self.trainer, self.data = trainer, data
        self.served: ServedRows = trainer.train_dataset

    def batch(self, indices: Sequence[int]) -> float | None:
        """The mean loss of these rows, those without a label left out; None where none has one."""
        found = [loss for loss in self.sequences(indices) if loss is not None]
        return sum(found) / len(found) if found else None

    def sequences(self, indices: Sequence[int]) -> list[float | None]:
        """The loss of each row alone."""
        return [self._loss(index)[0] for index in indices]

    def documents(self, indices: Sequence[int]) -> Iterator[DocumentLoss]:
        """Each row is a document."""
        for index in indices:
            loss, labels = self._loss(index)
            if loss is not None:
                (number,), (position,) = self.served.stream.rows([index]), self.positions([index])
                yield DocumentLoss(self.data.ids[number], self.data.source, None, index, position, labels, loss)

    def source(self, index: int) -> str:
        """Where the row comes from."""
        return self.data.source

    def positions(self, indices: Sequence[int]) -> list[int]:
        """The plan positions of these rows."""
        positions: list[int] = self.served.stream.positions(indices).tolist()
        return positions

    def _loss(self, index: int) -> tuple[float | None, int]:
        """(the loss of a row, None without a label; how many labels it has)."""
        trainer = self.trainer
        inputs = trainer._prepare_inputs(trainer.data_collator([self.served[index]]))
        labels = int(trainer.label_counts(inputs).sum())
        if not labels:
            return None, 0
        with evaluating(trainer.model), trainer.compute_loss_context_manager(), torch.random.fork_rng(devices=[]):
            loss = float(trainer.compute_loss(trainer.model, inputs))
        return (loss if abs(loss) < float("inf") else float("nan")), labels
