"""Books, articles and papers beside the public tools that turn them into text: speed, and the words that one has alone.

Called by `benchmarks/sources.py books | jats | latex FILE...`. The peers are pandoc (pip install pypandoc-binary), ebooklib for
EPUB and pylatexenc for LaTeX. Seconds are of the processor, of one run after one that warms; pandoc's are of its process,
start included. Words are runs of three letters and more, compared as multisets: `shared` is twice those in both, of all.
"""

import gzip
import importlib.util
import lzma
import resource
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from gristmill.filters.books.book import BookError
from gristmill.filters.books.from_bytes import book_of
from gristmill.filters.jats.article import article_of
from gristmill.filters.latex.paper import PaperError, main_file, paper_of
from gristmill.filters.latex.unpack import files_of
from word_scores import long_words

LIMIT = 256 << 20
_SHOWN = 8


def converted(preset: str, paths: Sequence[Path]) -> None:
    """Print one line a file and a sum."""
    ours, peers = TOOLS[preset]
    total: Counter[str] = Counter()
    for path in paths:
        raw = unpacked(path)
        try:
            ours(raw)
            text, seconds = _timed(lambda raw=raw: ours(raw))
        except (BookError, PaperError) as error:
            print(f"{path.name}: {error.reason}: {error}")
            continue
        total["us bytes"] += len(raw)
        total["us ms"] += round(1000 * seconds)
        print(f"{path.name}: {len(raw) / 1e6:.2f} MB; gristmill {seconds:.2f} s, {len(text):,} characters")
        for name, peer in peers.items():
            _compare(name, peer, raw, text, total)
    for name in ("us", *peers):
        if total[f"{name} ms"]:
            size = total[f"{name} bytes"]
            print(f"{name}: {size / 1e3 / total[f'{name} ms']:.2f} MB/s over {size / 1e6:.1f} MB")


def _compare(name: str, peer: Callable[[bytes], str], raw: bytes, text: str, total: Counter[str]) -> None:
    try:
        other, seconds = _timed(lambda: peer(raw))
    except Exception as error:  # whatever a peer raises is its result
        print(f"  {name}: {type(error).__name__} {str(error)[:100]}")
        return
    total[f"{name} ms"] += round(1000 * seconds)
    total[f"{name} bytes"] += len(raw)
    mine, theirs = (Counter(long_words(one)) for one in (text, other))
    both = sum((mine & theirs).values())
    shared = 2 * both / max(sum(mine.values()) + sum(theirs.values()), 1)
    only = [
        ", ".join(f"{word} {count}" for word, count in (one - two).most_common(_SHOWN))
        for one, two in ((mine, theirs), (theirs, mine))
    ]
    print(
        f"  {name} {seconds:.2f} s, {len(other):,} characters; shared {shared:.3f}; we alone: {only[0]}; it alone: {only[1]}"
    )


def _timed(work: Callable[[], str]) -> tuple[str, float]:
    before = _processor_seconds()
    text = work()
    return text, _processor_seconds() - before


def _processor_seconds() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def unpacked(path: Path) -> bytes:
    """The bytes of a file; without the packing around XML, wikitext and plain text."""
    raw = path.read_bytes()
    if path.name.endswith(".xz"):
        return lzma.decompress(raw)
    return gzip.decompress(raw) if path.name.endswith(("xml.gz", "txt.gz", "wiki.gz")) else raw


def _pandoc(raw: bytes, kind: str, folder: str | None = None) -> str:
    import pypandoc

    command = [
        pypandoc.get_pandoc_path(),
        "-f",
        kind,
        "-t",
        "plain",
        "--wrap=none",
        "--sandbox" if folder is None else "--quiet",
    ]
    done = subprocess.run(command, input=raw, capture_output=True, timeout=300, cwd=folder, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.decode("utf-8", "replace").strip()[-200:])
    return done.stdout.decode("utf-8", "replace")


def _pandoc_latex(raw: bytes) -> str:
    files, _ = files_of(raw, LIMIT)
    main = main_file({name: content.decode("utf-8", "replace") for name, content in files.items()}, files)
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return _pandoc(files[main], "latex", str((Path(folder) / main).parent))


def _pylatexenc(raw: bytes) -> str:
    from pylatexenc.latex2text import LatexNodes2Text

    files, _ = files_of(raw, LIMIT)
    texts = {name: content.decode("utf-8", "replace") for name, content in files.items()}
    return str(LatexNodes2Text(math_mode="verbatim").latex_to_text(texts[main_file(texts, files)]))


def _ebooklib(raw: bytes) -> str:
    import ebooklib
    from ebooklib import epub
    from lxml import html

    with tempfile.NamedTemporaryFile(suffix=".epub") as stored:
        stored.write(raw)
        stored.flush()
        book = epub.read_epub(stored.name, {"ignore_ncx": True})
    parts = [item.get_content() for item in book.get_items_of_type(ebooklib.ITEM_DOCUMENT)]
    return "\n".join(html.fromstring(part).text_content() for part in parts if part.strip())


def _there(peers: dict[str, tuple[str, Callable[[bytes], str]]]) -> dict[str, Callable[[bytes], str]]:
    """The peers that are installed."""
    return {name: peer for name, (module, peer) in peers.items() if importlib.util.find_spec(module)}


def _only_epub(peer: Callable[[bytes], str]) -> Callable[[bytes], str]:
    def read(raw: bytes) -> str:
        if not raw.startswith(b"PK"):
            raise ValueError("no EPUB")
        return peer(raw)

    return read


def _article_text(raw: bytes) -> str:
    article = article_of(raw)
    return article.text if article else ""


TOOLS: dict[str, tuple[Callable[[bytes], str], dict[str, Callable[[bytes], str]]]] = {
    "books": (
        lambda raw: book_of(raw, LIMIT).text,
        _there(
            {
                "pandoc": ("pypandoc", _only_epub(lambda raw: _pandoc(raw, "epub"))),
                "ebooklib": ("ebooklib", _only_epub(_ebooklib)),
            }
        ),
    ),
    "jats": (_article_text, _there({"pandoc": ("pypandoc", lambda raw: _pandoc(raw, "jats"))})),
    "latex": (
        lambda raw: paper_of(files_of(raw, LIMIT)[0]).text,
        _there({"pandoc": ("pypandoc", _pandoc_latex), "pylatexenc": ("pylatexenc", _pylatexenc)}),
    ),
}
