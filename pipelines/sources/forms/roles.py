"""Who speaks: the names that data sets give to the four roles of a conversation."""

from typing import Any

from gristmill.schemas.recipe.source import Source
from gristmill.schemas.rows.kind import RowError

FUNCTION_CALL = "function_call"  # a turn of the assistant that calls a tool

# Names in lower case. `developer` is what newer interfaces call the system prompt.
ROLES = {
    **dict.fromkeys(("system", "system_prompt", "developer", "context"), "system"),
    **dict.fromkeys(("user", "human", "prompter", "instruction", "question", "customer"), "user"),
    **dict.fromkeys(
        ("assistant", "gpt", "chatgpt", "bot", "model", "ai", "bing", "bard", "claude", "gemini", "llm", "output"),
        "assistant",
    ),
    **dict.fromkeys(
        ("tool", "function", "observation", "function_response", "function_result", "tool_response", "ipython"), "tool"
    ),
    **dict.fromkeys((FUNCTION_CALL, "tool_call", "function-call"), FUNCTION_CALL),
}


def role_of(name: Any, place: str, source: Source) -> str:
    """The role that a name stands for: `system`, `user`, `assistant`, `tool` or FUNCTION_CALL.

    place: of the message, for errors. RowError where there is no name, or one that neither this table nor `roles` of the
    source knows: a turn of an unknown speaker is neither thrown away nor given to somebody else.
    """
    if not isinstance(name, str) or not name.strip():
        raise RowError("message_without_role", f"{place} has role {name!r}; expected a name")
    role = source.roles.get(name) or ROLES.get(name.strip().lower())
    if role is None:
        raise RowError(
            "unknown_role", f"{place} has role {name[:80]!r}; say what it is with `roles: {{{name[:80]}: user}}`"
        )
    return role
