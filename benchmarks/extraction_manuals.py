"""Pages of manuals in many languages, from Debian packages of documentation, with what is main text in each template.

    python benchmarks/extraction_manuals.py FOLDER

downloads the packages of TEMPLATES with apt-get (Debian 12, 760 MB) and extracts them below FOLDER, a folder a package, where
`read_manuals` finds them. A program for documentation writes all pages by one template, so that its main text can be said
once: the elements that hold it, and those in them that are none, which are ways to other pages and lists of contents.
"""

import argparse
import hashlib
import re
import subprocess
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import lxml.html
from word_scores import words_or_pairs

PAGES_OF_A_PACKAGE = 8
PAGES_OF_A_TEMPLATE = 36
MIN_BYTES, MAX_BYTES = 2_000, 500_000  # of a page
MIN_WORDS = 50  # of its main text


class Template(NamedTuple):
    """packages: written by it. main: elements that hold main text, the first kind of them that a page has; beside: elements
    in them that are no main text. Each is a name of elements, "#" and an id, "." and a class, or "@" and a role."""

    packages: tuple[str, ...]
    main: tuple[str, ...] = ("body",)
    beside: tuple[str, ...] = ()


def _in(name: str, languages: str) -> tuple[str, ...]:
    return tuple(f"{name}-{language}" for language in languages.split())


TEMPLATES: dict[str, Template] = {
    "docbook": Template(
        (
            *("apt-doc", "scons-doc", "shorewall-doc", "postgresql-doc-15", "installation-guide-amd64", "debian-faq"),
            *_in("debian-reference", "de es ja zh-cn"),
            *_in("debian-faq", "de fr it ja zh-cn"),
            *_in("gimp-help", "de es fr ja ko"),
            *_in("aptitude-doc", "cs ru"),
            *("maint-guide-ru",),
        ),
        beside=(".navheader", ".navfooter", ".toc", ".list-of-tables", ".list-of-figures", ".list-of-examples"),
    ),
    "publican": Template(("debian-handbook", "harden-doc"), beside=("#banner", "#title", ".docnav", ".toc")),
    "gtk-doc": Template(("libglib2.0-doc", "libgtk-3-doc"), beside=(".navigation", ".footer", ".toc")),
    "sphinx": Template(
        (
            *("python3.11-doc", "python-django-doc", "python-sqlalchemy-doc", "python-tornado-doc", "python-pil-doc"),
            *("bind9-doc", "cmake-doc", "libtiff-doc", "varnish-doc", "developers-reference"),
            *_in("developers-reference", "de fr ja ru"),
        ),
        main=("@main", "#docs-body", ".body"),
        beside=(".toctree-wrapper", ".contents", ".headerlink", ".topic-toc"),
    ),
    "texinfo": Template(
        ("asymptote-doc", "maxima-doc", "mit-scheme-doc", "octave-doc", "sbcl-doc", "zsh-doc", "r-doc-html"),
        beside=(
            *(".header", ".nav-panel", ".contents", ".shortcontents", ".menu", ".section-toc", ".chapter-toc"),
            *(".mini_toc", ".region-contents", ".copiable-link"),
        ),
    ),
    "texi2html": Template(
        _in("lilypond-doc-html", "de es fr ja"),
        main=("#main",),
        beside=(".nav_table", "#tocframe", ".toc", "#footer", ".footer", ".contents", ".menu"),
    ),
    "doxygen": Template(
        ("libstdc++-12-doc", "libeigen3-doc", "dbus-1-doc", "libsdl2-doc", "libhdf5-doc"),
        main=("#doc-content", ".contents"),
        beside=(".summary", ".dynheader", ".dyncontent", ".toc", "#nav-path", ".ttc", ".permalink", ".memSeparator"),
    ),
    "javadoc": Template(
        ("openjdk-17-doc", "junit4-doc", "ant-doc"),
        main=("main",),
        beside=(".sub-nav", ".toc", ".inheritance", ".table-tabs"),
    ),
    "rustdoc": Template(
        ("rust-doc",),
        main=("#main-content", "main"),
        beside=("nav", "button", ".out-of-band", ".rightside", ".srclink", ".source", ".anchor", ".sidebar"),
    ),
    "asciidoc": Template(
        ("git-doc", *_in("kicad-doc", "de es fr it ja pl ru zh")), beside=("#toc", "#footer", "#footnotes")
    ),
    "apache": Template(
        ("apache2-doc",), main=("#page-content",), beside=(".toplang", "#quickview", ".top", "#comments_section")
    ),
    "latex2html": Template(
        ("gnuplot-doc", "bacula-doc", "latex2html"), beside=(".navigation", "address", ".childlinks", ".ChildLinks")
    ),
    "nodejs": Template(("nodejs-doc",), main=("#apicontent",), beside=(".mark", "#toc")),
    "erlang": Template(("erlang-doc",), main=(".innertube", "#content"), beside=(".footer", ".topbar")),
    "qt": Template(
        ("qtbase5-doc-html",), main=(".mainContent", ".context"), beside=(".toc", ".sidebar", ".navigationbar")
    ),
    "haddock": Template(
        ("ghc-doc",), main=("#content",), beside=("#table-of-contents", "#synopsis", "#alphabet", ".selflink", ".link")
    ),
    "libreoffice": Template(("libreoffice-help-ru",), main=("#DisplayArea",)),
    "sqlite": Template(("sqlite3-doc",), beside=(".nosearch", "#toc", ".toc_header", "#toc_sub")),
    "exim": Template(("exim4-doc-html",), main=("#content",), beside=(".previous_page", ".next_page", "#toc")),
    "pasdoc": Template(("fp-docs-3.2.2",), beside=(".bar", ".footer")),
    "pike": Template(("pike8.0-doc",), main=(".contentbox", ".content"), beside=(".navbox",)),
    "imagemagick": Template(("imagemagick-6-doc",), main=("main",)),
    "anarchism": Template(("anarchism",), main=(".content",)),
    "plain": Template(("postfix-doc", "sendmail-doc", "cyrus-doc"), beside=(".toc",)),
}


