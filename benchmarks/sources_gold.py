"""The text of a source beside text that is known to be right: word precision, recall and F1 of our conversion and of peers.

Called by `benchmarks/sources.py gold SOURCE GOLD [SOURCE GOLD ...]`. SOURCE is a book (.epub, .txt, .html), an article in JATS
(.nxml, .jats, .xml), a paper in LaTeX (.tex, or an archive) or one page of wikitext (.wiki, .mediawiki). GOLD is the same text
from elsewhere: plain (of a file of Project Gutenberg what stands between its marks), Markdown, or HTML as a browser shows it.

Words are runs of three letters and more, outside of formulas, compared as multisets. What a conversion leaves out by design
(title pages, contents, acknowledgements) lowers its recall where the gold text has it; the words that differ are printed.
"""

import importlib.util
import re
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from gristmill.filters.books.book import BookError
from gristmill.filters.latex.paper import PaperError
from gristmill.filters.wiki.article import to_markdown
from sources_converted import TOOLS, unpacked
from word_scores import long_words, precision_recall, word_f1

KINDS = {
    **dict.fromkeys((".epub", ".txt", ".html", ".htm", ".zip"), "books"),
    **dict.fromkeys((".nxml", ".jats", ".xml"), "jats"),
    **dict.fromkeys((".tex", ".tar", ".tgz", ".gz"), "latex"),
    **dict.fromkeys((".wiki", ".mediawiki"), "wiki"),
}
_PACKING = (".gz", ".xz")
_SHOWN = 12
_FORMULAS = re.compile(r"\$\$[^$]*+\$\$|\$[^$\n]*+\$|\[formula\]")
_MARKS = re.compile(r"^\*\*\* ?START OF[^\n]*\n(.*?)^\*\*\* ?END OF", re.MULTILINE | re.DOTALL)
_FRONT_MATTER = re.compile(r"\A---\n(.*?)\n---\n", re.DOTALL)
_MARKDOWN_APPARATUS = re.compile(
    r"\[[^\]\n]*@[^\]\n]*\]|(?<![\w.])-?@[\w:/-]+|\]\([^()\n]*\)|\\(?:label|ref|autoref|cite\w*)\{[^{}\n]*\}|\{[#.=][^{}\n]*\}"
    r"|<!--.*?-->|<?https?://[^\s<>]*>?|^(?:```|~~~)[^\n]*$|^#+ (?:References|Bibliography)\s*\Z",
    re.MULTILINE | re.DOTALL,
)


def gold(paths: Sequence[Path]) -> None:
    """Print a line for each pair and tool, and the words that differ most."""
    if len(paths) % 2:
        sys.exit(f"found {len(paths)} paths; expected pairs: SOURCE GOLD [SOURCE GOLD ...]")
    for source, wanted in zip(paths[::2], paths[1::2], strict=True):
        print(f"{source.name} beside {wanted.name}")
        for line in compared(source, wanted):
            print(f"  {line}")


def compared(source: Path, wanted: Path) -> list[str]:
    """What to print of a pair, a line for each tool."""
    kind = kind_of(source)
    raw, right = unpacked(source), Counter(long_words(_FORMULAS.sub(" ", gold_text(wanted))))
    lines = []
    for name, convert in _tools(kind).items():
        try:
            found = Counter(long_words(_FORMULAS.sub(" ", convert(raw))))
        except (BookError, PaperError) as error:
            lines.append(f"{name:18} {error.reason}: {error}")
            continue
        except Exception as error:  # whatever a peer raises is its result
            if name == "gristmill":
                raise
            lines.append(f"{name:18} {type(error).__name__} {str(error)[:100]}")
            continue
        precision, recall = precision_recall(found, right)
        scores = f"precision {precision:.4f} recall {recall:.4f} F1 {word_f1(found, right):.4f}"
        differences = f"alone: {_most(found - right)}; missed: {_most(right - found)}"
        lines.append(f"{name:18} {scores} of {right.total():,} words; {differences}")
    return lines


def kind_of(path: Path) -> str:
    """The preset that reads a file of this name."""
    name = path.with_suffix("") if path.suffix in _PACKING and path.with_suffix("").suffix in KINDS else path
    if name.suffix not in KINDS:
        sys.exit(f"{path}: found the suffix {name.suffix!r}; expected one of {', '.join(KINDS)}, also packed")
    return KINDS[name.suffix]


def gold_text(path: Path) -> str:
    """The text of a gold file, without what is not its text: marks of Project Gutenberg, apparatus of Markdown, elements."""
    raw = unpacked(path)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    text = text.replace("\r\n", "\n")
    suffix = path.with_suffix("").suffix if path.suffix in _PACKING else path.suffix
    if suffix in (".html", ".htm"):
        from lxml import html

        body = html.fromstring(raw)
        for hidden in body.xpath("//script|//style|//head"):
            hidden.drop_tree()
        return str(body.text_content())
    if suffix == ".md":
        head = _FRONT_MATTER.match(text)
        title = re.search(r"^title:(.*)$", head[1], re.MULTILINE) if head else None
        return (title[1] if title else "") + "\n" + _MARKDOWN_APPARATUS.sub(" ", text[head.end() :] if head else text)
    between = _MARKS.search(text)
    return between[1] if between else text


def _tools(kind: str) -> dict[str, Callable[[bytes], str]]:
    """Our conversion and those of peers that are installed."""
    if kind == "wiki":
        tools: dict[str, Callable[[bytes], str]] = {
            "gristmill": lambda raw: to_markdown(raw.decode("utf-8", "replace")).text
        }
        return tools | ({"mwparserfromhell": _stripped} if importlib.util.find_spec("mwparserfromhell") else {})
    ours, peers = TOOLS[kind]
    return {"gristmill": ours, **peers}


def _stripped(raw: bytes) -> str:
    import mwparserfromhell

    return str(mwparserfromhell.parse(raw.decode("utf-8", "replace")).strip_code())


def _most(words: Counter[str]) -> str:
    shown = ", ".join(f"{word} {count}" for word, count in words.most_common(_SHOWN))
    return f"{words.total():,} ({shown})" if shown else "none"
