"""The training page: complete, self-contained, and deaf to what documents try to make it say."""

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest
from gristmill.training.data.files import json_lines
from gristmill.training.run import logs, page_writer
from gristmill.training.run.page import render
from gristmill.training.run.page_writer import PageWriter

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>&\"'"
TRAINING = {"recipe": {"name": "tiny", "steps": 3, "batch_sequences": 8, "stream": {"window": 64}}}
RECORDS: list[dict[str, Any]] = [
    {
        "step": 1,
        "branch": 0,
        "loss": 4.0,
        "grad_norm": 1.0,
        "learning_rate": 1e-3,
        "tokens": 512,
        "tokens_per_second": 9.0,
    },
    {
        "step": 2,
        "branch": 0,
        "loss": float("nan"),
        "grad_norm": float("inf"),
        "learning_rate": 1e-3,
        "tokens": 1024,
        "tokens_per_second": 9.0,
        "event": f"update skipped: {HOSTILE}",
    },
    {"step": 2, "branch": 0, "validation_loss": 3.9},
]
EVENTS = [
    {"event": "plan", "position": 0, "data": {"plan_id": "x"}},
    {
        "event": "skip",
        "position": 8,
        "data": {"ranges": [[9, 12]], "rolled_back_to": 1, "kind": "bad_data", "reason": HOSTILE},
    },
]
DOCUMENTS = [
    {"step": 2, "doc_id": HOSTILE, "source": HOSTILE, "url": f"javascript:{HOSTILE}", "loss": 9.25, "limit": 4.5},
]


@pytest.fixture(scope="module")
def page() -> str:
    return render(TRAINING, RECORDS, [{"step": 2, "branch": 0, "loss": 8.0}], EVENTS, DOCUMENTS)


def without_scripts(page: str) -> str:
    return re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)


def test_text_of_documents_is_never_markup(page: str) -> None:
    outside = without_scripts(page)
    assert "<img" not in outside
    assert "alert(1)</script>" not in page
    assert outside.count("&lt;/script&gt;&lt;script&gt;alert(1)") == 4  # reason, id, source, url
    assert page.count("<script") == 3


def test_figures_and_tables(page: str) -> None:
    figures = json.loads(re.search(r'id="figures">(.*?)</script>', page, re.DOTALL)[1])  # type: ignore[index]
    assert list(figures) == ["loss", "grad_norm", "learning_rate", "tokens_per_second"]
    traces = {trace["name"]: trace for trace in figures["loss"]["data"]}
    assert list(traces) == ["loss", "validation", "given up", "update skipped"]
    assert traces["loss"]["y"] == [4.0, None]
    assert traces["update skipped"]["x"] == [2]
    assert "rolled back to step 1, 3 sequences skipped (bad data)" in page
    assert "9.25" in page


def test_nothing_is_loaded_from_elsewhere(page: str) -> None:
    outside = without_scripts(page)
    assert "default-src 'none'" in outside
    assert not re.search(r"<[^>]*\s(src|href)\s*=", outside)


def test_log_keeps_what_is_not_finite() -> None:
    assert json.loads(logs.line({"step": 1, "loss": float("nan"), "grad_norm": float("-inf")})) == {
        "step": 1,
        "loss": "nan",
        "grad_norm": "-inf",
    }


def test_a_line_that_somebody_wrote_costs_its_figures_alone(tmp_path: Path) -> None:
    path = tmp_path / logs.LOG
    path.write_text(
        '{"step": 1, "loss": null, "grad_norm": [1], "labels": "many", "learning_rate": 0.1, "event": "odd"}\n'
    )
    assert list(logs.read(path)) == [{"step": 1, "learning_rate": 0.1, "event": "odd"}]


def test_over_a_run_the_log_is_read_some_fifty_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted lines: ten times the steps, with saves as often, cost ten times the lines; warnings are of the last lines."""
    written: list[int] = []
    monkeypatch.setattr(page_writer, "write_page", lambda folder, warnings: written.append(steps[-1]))
    told: list[str] = []
    costs = {}
    for length in (20_000, 200_000):
        written.clear()
        steps = [0]
        writer = PageWriter(tmp_path, lambda records: [], told.append)
        for step in range(100, length + 1, 100):
            steps.append(step)
            writer.saved(step)
        costs[length] = sum(written)  # a page reads a line for each step
        assert all(later <= 1.02 * earlier + 100 for earlier, later in itertools.pairwise(written))
        before = len(written)
        writer.finished(length)
        writer.saved(length)
        assert len(written) == before + 1
        writer.saved(length - 5_000)  # rolled back: another past
        assert len(written) == before + 2
    assert costs[20_000] <= 52 * 20_000
    assert costs[200_000] <= 52 * 200_000
    lines = 5_000
    with open(tmp_path / logs.LOG, "w", encoding="utf-8") as log:
        log.writelines(logs.line({"step": step, "branch": 0, "loss": 1.0, "pad": "x" * 90}) for step in range(lines))
    seen: list[list[int]] = []

    def warnings(records: Any) -> list[str]:
        seen.append([record["step"] for record in records])
        return ["falls"]

    writer = PageWriter(tmp_path, warnings, told.append)
    writer.saved(1)
    writer.saved(2)
    assert told == ["warning: falls"]
    assert seen[0] == list(range(seen[0][0], lines))
    assert 500 < len(seen[0]) < 2_500


def test_the_last_bytes_hold_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_text('{"a": 1}\n{"a": 2}\n{"a": 3}\n{"a"', encoding="utf-8")
    size = len('{"a": 1}\n')
    interrupted = len('{"a"')
    for last_bytes in range(4 * size):
        wanted = [3, 2, 1][: max(0, last_bytes - interrupted) // size]
        assert [one["a"] for one in json_lines(path, last_bytes) if one] == wanted[::-1]
    assert len(list(json_lines(path))) == 3
