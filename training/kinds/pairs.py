"""What kinds that train on preference pairs have in common: the pairs, prepared and checked, in the order of trl's trainers."""

from collections.abc import Mapping
from typing import Any, ClassVar

from datasets import Dataset, disable_progress_bars
from gristmill.training.data.pairs import COLUMNS, prepared_pair
from gristmill.training.kinds.post_training import PostTraining


class PairKind(PostTraining):
    """A kind whose rows are pairs of a chosen and a rejected answer to a prompt."""

    columns = COLUMNS
    Trainer: ClassVar[Any]  # of trl, watched

    def prepare_row(self, record: Mapping[str, Any]) -> dict[str, Any]:
        return prepared_pair(record, self.encoder)

    def build_trainer(self) -> Any:
        pairs, held_out = self.datasets()
        return self.Trainer(
            model=self.model(),
            args=self.arguments,
            train_dataset=pairs,
            eval_dataset=held_out,
            processing_class=self.vocabulary,
            **self.trainer_options(),
        )

    def trainer_options(self) -> dict[str, Any]:
        """Further keywords of the kind's trainer."""
        return {}

    def trl_columns(self, pair: dict[str, Any]) -> dict[str, Any]:
        """What the kind's trainer reads of a prepared pair."""
        return pair

    def datasets(self) -> tuple[Dataset, Dataset | None]:
        """The pairs to train on and those held out, as trl reads them; a margin that a pair lacks is 0."""
        disable_progress_bars()
        held_out = self.held_out.prepared if self.held_out else []
        return self._dataset(self.usable.prepared), self._dataset(held_out) if held_out else None

    def _dataset(self, pairs: list[dict[str, Any]]) -> Dataset:
        lacking = {"margin": 0.0} if any("margin" in pair for pair in pairs) else {}
        return Dataset.from_list([lacking | self.trl_columns(pair) for pair in pairs])
