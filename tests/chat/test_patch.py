"""Well-known forms of templates get marks, render as before, and what is of another form is refused."""

import pytest
from gristmill.chat.patch import patched
from gristmill.chat.render import render

TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}
CHATML = (
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
LLAMA_3 = (
    "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = '<|start_header_id|>' + "
    "message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}"
    "{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}"
    "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}"
)
ZEPHYR = """{% for message in messages %}
{% if message['role'] == 'user' %}
{{ '<|user|>\n' + message['content'] + eos_token }}
{% elif message['role'] == 'system' %}
{{ '<|system|>\n' + message['content'] + eos_token }}
{% elif message['role'] == 'assistant' %}
{{ '<|assistant|>\n'  + message['content'] + eos_token }}
{% endif %}
{% if loop.last and add_generation_prompt %}
{{ '<|assistant|>' }}
{% endif %}
{% endfor %}"""
MISTRAL = (
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}{{ '[INST] ' + m.content + ' [/INST]' }}"
    "{% elif m.role == 'assistant' %}{{ ' ' + m.content + eos_token }}{% else %}{{ raise_exception('no system') }}"
    "{% endif %}{% endfor %}"
)
GEMMA = (
    "{{ bos_token }}{% for message in messages %}{% if (message['role'] == 'assistant') %}{% set role = 'model' %}"
    "{% else %}{% set role = message['role'] %}{% endif %}{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + "
    "'<end_of_turn>\n' }}{% endfor %}{% if add_generation_prompt %}{{'<start_of_turn>model\n'}}{% endif %}"
)
DASHES = (
    "{%- for message in messages %}\n    {{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}\n"
    "{%- endfor %}\n"
)
CASES = {
    "chatml": (CHATML, "<|im_end|>"),
    "llama 3": (LLAMA_3, "<|eot_id|>"),
    "zephyr": (ZEPHYR, "</s>"),
    "mistral": (MISTRAL, "</s>"),
    "gemma": (GEMMA, "<end_of_turn>"),
    "dashes": (DASHES, "<|im_end|>"),
}
TALK = [
    {"role": "user", "content": "  What is it? "},
    {"role": "assistant", "content": "A mill.\n"},
    {"role": "user", "content": "And <b>this</b>?"},
    {"role": "assistant", "content": "{{ 7 }} + '\\n'"},
]


@pytest.mark.parametrize("name", CASES)
def test_a_known_form_gets_marks_and_renders_as_before(name: str) -> None:
    template, end = CASES[name]
    found = patched(template, TOKENS, [*TOKENS.values(), end])
    assert found is not None
    before, after = render(template, TALK, None, TOKENS), render(found.template, TALK, None, TOKENS)
    assert after.text == before.text
    assert before.generated == []
    marked = [after.text[start:stop] for start, stop in after.generated]
    assert [text.removesuffix(end).strip() for text in marked] == ["A mill.", "{{ 7 }} + '\\n'"]
    assert all(text.endswith(end) for text in marked)
    assert "{% generation %}" in found.change


@pytest.mark.parametrize(
    "template",
    [
        "{% for message in messages %}{{ message['content'] }}{% endfor %}",  # nothing ends a turn
        "{% for message in messages %}{{ message['content'] + '<|im_end|>' + message['content'] }}{% endfor %}",
        "{{ messages[0].content + eos_token }}",  # no loop
        "{% for message in messages %}{{ (message['content'] | upper) + eos_token }}{% endfor %}",  # not as it is
        "{% for message in messages %}{{ message['content'] + '<|im_end|>' }}",  # no template
        "{% for message in messages %}{% if loop.last %}{{ message['content'] + '<|im_end|>' }}{% endif %}{% endfor %}",
        CHATML.replace("{{'<|im_start|>'", "{% generation %}{{'<|im_start|>'").replace(
            "'\n'}}", "'\n'}}{% endgeneration %}"
        ),
    ],
)
def test_other_forms_are_refused(template: str) -> None:
    assert patched(template, TOKENS, [*TOKENS.values(), "<|im_end|>"]) is None
