"""Pages of many kinds, in four languages and of two ages of the web: what belongs to each is kept, and the rest is not.

The tables of the extractor are learned from pages that are not in this repository, and what they make worse does not show in
a mean over them: tables that had learned from old news took long manuals for lists. Each kind is a page as a program
writes it, with sentences made here.
"""

from collections.abc import Callable
from typing import NamedTuple

import pytest
from gristmill.filters.html.extract import Extraction

SENTENCES = {
    "en": (
        "The miller opens the gate before dawn, because the water of the stream is highest then, on day {}.",
        "After {} turns the stones grind evenly, and the flour runs into sacks that are sewn and weighed.",
    ),
    "de": (
        "Der Müller öffnet das Wehr vor der Dämmerung, weil das Wasser des Baches dann am höchsten steht, am Tag {}.",
        "Nach {} Umdrehungen mahlen die Steine gleichmäßig, und das Mehl rinnt in Säcke, die man zunäht und wiegt.",
    ),
    "zh": (
        "第{}天，磨坊主在黎明前打开水闸，因为那时溪水的水位最高，水轮转得最快。",
        "转了{}圈以后，石磨磨得均匀，面粉流进袋子里，然后缝好口，称过重量。",
    ),
    "ar": (
        "يفتح الطحان البوابة قبل الفجر في اليوم {}، لأن ماء الجدول يكون في أعلى مستوى له في ذلك الوقت.",
        "بعد {} دورة تطحن الأحجار بالتساوي، ويسيل الدقيق في أكياس تخاط ثم توزن.",
    ),
}
TODAY = (
    "<!DOCTYPE html><html><head><meta charset=utf-8><meta name=viewport content='width=400'><title>{}</title></head>"
)
OLD = (
    '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">'
    '<html><head><meta http-equiv="Content-Type" content="text/html; charset=UTF-8"/><title>{}</title></head>'
)


class Kind(NamedTuple):
    """body: of the page. main, beside: texts of blocks that are its main text, and of some that are not."""

    body: str
    main: list[str]
    beside: list[str]


class Words:
    """Sentences of a language, no two alike."""

    def __init__(self, language: str) -> None:
        self.language, self.number = language, 0

    def sentence(self) -> str:
        self.number += 1
        return SENTENCES[self.language][self.number % 2].format(self.number)

    def paragraph(self, sentences: int = 3) -> str:
        between = "" if self.language == "zh" else " "
        return between.join(self.sentence() for _ in range(sentences))

    def heading(self) -> str:
        return self.sentence()[: 8 if self.language == "zh" else 22].strip() + f" {self.number}"


def links(words: Words, count: int, tag: str = "li") -> tuple[str, list[str]]:
    texts = [words.heading() for _ in range(count)]
    return "".join(f"<{tag}><a href='/{n}'>{text}</a></{tag}>" for n, text in enumerate(texts)), texts


def manual(words: Words) -> Kind:
    """A chapter by the DocBook stylesheets: a list of contents, then sections with tables and code."""
    contents, _ = links(words, 40, "dt")
    main, sections = [], ""
    for section in range(40):
        before, after, code = words.paragraph(), words.paragraph(), f"$ mill-{section} --turns {section}"
        rows = ""
        for row in range(6):
            what = words.sentence()
            main.append(what)
            rows += f"<tr><td><a href='/p{row}'><code>mill-{row}</code></a></td><td>V:{row}</td><td>{what}</td></tr>"
        sections += (
            f"<div class='section'><h2 class='title'>{section}. {words.heading()}</h2><p>{before}</p>"
            f"<div class='table'><table border='1'><tbody>{rows}</tbody></table></div><p>{after}</p>"
            f"<pre class='screen'>{code}</pre><p>{words.paragraph(1)}</p></div>"
        )
        main += [before, after, code]
    ways = "<tr><td><a href='p'>Prev</a></td><th>Mill</th><td><a href='n'>Next</a></td></tr>"
    body = (
        f"<body><div class='navheader'><table width='100%'>{ways}</table><hr/></div><div class='chapter'>"
        f"<h1 class='title'>{words.heading()}</h1><div class='toc'><dl>{contents}</dl></div>{sections}</div>"
        f"<div class='navfooter'><hr/><table width='100%'>{ways}</table></div></body>"
    )
    return Kind(body, main, ["Prev", "Next"])


def tutorial(words: Words) -> Kind:
    """A post of a blog with code between its paragraphs, and ways to others around it."""
    menu, in_menu = links(words, 6)
    recent, in_recent = links(words, 8)
    main, post = [], ""
    for step in range(5):
        text, code = words.paragraph(), f"mill.open(gate={step})\nmill.turn({step})"
        post += f"<p>{text}</p><div class='highlight'><pre class='highlight'><code>{code}</code></pre></div>"
        main += [text, code]
    last = words.paragraph()
    body = (
        f"<body><header class='site-header'><nav><ul>{menu}</ul></nav></header><article class='post'><h1>{words.heading()}</h1>"
        f"<div class='post-content'>{post}<p>{last}</p></div></article><aside><ul>{recent}</ul></aside></body>"
    )
    return Kind(body, [*main, last], [*in_menu, *in_recent])


def news(words: Words) -> Kind:
    """A short article beside the headings of others."""
    menu, in_menu = links(words, 15)
    teasers, in_teasers = links(words, 20, "h3")
    main = [words.paragraph() for _ in range(6)]
    story = "".join(f"<p>{text}</p>" for text in main)
    body = (
        f"<body><div id='menu'><ul>{menu}</ul></div><div id='article'><h1>{words.heading()}</h1>{story}</div>"
        f"<div id='sidebar' class='related'>{teasers}</div><div id='footer'>© Mill Press</div></body>"
    )
    return Kind(body, main, [*in_menu, *in_teasers, "© Mill Press"])


def forum(words: Words) -> Kind:
    """A thread: posts beside who wrote them."""
    menu, in_menu = links(words, 10)
    main = [words.paragraph() for _ in range(8)]
    posts = "".join(
        f"<div class='post' id='p{n}'><div class='postprofile'><a href='/u{n}'>user{n}</a><br>Posts: {n}</div>"
        f"<div class='postbody'><div class='content'>{text}</div></div></div>"
        for n, text in enumerate(main)
    )
    head = f"<div class='navbar'><ul>{menu}</ul></div><h2>{words.heading()}</h2>"
    return Kind(f"<body>{head}{posts}<div class='footer'>phpBB</div></body>", main, [*in_menu, "phpBB"])


def plain(words: Words) -> Kind:
    """Nothing but headings and paragraphs: a page that somebody wrote by hand."""
    main = [words.paragraph() for _ in range(6)]
    body = "".join(f"<h2>{words.heading()}</h2><p>{text}</p>" for text in main)
    return Kind(f"<body><h1>{words.heading()}</h1>{body}</body>", main, [])


@pytest.mark.parametrize("head", [TODAY, OLD], ids=["today", "old"])
@pytest.mark.parametrize("language", SENTENCES)
@pytest.mark.parametrize("kind", [manual, tutorial, news, forum, plain])
def test_what_belongs_to_a_page_of_each_kind_is_kept(kind: Callable[[Words], Kind], language: str, head: str) -> None:
    words = Words(language)
    page = kind(words)
    found = Extraction((head.format(words.heading()) + page.body + "</html>").encode())
    kept = {block.text for block in found.blocks if block.kept}
    lost = [text for text in page.main if text not in kept]
    assert len(lost) <= len(page.main) // 20, (len(lost), len(page.main), lost[:3])
    assert not set(page.beside) & kept
