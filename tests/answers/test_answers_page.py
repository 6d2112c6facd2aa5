"""The page on answers: its example runs, and it names every kind and every option."""

import re
from pathlib import Path

from gristmill.answers.registry import KINDS, answer_kind


def test_the_example_runs(repository: Path) -> None:
    page = (repository / "docs/answers.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    exec(compile(code, "docs/answers.md", "exec"), {})


def test_every_kind_and_option_is_there(repository: Path) -> None:
    page = (repository / "docs/answers.md").read_text(encoding="utf-8")
    flags = {"ignore_case", "dot_all", "multiline", "after_thinking", "thinking"}
    for name in KINDS:
        (row,) = [line for line in page.splitlines() if line.startswith(f"| `{name}` |")]
        for option in set(answer_kind(name).options.model_fields) - flags - {"answer_in"}:
            assert f"`{option}`" in row, (name, option)
