"""What libraries tell each other, which nobody who trains can act on."""

import contextlib
import warnings
from collections.abc import Iterator

import transformers

NOT_FOR_PEOPLE = (  # trl and peft use transformers' old names
    ".is_gradient_checkpointing. is deprecated",
    ".gradient_checkpointing_(enable|disable). is deprecated",
)


def without_progress_bars() -> None:
    """Keep bars of transformers out of what a command prints."""
    transformers.logging.disable_progress_bar()


@contextlib.contextmanager
def quiet_libraries() -> Iterator[None]:
    """Inside, warnings of a library about another's names are not shown."""
    with warnings.catch_warnings():
        for message in NOT_FOR_PEOPLE:
            warnings.filterwarnings("ignore", message=message)
        yield
