"""Two conversations that begin alike: what they share is the prompt, what follows is compared."""

from gristmill.pipelines.sources.forms.contents import Message
from gristmill.schemas.rows.kind import RowError


def split_shared(chosen: list[Message], rejected: list[Message]) -> tuple[list[Message], list[Message], list[Message]]:
    """(prompt, chosen, rejected): the messages that both begin with, and the rest of each, never empty.

    Both rests begin with a message of the assistant: where the conversations part at a message of the user, the prompt ends
    before the answer that they still share. RowError where no such prompt is left.
    """
    shared = 0
    for one, other in zip(chosen[:-1], rejected[:-1], strict=False):
        if one != other:
            break
        shared += 1
    while shared and not chosen[shared]["role"] == rejected[shared]["role"] == "assistant":
        shared -= 1
    if not shared:
        raise RowError("no_shared_prompt", "the two conversations share no message before an answer of the assistant")
    return chosen[:shared], chosen[shared:], rejected[shared:]
