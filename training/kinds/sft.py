"""Supervised fine-tuning: pre-training's loop and loss, on the tokens that an assistant wrote.

Data: conversations, or prompts with completions (data.conversations), packed whole into sequences unless the recipe says
otherwise. Checks before step 1: every row has a target, ends its turns, and fits; the model keeps packed rows apart and
takes the mean over the whole batch. Figures: tokens with a label; validation is the loss of held-out rows.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from gristmill.schemas.training.sft import SftRecipe
from gristmill.training.data.conversations import COLUMNS, EncodedRow
from gristmill.training.data.inputs import ModelInputs, as_collated
from gristmill.training.data.row_files import Usable
from gristmill.training.data.row_index import IndexedRow, digest_of
from gristmill.training.data.row_sequences import RowSequences, SequencesInOrder, SequenceStream
from gristmill.training.data.rows import Rows
from gristmill.training.kinds.objective_trainer import ObjectiveTrainer
from gristmill.training.kinds.post_training import PostTraining
from gristmill.training.models.masks import refuse_own_mean, refuse_what_leaks
from gristmill.training.objectives.causal import CausalRows
from gristmill.training.objectives.evaluation import Evaluation
from gristmill.training.objectives.losses import StreamLosses


class Sft(PostTraining):
    """From conversations to a model that answers."""

    Recipe = SftRecipe
    columns = COLUMNS
    no_labels: ClassVar[str] = "no token of the batch bears the loss"

    recipe: SftRecipe
    usable: Usable[EncodedRow]
    held_out: Usable[EncodedRow] | None

    def __init__(self, recipe: SftRecipe, folder: Path) -> None:
        super().__init__(recipe, folder)
        self.objective = CausalRows(positions=recipe.adapter is None or not recipe.adapter.learns_prompts)

    def prepare_row(self, record: Mapping[str, Any]) -> EncodedRow:
        return self.encoder(record)

    def rows(self) -> Rows:
        """The sequences, because they are what a step is served."""
        self.sequences_of_rows = self._sequences(self.usable)
        return self.sequences_of_rows.rows()

    def indexed_rows(self) -> Iterator[IndexedRow]:
        sequences, rows = self.sequences_of_rows, self.usable.rows
        for number, members in enumerate(sequences.members):
            for row, span in zip(members.tolist(), sequences.spans(number), strict=True):
                digest = digest_of(span.doc_id, rows.records[row])
                yield IndexedRow(row, number, span.doc_id, *rows.origin(row), span.start, span.end, digest)

    def blank(self, row: IndexedRow) -> EncodedRow:
        """As long as the row was, so that all others stay where they stand."""
        length = (row.end or 0) - (row.start or 0)
        return EncodedRow(np.full(length, self.vocabulary.pad_token_id, np.int32), np.zeros(length, bool))

    def fits(self, row: IndexedRow, prepared: EncodedRow) -> bool:
        return len(prepared.ids) == (row.end or 0) - (row.start or 0)

    def _sequences(self, usable: Usable[EncodedRow]) -> RowSequences:
        width = self.recipe.max_tokens if self.recipe.packing else None
        return RowSequences.of(usable.prepared, usable.rows, width)

    def check_model(self, model: Any) -> None:
        special = set(self.vocabulary.all_special_ids)
        ordinary = np.array([number for number in range(len(self.vocabulary)) if number not in special])
        if self.recipe.packing:
            refuse_what_leaks(model, self.objective, ordinary, self.recipe.max_tokens)
        refuse_own_mean(model, self.objective, ordinary, self.recipe.max_tokens)

    def made_of(self) -> dict[str, Any]:
        sequences = self.sequences_of_rows
        shares = {"fill": round(sequences.fill, 6), "targets": round(sequences.targets, 6)}
        return {**super().made_of(), "sequences": len(sequences), **shares}

    def length(self, history: Any) -> str:
        sequences, rows = self.sequences_of_rows, len(self.usable.rows)
        epochs = f"{self.sequences / len(sequences):.3g} epochs of {rows:,} rows"
        packed = f" in {len(sequences):,} sequences, {sequences.fill:.1%} full" if self.recipe.packing else ""
        return f"{epochs}{packed}; {sequences.targets:.1%} of the tokens bear the loss{self.notes()}"

    def build_trainer(self) -> ObjectiveTrainer:
        raise NotImplementedError("a sequence holds several rows: `trainer` serves them")

    def trainer(self, history: Any) -> ObjectiveTrainer:
        stream = SequenceStream(self.sequences_of_rows, self.plan, history, self.vocabulary.pad_token_id)
        return ObjectiveTrainer(
            objective=self.objective,
            model=self.model(),
            args=self.arguments,
            train_dataset=ModelInputs(stream, self.objective, self.sequences),
            data_collator=as_collated,
        )

    def losses(self, trainer: ObjectiveTrainer, history: Any) -> StreamLosses:  # type: ignore[override]
        sequences = self.sequences_of_rows.of_one_width()  # it looks at sequences in any order
        stream = SequenceStream(sequences, self.plan, history, self.vocabulary.pad_token_id)
        return StreamLosses(stream, self.objective, trainer.model)

    def validation_loss(self, trainer: ObjectiveTrainer) -> Callable[[torch.nn.Module], float | None] | None:
        """The mean over the tokens that bear the loss of the first held-out sequences."""
        if self.held_out is None or self.recipe.validation is None:
            return None
        sequences = self._sequences(self.held_out)
        served = SequencesInOrder(sequences, self.vocabulary.pad_token_id)
        count = min(self.recipe.validation.sequences, len(sequences))
        return Evaluation(
            ModelInputs(served, self.objective, count),
            self.objective,
            self.recipe.micro_batch_sequences,
            rank=self.arguments.process_index,
            ranks=self.arguments.world_size,
            sum_over_processes=trainer.sum_over_processes,
        ).loss
