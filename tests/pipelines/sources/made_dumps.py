"""Eight sources in the forms in which they are published, of made-up text: what a corpus of several sources is built from."""

import bz2
import gzip
import io
import json
import random
import tarfile
from pathlib import Path
from typing import Any

import py7zr

from tests.filters.books.book_texts import WORDS
from tests.filters.books.epub_files import epub, xhtml
from tests.pipelines.sources.readers.archives import http, packed, record

_JOINTS = ["the", "of", "and", "to", "in", "that", "with", "for", "a", "is", "was", "on", "have", "be"]
_ENDINGS = ["", "s", "er", "ing", "ed", "y", "less", "ward", "like", "ish"]
_VOCABULARY = [word + ending for word in WORDS for ending in _ENDINGS]
SHARES = {
    "web": 0.25,
    "wikipedia": 0.2,
    "stackexchange": 0.15,
    "books": 0.12,
    "code": 0.1,
    "articles": 0.07,
    "papers": 0.06,
    "reddit": 0.05,
}


def prose(dice: random.Random, words: int) -> str:
    """About so many words in sentences of eight to twenty."""
    sentences = []
    while words > 0:
        length = dice.randint(8, 20)
        words -= length
        said = [dice.choice(_JOINTS if place % 2 else _VOCABULARY) for place in range(length)]
        sentences.append(" ".join(said).capitalize() + ".")
    return " ".join(sentences)


def length_of(dice: random.Random, median: int) -> int:
    """A number of words as documents have them: log-normal, rarely above five times the median."""
    return 20 + int(median * dice.lognormvariate(0, 0.7))


