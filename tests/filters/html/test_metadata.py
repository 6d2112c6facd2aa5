"""Title, author and date of pages: of metas and linked data, and where these are silent, of what a reader sees."""

import pytest
from gristmill import extract
from gristmill.filters.html.heads import Heads
from gristmill.filters.html.metadata import Metadata
from gristmill.filters.html.page import read_page
from gristmill.filters.html.written_days import written_day


@pytest.mark.parametrize(
    ("page", "title"),
    [
        # the heading that the title speaks of
        ("<title>How mills work | The Miller</title><h1>How mills work</h1>", "How mills work"),
        ("<title>The Miller: How mills work</title><h1>The Miller</h1><h1>How mills work</h1>", "How mills work"),
        ("<title>Mühlen – Die Zeitung</title><h1><div>Mühlen</div></h1>", "Mühlen"),
        ("<title>水车如何工作 - 磨坊报</title><h1>水车如何工作</h1>", "水车如何工作"),
        (
            "<title>12 ways to grind corn | Mills</title><h1>Twelve ways to grind your corn</h1>",
            "Twelve ways to grind your corn",
        ),
        (
            "<title>A | Mills</title><meta property=og:title content='How mills work'><h1>How <i>mills</i> work</h1>",
            "How mills work",
        ),
        # headings that are none: the site's name, something else, a hidden one
        ("<title>Watermills - Miller</title><meta property=og:site_name content=Miller><h1>Miller</h1>", "Watermills"),
        (
            "<title>Watermills - miller.example</title><link rel=canonical href=//www.miller.example/a><h1>Miller</h1>",
            "Watermills",
        ),
        (
            "<title>Watermills of the river Ems</title><h1>Subscribe</h1><h1>Our shop</h1>",
            "Watermills of the river Ems",
        ),
        (
            "<title>Watermills of the river Ems</title><h1 hidden>Watermills of the river</h1>",
            "Watermills of the river Ems",
        ),
        # no heading
        ("<title>Watermills | News | The Miller</title><meta property=og:title content=Watermills>", "Watermills"),
        ("<title>All about watermills | Something</title>", "All about watermills"),
        ("<title>grep(1) - Linux manual page</title>", "grep(1) - Linux manual page"),
        ('<script type=\'application/ld+json\'>{"headline": "Corn"}</script>', "Corn"),
        ("<h1>One</h1><h1>Two</h1>", "One"),
        ("<title> </title><p>text", None),
    ],
)
def test_titles(page: str, title: str | None) -> None:
    assert extract(page).metadata.title == title


@pytest.mark.parametrize(
    ("text", "language", "day"),
    [
        ("Published on Nov. 21st, 2018 by X", "en", "2018-11-21"),
        ("24 Apr 2000 • 3 min", None, "2000-04-24"),
        ("Sept 5, 2024", "en-GB", "2024-09-05"),
        ("den 5. März 2024 um 9", "de-CH", "2024-03-05"),
        ("5 de enero de 2024", "es", "2024-01-05"),
        ("1er février 2024", "fr", "2024-02-01"),
        ("5 stycznia 2024", "pl", "2024-01-05"),
        ("5 мая 2024 г.", "ru", "2024-05-05"),
        ("5 مارس 2024", "ar", "2024-03-05"),
        ("2024年3月5日", "ja", "2024-03-05"),
        ("2024. 3. 5", "ko", "2024-03-05"),
        ("05.03.2024", "de", "2024-03-05"),
        ("03/05/2024", "en-US", "2024-03-05"),
        ("03/05/2024", "en-GB", "2024-05-03"),
        ("25/12/2024", "en-US", "2024-12-25"),
        ("12-Jan-2024, not 2023-01-01", "", "2024-01-12"),
        ("March 5, 2024", "de", "2024-03-05"),  # English months everywhere
        ("5 března 2024", "no such tag!", None),
        ("Monday 12, 2024", "en", None),
        ("99/99/2024", "en", None),
        ("31 February 2024 or 29 February 2024", "en", "2024-02-29"),
        ("5 March 1824", "en", None),
        ("call 555-03-2024 now", "en", None),
    ],
)
def test_days_that_people_write(text: str, language: str | None, day: str | None) -> None:
    assert written_day(text, language) == day


PARAGRAPH = "<p>A mill turns when the river is high, and of all that grain it keeps what weighs enough to be bread.</p>"
PAGE = f"<html lang=en><nav>Home</nav><article>%s<h1>How mills work</h1>%s{PARAGRAPH * 12}</article>"


