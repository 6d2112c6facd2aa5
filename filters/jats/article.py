"""An article in JATS (or the NLM DTD before it) as Markdown: title, abstract, sections, formulas as LaTeX; references out."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from gristmill.filters.jats.blocks import SUB_ARTICLES, ArticleChoices, BlockWriter
from gristmill.filters.jats.notes import notes_of
from gristmill.filters.safe_xml import child_named, children_named, first_named, local_name, parse_xml

_OTHER_ABSTRACTS = ("graphical", "toc", "teaser", "key-points", "executive-summary", "web-summary", "precis")


@dataclass
class Article:
    """text: Markdown, "" where the article has none. left_out: characters not in it, by the element that holds them."""

    text: str
    notes: dict[str, Any] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)
    damage: str | None = None  # what is no XML in it, so that something may be missing


def article_of(raw: bytes, choices: ArticleChoices | None = None) -> Article | None:
    """The article in a JATS file; None for what is no article."""
    damage: list[str] = []
    root = parse_xml(raw, damage)
    elements = root.iter() if root is not None else ()
    article = next((one for one in elements if local_name(one) in ("article", "book-part-wrapper")), None)
    if article is None:
        return None
    writer = BlockWriter(choices or ArticleChoices())
    meta = child_named(child_named(article, "front"), "article-meta")
    title = first_named(meta, "article-title")
    if title is not None:
        writer.add("# " + writer.inline(title))
    for abstract in children_named(meta, "abstract"):
        if abstract.get("abstract-type") in _OTHER_ABSTRACTS:
            writer.leave_out(abstract)
            continue
        heading = child_named(abstract, "title")
        writer.add("## " + (writer.inline(heading) if heading is not None else "Abstract"))
        writer.blocks(abstract, 2, skip_title=True)
    for part in article:
        name = local_name(part)
        if name in ("body", "floats-group", "back"):
            writer.blocks(part, 1)
        elif name in SUB_ARTICLES:
            writer.sub_article(part)
    return Article(writer.text(), notes_of(article, meta), writer.left_out, damage[0] if damage else None)
