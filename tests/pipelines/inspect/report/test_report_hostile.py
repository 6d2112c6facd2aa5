"""Documents that try to run code in the report, opened in a real browser; and a page without defences, which they take."""

import html
import re
from pathlib import Path

import pytest
from gristmill.console import Console
from gristmill.pipelines.build import build
from gristmill.pipelines.inspect.report import page as page_module
from gristmill.pipelines.inspect.report.page import render
from gristmill.pipelines.run.run import Run
from gristmill.schemas.report import Summary

from tests.pipelines.inspect.report.browser import dump_dom
from tests.pipelines.inspect.report.hostile_runs import MARK, PAYLOADS, RUN, URLS, write_hostile_files

TRIPPED = f"data-{MARK}="


@pytest.fixture(scope="module")
def hostile_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("hostile")
    return build(write_hostile_files(folder), folder / "run", console=Console(quiet=True))


def without_scripts(page: str) -> str:
    """The page without its own inlined scripts and styles."""
    return re.sub(r"<(script|style)[^>]*>.*?</\1>", "", page, flags=re.S)


def page_of(run: Run) -> Path:
    return Path(run.storage.path("report.html"))


@pytest.mark.chromium
def test_nothing_from_documents_runs_or_loads(hostile_run: Run, tmp_path: Path) -> None:
    dom, requests = dump_dom(page_of(hostile_run), tmp_path / "profile")
    root = re.search(r"<html[^>]*>", dom)
    assert root is not None
    assert "data-drawn=" in root[0]
    assert TRIPPED not in root[0]
    assert "<title>hostile: corpus report</title>" in dom
    drawn = int(re.search(r'data-drawn="(\d+)"', root[0])[1])  # type: ignore[index]
    assert drawn >= 5
    assert dom.count('class="main-svg"') >= drawn
    body = without_scripts(dom)
    assert not re.search(r"<(iframe|img|link|base|object|embed|form)\b", body)
    assert not re.search(r"<[^>]*\son[a-z]+\s*=\s*[^>]*" + MARK, re.sub(r'"[^"]*"', '""', body))
    assert "attacker.invalid" not in requests
    assert html.escape(PAYLOADS[0], quote=False) in dom


@pytest.mark.chromium
@pytest.mark.parametrize("payload", [PAYLOADS[0], PAYLOADS[1], PAYLOADS[3], PAYLOADS[4]])
def test_an_unescaped_page_without_a_policy_is_taken(payload: str, tmp_path: Path) -> None:
    """The control: the same payloads do run where the defences are missing, and the check sees it."""
    page = tmp_path / "open.html"
    loads = "<img src=https://attacker.invalid/b.png>"
    page.write_text(f"<!doctype html><html><head><title>open</title></head><body>{loads}{payload}</body></html>")
    dom, requests = dump_dom(page, tmp_path / "profile")
    assert TRIPPED in dom
    assert f"<title>{MARK}</title>" in dom
    assert "attacker.invalid" in requests


@pytest.mark.slow
@pytest.mark.chromium
def test_each_defence_holds_alone(hostile_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With escaping switched off in the finished page, the content security policy still stops every payload; and the
    other way round, the escaped page without a policy runs nothing either."""
    escaped = page_of(hostile_run).read_text(encoding="utf-8")
    spoiled = tmp_path / "spoiled.html"
    spoiled.write_text(escaped.replace("<main>", "<main>" + PAYLOADS[0] + PAYLOADS[3] + PAYLOADS[4]), encoding="utf-8")
    dom, _ = dump_dom(spoiled, tmp_path / "first")
    assert PAYLOADS[0] in dom
    assert not re.search(r"<html[^>]*" + TRIPPED, dom)
    bare = tmp_path / "bare.html"
    bare.write_text(re.sub(r"<meta http-equiv=.Content-Security-Policy.[^>]*>", "", escaped), encoding="utf-8")
    dom, requests = dump_dom(bare, tmp_path / "second")
    assert re.search(r"<html[^>]*data-drawn=", dom)
    assert not re.search(r"<html[^>]*" + TRIPPED, dom)
    assert "attacker.invalid" not in requests


def test_the_page_has_no_link_but_plain_ones(hostile_run: Run) -> None:
    body = without_scripts(page_of(hostile_run).read_text(encoding="utf-8"))
    targets = re.findall(r'\b(?:href|src|srcset|action|data|poster)="([^"]*)"', body)
    assert targets
    assert all(re.fullmatch(r"#[a-z-]+", target) for target in targets)
    assert html.escape(URLS[0], quote=True) in body


def test_the_policy_allows_exactly_the_inlined_scripts(hostile_run: Run) -> None:
    page = page_of(hostile_run).read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    allowed = set(re.findall(r"'(sha256-[^']+)'", policy[1]))
    scripts = re.findall(r"<script>(.*?)</script>", page, flags=re.S)
    assert {page_module.script_hash(script) for script in scripts} == allowed
    assert len(scripts) == 2
    assert policy[1].startswith("default-src 'none'; ")
    assert "unsafe-eval" not in policy[1]
    assert "unsafe-inline" not in policy[1].partition("script-src")[2].partition(";")[0]
    assert page.count("plotly.js v") == 1


def test_the_same_summary_gives_the_same_page(hostile_run: Run) -> None:
    loaded = Summary.model_validate(hostile_run.storage.read_json("report.json"))
    assert render(loaded) == page_of(hostile_run).read_text(encoding="utf-8")


def test_the_card_keeps_hostile_text_as_text(hostile_run: Run) -> None:
    card = Path(hostile_run.storage.path("README.md")).read_text(encoding="utf-8")
    text = re.sub(r"(`{3,})yaml\n.*?\n\1", "", card.split("---\n", 2)[2], flags=re.S)
    assert RUN in text
    assert not re.search(r"(?<!\\)<(script|img|/script)", text)