def tar_bytes(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


def write_dumps(folder: Path, count: int) -> Path:
    """All of the sources with `count` documents each, in files and folders that `recipe_of` names."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, write in enumerate((_web, _wikipedia, _stackexchange, _books, _code, _articles, _papers, _reddit)):
        write(folder, count, random.Random(number))
    return folder


def _web(folder: Path, count: int, dice: random.Random) -> None:
    records = []
    for n in range(count):
        paragraphs = "".join(f"<p>{prose(dice, length_of(dice, 60))}</p>" for _ in range(3))
        html = f"<html><head><title>Mill {n}</title></head><body><article><h1>Mill {n}</h1>{paragraphs}</article></body></html>"
        records.append(record("response", http(html.encode()), n, uri=f"https://mills.example/{n}"))
    (folder / "web.warc.gz").write_bytes(packed(*records))


def _wikipedia(folder: Path, count: int, dice: random.Random) -> None:
    pages = "".join(
        f"<page><title>Mill {n}</title><ns>0</ns><id>{n}</id><revision><id>{n}</id><text>"
        f"{prose(dice, length_of(dice, 60))}\n== Stones of {n} ==\n{prose(dice, length_of(dice, 80))}\n=== Dressing ===\n"
        f"{prose(dice, length_of(dice, 40))}</text></revision></page>"
        for n in range(1, count + 1)
    )
    (folder / "enwiki.xml.bz2").write_bytes(bz2.compress(f"<mediawiki>{pages}</mediawiki>".encode()))


def _stackexchange(folder: Path, count: int, dice: random.Random) -> None:
    rows = []
    for n in range(1, count + 1):
        rows.append(
            f'<row Id="{n}" PostTypeId="1" AcceptedAnswerId="{n + 200_000}" Title="How does mill {n} turn?" Score="1" '
            f'Body="&lt;p&gt;{prose(dice, length_of(dice, 50))}&lt;/p&gt;" />'
        )
        for place, score in ((100_000, 7), (200_000, 2)):
            body = f"<p>{prose(dice, length_of(dice, 60))}</p><pre><code># no heading</code></pre>".replace("<", "&lt;")
            rows.append(f'<row Id="{n + place}" PostTypeId="2" ParentId="{n}" Body="{body}" Score="{score}" />')
    with py7zr.SevenZipFile(folder / "mills.stackexchange.com.7z", "w") as archive:
        archive.writestr(f"<posts>{''.join(rows)}</posts>", "Posts.xml")


def _books(folder: Path, count: int, dice: random.Random) -> None:
    shelf = folder / "books"
    shelf.mkdir()
    for n in range(count):
        chapters = [prose(dice, length_of(dice, 250)) for _ in range(3)]
        if n % 2:
            files = {f"c{k}.xhtml": xhtml(f"<h2>Chapter {k}</h2><p>{text}</p>") for k, text in enumerate(chapters, 1)}
            (shelf / f"{n}.epub").write_bytes(epub(dict(files)))
        else:
            text = "\n\n".join(f"CHAPTER {k}\n\n{chapter}" for k, chapter in enumerate(chapters, 1))
            mark = f"PROJECT GUTENBERG EBOOK MILL {n} ***"
            (shelf / f"{n}.txt").write_text(
                f"Title: Mill {n}\n\n*** START OF THIS {mark}\n\n{text}\n\n*** END OF THIS {mark}\nEnd of the file\n"
            )


def _code(folder: Path, count: int, dice: random.Random) -> None:
    (folder / "code").mkdir()
    for first in range(0, count, 50):
        files = {"LICENSE": b"SPDX-License-Identifier: MIT\n"}
        for n in range(first, min(count, first + 50)):
            functions = [_function(dice, k) for k in range(length_of(dice, 60) // 10)]
            files[f"mills/part{n % 7}/mill_{n}.py"] = "\n\n\n".join(['"""A mill."""', *functions, ""]).encode()
        archive = tar_bytes({f"repo-{first}/{name}": content for name, content in files.items()})
        (folder / "code" / f"repo-{first}.tar.gz").write_bytes(archive)


def _function(dice: random.Random, number: int) -> str:
    one, other = dice.choice(_VOCABULARY), dice.choice(_VOCABULARY)
    steps = "\n".join(
        f"    {dice.choice(_VOCABULARY)} = {one}.{dice.choice(_VOCABULARY)}({other}, {dice.randint(1, 99)})"
        for _ in range(dice.randint(1, 5))
    )
    return f"def {one}_{number}({one}, {other}):\n    # {prose(dice, 8)}\n{steps}\n    return {one}"


def _articles(folder: Path, count: int, dice: random.Random) -> None:
    articles = {
        f"PMC{n}/a.nxml": (
            "<article article-type='research-article'><front><article-meta><title-group><article-title>Mills "
            f"{n}</article-title></title-group></article-meta></front><body><sec><title>Methods {n}</title><p>"
            f"{prose(dice, length_of(dice, 120))}</p></sec><sec><title>Results</title><p>{prose(dice, length_of(dice, 80))}"
            "</p></sec></body></article>"
        ).encode()
        for n in range(count)
    }
    (folder / "articles.tar.gz").write_bytes(tar_bytes(articles))


def _papers(folder: Path, count: int, dice: random.Random) -> None:
    papers = {
        f"2301/2301.{n:05}.gz": gzip.compress(
            (
                f"\\documentclass{{article}}\\title{{Mills {n}}}\\begin{{document}}\\maketitle\n\\section{{Stones}}\n"
                f"{prose(dice, length_of(dice, 100))} $x^2$\n\\section{{Sails}}\n{prose(dice, length_of(dice, 100))}\n"
                "\\end{document}\n"
            ).encode()
        )
        for n in range(count)
    }
    (folder / "papers.tar").write_bytes(gzip.decompress(tar_bytes(papers)))


def _reddit(folder: Path, count: int, dice: random.Random) -> None:
    submissions: list[dict[str, Any]] = []
    comments: list[dict[str, Any]] = []
    for n in range(count):
        text = prose(dice, length_of(dice, 60))
        submissions.append({"id": f"s{n}", "title": f"Thread {n}", "selftext": text, "is_self": True, "score": 3})
        for k in range(2):
            body = prose(dice, length_of(dice, 40))
            comments.append(
                {"id": f"c{n}x{k}", "body": body, "link_id": f"t3_s{n}", "parent_id": f"t3_s{n}", "score": k}
            )
    for name, records in (("RS_1.jsonl", submissions), ("RC_1.jsonl", comments)):
        (folder / name).write_text("".join(json.dumps(record) + "\n" for record in records))


def recipe_of(folder: Path) -> dict[str, Any]:
    """One recipe over all of them, each with its own reader, cleaning and rules."""
    sources = (
        ("web", "web.warc.gz", "common_crawl"),
        ("wikipedia", "enwiki.xml.bz2", "mediawiki"),
        ("stackexchange", "mills.stackexchange.com.7z", "stackexchange"),
        ("books", "books", "books"),
        ("code", "code", "code"),
        ("articles", "articles.tar.gz", "jats"),
        ("papers", "papers.tar", "latex"),
        ("reddit", "R?_1.jsonl", "reddit"),
    )
    profiles = {
        "web": "web-any",
        "wikipedia": "wiki",
        "stackexchange": "threads",
        "books": "books",
        "code": "code",
        "articles": "articles",
        "papers": "articles",
        "reddit": "threads",
    }
    return {
        "name": "several",
        "sources": [{"name": name, "path": str(folder / path), "format": form} for name, path, form in sources],
        "policy": {"by_source": {name: {"profiles": [profile]} for name, profile in profiles.items()}},
        "dedup": {"exact": {"normalise": ["whitespace"]}},
        "mix": {"shares": dict(SHARES), "max_repetitions": 2},
        "text": "clean",
    }
