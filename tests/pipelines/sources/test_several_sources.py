"""One recipe over several sources as they are published: the same rows on every engine, shares of the mix, the way back."""

import bz2
import json
from pathlib import Path
from typing import Any

import py7zr
import pytest
from gristmill.console import Console
from gristmill.pipelines.build import build
from gristmill.pipelines.engine.session import Engine

from tests.builds import datasets, table

QUIET = Console(quiet=True)
WORDS = [
    "the",
    "miller",
    "grinds",
    "wheat",
    "and",
    "rye",
    "between",
    "two",
    "round",
    "stones",
    "while",
    "wind",
    "turns",
    "the",
    "sails",
    "of",
    "his",
    "old",
    "mill",
]


def sentence(seed: int, words: int = 30) -> str:
    return (
        " ".join(WORDS[(seed * 7 + place * place + place) % len(WORDS)] + str(seed % 5) for place in range(words)) + "."
    )


def dumps(folder: Path) -> Path:
    pages = "".join(
        f"<page><title>Mill {n}</title><ns>0</ns><id>{n}</id><revision><id>{n}</id><text>{sentence(n)}\n== Stones {n} ==\n"
        f"{sentence(n + 50)}</text></revision></page>"
        for n in range(1, 60)
    )
    (folder / "enwiki.xml.bz2").write_bytes(bz2.compress(f"<mediawiki>{pages}</mediawiki>".encode()))
    rows = "".join(
        f'<row Id="{n}" PostTypeId="1" Title="Question {n}" Body="&lt;p&gt;{sentence(n)}&lt;/p&gt;" Score="1" />'
        f'<row Id="{n + 100}" PostTypeId="2" ParentId="{n}" Body="&lt;p&gt;{sentence(n + 9)}&lt;/p&gt;" Score="2" />'
        for n in range(1, 60)
    )
    with py7zr.SevenZipFile(folder / "mills.stackexchange.com.7z", "w") as archive:
        archive.writestr(f"<posts>{rows}</posts>", "Posts.xml")
    submissions = [{"id": f"s{n}", "title": f"Thread {n}", "selftext": sentence(n), "is_self": True} for n in range(60)]
    comments = [{"id": f"c{n}", "body": sentence(n + 3), "link_id": f"t3_s{n}", "parent_id": None} for n in range(60)]
    for name, records in (("RS_1.jsonl", submissions), ("RC_1.jsonl", comments)):
        (folder / name).write_text("".join(json.dumps(record) + "\n" for record in records))
    return folder


def recipe(folder: Path) -> dict[str, Any]:
    return {
        "name": "several",
        "sources": [
            {"name": "wikipedia", "path": str(folder / "enwiki.xml.bz2"), "format": "mediawiki"},
            {"name": "stackexchange", "path": str(folder / "mills.stackexchange.com.7z"), "format": "stackexchange"},
            {"name": "reddit", "path": str(folder / "R?_1.jsonl"), "format": "reddit"},
        ],
        "policy": {"by_source": {"wikipedia": {"rules": [{"name": "short", "signal": "word_count", "keep": ">= 5"}]}}},
        "mix": {"shares": {"wikipedia": 5, "stackexchange": 3, "reddit": 2}, "max_repetitions": 2},
    }


@pytest.mark.slow
def test_several_sources_on_two_engines(tmp_path: Path) -> None:
    folder = tmp_path / "dumps"
    folder.mkdir()
    wanted = recipe(dumps(folder))
    digests = []
    for number, engine in enumerate((Engine(), Engine("spark"))):
        run = build(wanted, tmp_path / f"run-{number}", console=QUIET, report=False, engine=engine)
        found = datasets(Path(run.storage.root))
        digests.append([found[name].digest for name in ("documents", "decisions", "corpus", "mixed")])
    assert digests[0] == digests[1]
    assert found["documents"].facts["records_framed"] == 59 + 2 * 59 + 2 * 60
    rows = {row["url"]: row for row in table(tmp_path / "run-0", "corpus").to_pylist()}
    assert len(rows) == 59 + 59 + 60
    drawn = found["mixed"].facts["drawn"]
    targets = {group["name"]: group for group in found["mixed"].facts["targets"]["groups"]}
    for name, share in (("wikipedia", 0.5), ("stackexchange", 0.3), ("reddit", 0.2)):
        assert targets[name]["share"] == pytest.approx(share, abs=1e-3)
        assert abs(drawn[name] - targets[name]["tokens"]) <= targets[name]["tolerance"]
    article = rows["https://en.wikipedia.org/wiki/Mill_7"]
    _, second = json.loads(article["metadata"])["sections"]
    assert article["text"].encode()[second[0] :].startswith(b"## Stones 7\n\n" + sentence(57)[:20].encode())
    question = rows["https://mills.stackexchange.com/q/7"]
    assert json.loads(question["metadata"])["answers"][0]["url"] == "https://mills.stackexchange.com/a/107"
