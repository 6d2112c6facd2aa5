"""Chat templates of gristmill's own, with the marks that say which tokens the assistant wrote.

A template is Jinja as transformers renders it (`tokenizer.chat_template`). What stands between `{% generation %}` and
`{% endgeneration %}` is the assistant's, and bears the loss in supervised fine-tuning. The token that ends the turn
stands inside: a model that is never asked for it never learns to stop.

- `gristmill`: `<|system|>`, `<|user|>`, `<|assistant|>` open a turn, `<|end|>` closes it.
- `chatml`: `<|im_start|>ROLE` opens a turn, `<|im_end|>` closes it (OpenAI 2023, ChatML).

Tools stand in the system turn as JSON, one a line; an assistant's calls in `<tool_call>`, what a tool answered in a
user turn in `<tool_response>`. Neither template writes a token for the beginning of the text.
"""

from dataclasses import dataclass

_BODY = """
{%- set tool_text = "Call a tool with <tool_call>{\\"name\\": ..., \\"arguments\\": ...}</tool_call>. Tools:\\n" -%}
{%- set first_is_system = messages and messages[0].role == "system" -%}
{%- if tools -%}
{{- OPEN_SYSTEM -}}
{%- if first_is_system -%}{{- messages[0].content + "\\n\\n" -}}{%- endif -%}
{{- tool_text -}}
{%- for tool in tools -%}{{- tool | tojson + "\\n" -}}{%- endfor -%}
{{- "END_OF_TURN\\n" -}}
{%- endif -%}
{%- for message in messages -%}
{%- if message.role == "assistant" -%}
{{- OPEN_ASSISTANT -}}
{%- generation -%}
{{- message.content or "" -}}
{%- for call in message.tool_calls or [] -%}
{%- set function = call.function if call.function else call -%}
{{- "<tool_call>" + {"name": function.name, "arguments": function.arguments} | tojson + "</tool_call>" -}}
{%- endfor -%}
{{- "END_OF_TURN" -}}
{%- endgeneration -%}
{{- "\\n" -}}
{%- elif message.role == "user" -%}
{{- OPEN_USER + message.content + "END_OF_TURN\\n" -}}
{%- elif message.role == "tool" -%}
{{- OPEN_USER + "<tool_response>" + message.content + "</tool_response>END_OF_TURN\\n" -}}
{%- elif message.role == "system" -%}
{%- if not (tools and loop.first) -%}{{- OPEN_SYSTEM + message.content + "END_OF_TURN\\n" -}}{%- endif -%}
{%- else -%}
{{- raise_exception("role " + message.role + "; expected system, user, assistant or tool") -}}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- OPEN_ASSISTANT -}}{%- endif -%}
"""


@dataclass(frozen=True)
class ChatTemplate:
    """jinja: the template. special_tokens: those it writes, which a tokenizer must hold whole. end_of_turn: one of them."""

    name: str
    jinja: str
    special_tokens: tuple[str, ...]
    end_of_turn: str


def _template(name: str, opening: str, end_of_turn: str, special_tokens: tuple[str, ...]) -> ChatTemplate:
    """opening: how a turn begins, with ROLE for who speaks."""
    jinja = _BODY
    for role in ("system", "user", "assistant"):
        jinja = jinja.replace(f"OPEN_{role.upper()}", f'"{opening.replace("ROLE", role)}\\n"')
    return ChatTemplate(name, jinja.replace("END_OF_TURN", end_of_turn).strip(), special_tokens, end_of_turn)


GRISTMILL = _template("gristmill", "<|ROLE|>", "<|end|>", ("<|system|>", "<|user|>", "<|assistant|>", "<|end|>"))
CHATML = _template("chatml", "<|im_start|>ROLE", "<|im_end|>", ("<|im_start|>", "<|im_end|>"))
CHAT_TEMPLATES = {template.name: template for template in (GRISTMILL, CHATML)}
