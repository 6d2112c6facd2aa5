"""The contract of a kind of training: all that the loop asks of what is trained.

The loop (`training.run`) knows attempts, checkpoints, history, log, averages, watch and page. It knows neither what a
batch is made of nor what a loss is: it asks the kind, in this order.

1. `prepare` opens the data and checks everything that can be checked before step 1;
2. `claim` writes what the folder shall keep of the data's order, `begin_history` what the recipe says will happen to it;
3. for each attempt: `go_on`, `trainer`, `validation_loss`; while it trains: `losses` and the trainer's own figures;
4. `write_model` makes the finished model of a checkpoint, `data_facts` are for its card.

A kind is one class in one file of `training.kinds`, and a line in `training.kinds.registry`.
"""

import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from gristmill.schemas.training.recipe import TrainingRecipe
from gristmill.training.data.history import History, Ordered
from gristmill.training.models.build import write_model
from gristmill.training.run.folder import CHECKPOINTS
from gristmill.training.run.settings import training_options
from gristmill.training.run.trainer import WatchedTrainer
from gristmill.training.stability.blame import Losses
from transformers import TrainingArguments


class Kind(ABC):
    """One kind of training, for one run.

    Recipe: the recipe's model, a subclass of TrainingRecipe with what the kind's data and loss need. HistoryClass: of
    the chain that tells what happened to the data. no_labels: why a batch may have no token with a label, for people.
    """

    Recipe: ClassVar[type[TrainingRecipe]] = TrainingRecipe
    HistoryClass: ClassVar[type[History]] = History
    no_labels: ClassVar[str] = "no token of the batch has a label"

    def __init__(self, recipe: Any, folder: Path) -> None:
        """recipe: a `Recipe`. folder: that of the run, which need not exist yet."""
        self.recipe, self.folder = recipe, folder
        self.arguments = self.training_arguments(training_options(recipe, folder / CHECKPOINTS))

    def training_arguments(self, options: dict[str, Any]) -> TrainingArguments:
        """The Trainer's settings. options: those that the recipe decides, as keywords of TrainingArguments.

        A kind with a Trainer of trl gives trl's configuration with the same options.
        """
        return TrainingArguments(**options)

    @property
    def sequences(self) -> int:
        """How many sequences (or rows) the whole run is served."""
        count: int = self.recipe.steps * self.recipe.batch_sequences
        return count

    def dealt_out(self, processes: int) -> tuple[int, int]:
        """How a step's sequences are dealt out over so many processes: (those of a process's micro batch, its micro batches).

        Micro batch m of process r holds sequences (m * processes + r) * rows and following.
        """
        rows = self.recipe.micro_batch_sequences
        return rows, self.recipe.batch_sequences // (rows * processes)

    # Before step 1

    @abstractmethod
    def prepare(self, earlier: Mapping[str, Any] | None) -> None:
        """Open the data and check everything that can be checked, in every process.

        earlier: training.json of the run that the folder holds, if that has made a step; its data must then be the same.
        Writes nothing that says whose the folder is. RecipeError, ModelError or RunError for what cannot be trained.
        """

    @property
    @abstractmethod
    def plan(self) -> Ordered:
        """The order of the training data; there is one after `prepare`."""

    @abstractmethod
    def made_of(self) -> dict[str, Any]:
        """What training.json shall say of the data besides the recipe, JSON values."""

    @abstractmethod
    def claim(self) -> None:
        """Write into the folder what `reopen_history` needs; called once every check has passed."""

    @property
    def caches(self) -> list[Path]:
        """Folders inside the run's folder that the data uses: they stay when a start that made no step is cleared."""
        return []

    # What happens to the data

    def open_history(self, path: Path | None) -> History:
        """The history in a file, begun where there is none; with None one that is kept nowhere."""
        return self.HistoryClass.open(path, self.plan)

    def begin_history(self, history: History) -> None:
        """Record what the recipe says will happen to the data. Called at each start: what is there is not added twice."""
        return

    @classmethod
    @abstractmethod
    def reopen_history(cls, folder: Path) -> History:
        """The history of the run in a folder, without its recipe. RunError where it cannot be read."""

    def go_on(self, history: History, step: int) -> None:
        """Record what has changed in the data before step + 1 is made: called by the main process before each attempt."""
        return

    def length(self, history: History) -> str:
        """How much the run will read of its data, in words: the announcement ends with it."""
        return f"{self.sequences:,} sequences"

    # An attempt

    @abstractmethod
    def trainer(self, history: History) -> WatchedTrainer:
        """The trainer of an attempt, with a new model as it is before step 1, and the served data in order.

        Its training set has `sequences` items, item k being the k-th served. Random states are seeded by the loop before.
        """

    @abstractmethod
    def losses(self, trainer: Any, history: History) -> Losses:
        """How the trainer's model does on what is served: asked when a step is a spike."""

    def validation_loss(self, trainer: Any) -> Callable[[torch.nn.Module], float | None] | None:
        """What gives the validation loss of a model; None where there is nothing to validate on.

        What it finds besides, or in place of a loss, it puts into `trainer.held_out_figures`, and gives None where there is no
        loss.
        """
        return None

    @property
    def step_tokens(self) -> int | None:
        """How many tokens every step reads; None where steps differ: the log then counts sequences only."""
        return None

    # The finished model

    @property
    def tokenizer(self) -> Path | None:
        """A folder that holds the finished model's tokenizer and nothing else; None where there is none."""
        return None

    def write_model(self, checkpoint: Path, out: Path) -> None:
        """Write into the folder `out` what `from_pretrained` loads: the weights of a checkpoint and the tokenizer."""
        if self.tokenizer is not None:
            shutil.copytree(self.tokenizer, out, dirs_exist_ok=True)
        write_model(checkpoint, out)

    def warnings(self, records: Sequence[Mapping[str, Any]]) -> list[str]:
        """What a person should know of how the run goes, from the lines of its log: for the console and the page."""
        return []

    def data_facts(self) -> dict[str, Any]:
        """What the model's card shall say of the data, by name."""
        return self.made_of()