@pytest.mark.parametrize(
    ("line", "author", "date"),
    [
        ("<p>By Ada Miller</p>", "Ada Miller", None),
        ("<p>By <a href=/x>Ada Miller</a>, editor | March 5, 2024</p>", "Ada Miller", "2024-03-05"),
        ("<p>Published 5 March 2024 by Ada Miller</p>", "Ada Miller", "2024-03-05"),
        ("<p>Posted by ada on Friday</p>", None, None),
        ("<p><a rel='nofollow author' href=x>Ada</a> wrote</p>", "Ada", None),
        ("<p>5 March 2024 <a href='/author/ada'>Ada Miller</a></p>", "Ada Miller", "2024-03-05"),
        ("<div class='postAuthor name'>Ada Miller</div>", "Ada Miller", None),
        ("<div class=byline><span>Ada</span> Miller · 3 min</div>", "Ada Miller", None),
        ("<div itemprop=author><p>Ada Miller</p></div>", "Ada Miller", None),
        ("<p>Von Ada Müller</p><p>5.3.2024</p>", "Ada Müller", "2024-03-05"),
        ("<p>作者：王小明</p><p>2024年3月5日</p>", "王小明", "2024-03-05"),
        ("<p>By Ada Miller May 5, 2024</p>", "Ada Miller", "2024-05-05"),
        ("<p>By May</p>", "May", None),
        ("<p>By the end of the day</p><p>Shop by Category</p><p>Powered by Mills</p>", None, None),
        ("<p class=author>Share</p><p class=authority>Ada Miller</p>", None, None),
        ("<p hidden>By Ada Miller, 5 March 2024</p>", None, None),
        (
            "<p>By Ada Miller, who has seen so many mills that she lost count of them somewhere in the north of France, "
            "5 March 2024</p>",
            None,
            None,
        ),
    ],
)
def test_lines_near_the_heading(line: str, author: str | None, date: str | None) -> None:
    for page in (PAGE % ("", line), PAGE % (line, "")):
        about = extract(page).metadata
        assert (about.author, about.date) == (author, date)


def test_the_line_next_to_the_heading_counts() -> None:
    far, near, behind = "<p>By Far Away, 1 May 2001</p>", "<p>By Ada Miller</p><p>5 March 2024</p>", "<p>text</p>" * 3
    about = extract(PAGE % (far + behind, near + far)).metadata
    assert (about.author, about.date) == ("Ada Miller", "2024-03-05")
    about = extract(PAGE % (far + behind * 2, behind * 4 + near)).metadata
    assert (about.author, about.date) == (None, None)


@pytest.mark.parametrize(("page_type", "found"), [("article", ("Ada Miller", "2024-03-05")), ("product", (None, None))])
def test_only_articles_have_such_lines(page_type: str, found: tuple[str | None, str | None]) -> None:
    page = read_page((PAGE % ("", "<p>By Ada Miller, 5 March 2024</p>")).encode())
    about = Metadata(page, Heads(page), page_type)
    assert (about.author, about.date) == found


def test_what_metas_say_comes_first() -> None:
    head = "<meta name=author content=Bo><meta name=date content=2020-01-02>"
    about = extract(head + PAGE % ("", "<p>By Ada Miller, 5 March 2024</p>")).metadata
    assert (about.author, about.date) == ("Bo", "2020-01-02")


def test_the_root_of_a_page_has_no_attributes() -> None:
    assert extract("<link class=author><h1>Mills</h1><p>Ada Miller</p>").metadata.author is None


def test_an_address_with_a_day() -> None:
    page = (
        "<link rel=canonical href='https://a.example/2024/03/05/mills/'><article><h1>Mills</h1><p>6 March 2024</p>"
        + PARAGRAPH * 12
    )
    assert extract(page).metadata.date == "2024-03-05"
    assert extract("<link rel=canonical href='https://a.example/2024/03/51/'>").metadata.date is None


@pytest.mark.parametrize(
    ("head", "author"),
    [
        ("<meta name=author content='Bo'><meta name=author content=Ada><meta name=author content=Bo>", "Bo; Ada"),
        ("<link rel=author href='/autoren/bo'><meta name=author content=bo@a.example>", None),
        ("<link rel=author href='mailto:bo@a.example'><meta name=author content=12>", None),
        (
            "<meta name=author content='The Mill'><meta property=og:site_name content='The Mill'>"
            '<script type="application/ld+json">{"author": [{"name": "Ada"}, {"name": "Bo"}, {"x": 1}]}</script>',
            "Ada; Bo",
        ),
        ("<meta name=author content='The Mill'><meta property=og:site_name content='The Mill'>", "The Mill"),
        ('<script type="application/ld+json">{"\\u0061uthor": "Ada\tMiller"}</script>', "Ada Miller"),
    ],
)
def test_authors_that_metas_name(head: str, author: str | None) -> None:
    assert extract(head + "<h1>Mills</h1>").metadata.author == author


@pytest.mark.parametrize(
    "unit",
    ["<h1>a", "<h1><p>By A 1 May 2024", "<p>1 May 202", "<h1>", "<a rel=author href=x>", "<b class='", "| by ", "1"],
)
def test_a_hundred_thousand_of_everything(unit: str) -> None:
    about = extract("<title>a</title><h1>b</h1>" + unit * 100_000).metadata
    assert len(about.title or "") <= 500
    assert len(about.author or "") <= 60
    assert about.date in (None, "2024-05-01")


def test_days_that_the_calendar_does_not_have() -> None:
    for said, day in (
        ("2023-02-29", None),
        ("2024-02-29T10:00", "2024-02-29"),
        ("20240231", None),
        ("0000-01-01", None),
    ):
        assert extract(f"<meta name=date content='{said}'><h1>Mills</h1>").metadata.date == day


def test_names_of_languages_do_no_harm() -> None:
    for language in ("x" * 10_000, "../../etc/passwd", "en_US.UTF-8", "zh-Hant-TW", "\x00", "-", "de-DE-x-private"):
        page = f"<html lang='{language}'><article><h1>Mills</h1><p>5 March 2024</p>{PARAGRAPH * 12}"
        assert extract(page).metadata.date == "2024-03-05"
