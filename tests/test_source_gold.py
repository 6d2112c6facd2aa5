"""`benchmarks/sources.py gold`: a conversion beside text that is known to be right, on pairs made here."""

import gzip
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

PAPER = r"""\documentclass{article}
\newcommand{\mill}{water mill}
\begin{document}
\section{Stones}
Every \mill{} grinds $f(grain) = flour$ slowly. % not this comment
\end{document}
"""
BOOK = (
    "By Nobody\n*** START OF THE PROJECT GUTENBERG EBOOK ***\n{}\n*** END OF THE PROJECT GUTENBERG EBOOK ***\nLicence"
)


@pytest.fixture
def gold(repository: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.syspath_prepend(str(repository / "benchmarks"))
    import sources_gold

    yield sources_gold
    for name in ("sources_gold", "sources_converted", "word_scores"):
        sys.modules.pop(name, None)


def ours(gold: Any, source: Path, wanted: Path) -> str:
    (line,) = [line for line in gold.compared(source, wanted) if line.startswith("gristmill ")]
    return str(line)


def test_a_paper_beside_its_text(gold: Any, tmp_path: Path) -> None:
    (tmp_path / "paper.tex").write_text(PAPER)
    (tmp_path / "same.txt").write_text("Stones\n\nEvery water mill grinds [formula] slowly.")
    assert "precision 1.0000 recall 1.0000 F1 1.0000 of 6 words" in ours(
        gold, tmp_path / "paper.tex", tmp_path / "same.txt"
    )
    (tmp_path / "other.txt").write_text(
        "Every water mill grinds the corn very slowly and well"
    )  # 9 words of three letters
    line = ours(gold, tmp_path / "paper.tex", tmp_path / "other.txt")
    assert "precision 0.8333 recall 0.5000 F1 0.6250 of 10 words" in line
    assert "alone: 1 (stones 1)" in line
    assert "missed: 5 (the 1, corn 1, very 1, and 1, well 1)" in line


def test_gold_texts_are_read_without_what_is_not_their_text(gold: Any, tmp_path: Path) -> None:
    for name, content in {
        "book.txt.gz": gzip.compress(BOOK.format("The wheel turns.").encode()),
        "page.html": b"<html><head><title>no</title></head><body><p>The wheel <b>turns</b>.<script>no()</script></body></html>",
        "paper.md": b"---\ntitle: 'The wheel'\ntags: no\n---\nturns [no@cite2020]. [](http://no.example)\n\n# References\n",
        "latin.txt": "The wheel turns é".encode("latin-1"),
    }.items():
        (tmp_path / name).write_bytes(content)
        assert gold.long_words(gold.gold_text(tmp_path / name)) == ["the", "wheel", "turns"], name


def test_kinds_are_told_by_names(gold: Any) -> None:
    told = {name: gold.kind_of(Path(name)) for name in ("a.epub", "a.txt.gz", "a.nxml.gz", "b-1911.02782.gz", "a.wiki")}
    assert list(told.values()) == ["books", "books", "jats", "latex", "wiki"]
    with pytest.raises(SystemExit, match=r"found the suffix '\.pdf'"):
        gold.kind_of(Path("a.pdf"))
    with pytest.raises(SystemExit, match="expected pairs"):
        gold.gold([Path("a.epub")])


def test_pairs_of_characters_stand_for_words_where_there_are_no_spaces(gold: Any) -> None:
    pairs = sys.modules["word_scores"].words_or_pairs
    assert pairs("Grind 12, grind") == ["grind", "12", "grind"]
    assert pairs("水車小屋、火。GPU3基") == ["水車", "車小", "小屋", "火", "gpu3", "基"]
    assert pairs("강가의 방앗간") == ["강가의", "방앗간"]