def packages() -> list[str]:
    """All packages, by template."""
    return [package for template in TEMPLATES.values() for package in template.packages]


class Manual(NamedTuple):
    """A page, its main text as HTML, and the template of both."""

    name: str
    html: bytes
    main: bytes
    template: str


def read_manuals(folder: Path) -> Iterator[Manual]:
    """As many pages of every package of a template, the first in an order that is a hash of their names."""
    missing = [package for package in packages() if not (folder / package).is_dir()]
    if missing:
        raise SystemExit(
            f"{folder}: found no {', '.join(missing)}; benchmarks/extraction_manuals.py {folder} gets them"
        )
    for name, template in TEMPLATES.items():
        most = min(PAGES_OF_A_PACKAGE, -(-PAGES_OF_A_TEMPLATE // len(template.packages)))
        for package in template.packages:
            yield from islice(_pages(folder, package, name, template), most)


def _pages(folder: Path, package: str, name: str, template: Template) -> Iterator[Manual]:
    found = [
        path
        for path in (folder / package).rglob("*")
        if re.search(r"\.html?(\.[a-z]{2}[\w.-]*)?$", path.name)
        and path.is_file()
        and not path.is_symlink()
        and MIN_BYTES <= path.stat().st_size <= MAX_BYTES
    ]
    for path in sorted(found, key=lambda path: hashlib.sha1(str(path.relative_to(folder)).encode()).hexdigest()):
        html = path.read_bytes()
        main = main_html(html, template)
        if main is not None:
            yield Manual(str(path.relative_to(folder)), html, main, name)


def main_html(html: bytes, template: Template) -> bytes | None:
    """The main text of a page as a page of its own; None where it has none of MIN_WORDS words."""
    root = lxml.html.document_fromstring(html)
    for one in template.beside:
        for element in _chosen(root, one):
            element.drop_tree()
    for one in template.main:
        chosen = [element for element in _chosen(root, one) if element.getparent() is not None]
        if chosen:
            outermost = [element for element in chosen if not set(element.iterancestors()) & set(chosen)]
            if sum(len(words_or_pairs(element.text_content())) for element in outermost) < MIN_WORDS:
                return None
            parts = b"\n".join(lxml.html.tostring(element, encoding="utf-8") for element in outermost)
            return b"<!DOCTYPE html><meta charset=utf-8><body>" + parts
    return None


def _chosen(root: lxml.html.HtmlElement, one: str) -> Iterable[lxml.html.HtmlElement]:
    """The elements of a page that a name, an id, a class or a role stands for."""
    if one.startswith("#"):
        return list(root.xpath("//*[@id=$id]", id=one[1:]))
    if one.startswith("@"):
        return list(root.xpath("//*[@role=$role]", role=one[1:]))
    if one.startswith("."):
        return [element for element in root.iter() if one[1:] in str(element.get("class") or "").split()]
    return list(root.iter(one))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    for package in packages():
        target = folder / package
        if target.is_dir():
            continue
        try:
            subprocess.run(["apt-get", "download", package], cwd=folder, check=True)
            (archive,) = folder.glob(f"{package}_*.deb")
            subprocess.run(["dpkg-deb", "--extract", str(archive), str(target)], check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise SystemExit(f"{package}: {error}; these are packages of Debian 12, got with its apt-get") from None
        archive.unlink()


if __name__ == "__main__":
    main()
