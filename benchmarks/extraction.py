"""How good and how fast main text is taken from web pages, beside resiliparse, trafilatura and jusText in one run.

    python benchmarks/extraction.py f1 DATA [--more CHECKOUTS...] [--folds 5] [--pages N] [--peers ...]
    python benchmarks/extraction.py speed DATA [--pages 200]
    python benchmarks/extraction.py snippets PAGES... [--peers ...]
    python benchmarks/extraction.py articles FOLDER [--peers ...]
    python benchmarks/extraction.py languages CHECKOUTS... [--data DATA] [--peers ...] [--least 1]

f1: word F1 on the development split of WCXB (benchmarks/extraction_data.py), over all pages and by type, and the share of
snippets that a text must hold (with) and must not hold (without). Ours is cross-validated by host: each page is judged by
tables learned without its site, and from pages of CHECKOUTS of other sites too (--more), as the tables in the repository
are; "shipped" are those tables, which have seen these pages.
speed: milliseconds a page and MB/s of HTML on one core, medians of five rounds in turn.
snippets: JSON Lines, also packed, with `html`, `with`, `without`; by language where a page names one (lang_lid176).
Or a checkout of adbar/trafilatura (tests/evaldata.json, tests/eval), by the language that pages declare.
articles: a checkout of scrapinghub/article-extraction-benchmark (ground-truth.json, html/*.html.gz) by its own measure: mean
precision and mean recall of runs of four words, each page weighing the same, and their F1.
languages: checkouts of test suites of other extractors (benchmarks/extraction_golds.py): F1 of words, pairs of characters
in scripts without spaces, by the language of the main text. With or without its title, whichever is nearer to the text:
the golds differ about headings. With --data ours is cross-validated by host, learned from DATA and the pages of other
hosts; else the tables in the repository are measured, which have seen these pages. Languages of fewer pages than `--least`
are under "others". --peers: of resiliparse, trafilatura and justext, all by default.
"""

import argparse
import gzip
import lzma
import re
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from extraction_data import Example, by_type, examples, fold_of, gold_examples, utf8
from extraction_golds import Gold, read_golds
from extraction_golds import languages as languages_of
from extraction_model import label_evidence, learn
from gristmill.filters.encoding.decode import decode
from gristmill.filters.encoding.evidence import choose_encoding
from gristmill.filters.html.extract import Extraction
from pydantic_core import from_json
from word_scores import word_f1, words, words_or_pairs

Extract = Callable[[bytes], str]


def by_gristmill(html: bytes) -> str:
    return Extraction(html).text


def by_resiliparse(html: bytes) -> str:
    from gristmill.pipelines.sources.readers.extract import main_text

    return main_text(html.decode("utf-8", "replace"))


def by_trafilatura(html: bytes) -> str:
    import trafilatura

    return trafilatura.extract(html.decode("utf-8", "replace")) or ""


STOPLISTS = {
    "ar": "Arabic",
    "cs": "Czech",
    "da": "Danish",
    "de": "German",
    "es": "Spanish",
    "fr": "French",
    "hi": "Hindi",
    "it": "Italian",
    "ko": "Korean",
    "la": "Latin",
    "lt": "Lithuanian",
    "nb": "Norwegian_Bokmal",
    "nl": "Dutch",
    "pl": "Polish",
    "pt": "Portuguese",
    "ru": "Russian",
    "sv": "Swedish",
    "tr": "Turkish",
    "vi": "Vietnamese",
}


def by_justext(html: bytes, language: str = "en") -> str:
    """Of a language without a stop list of jusText: by lengths and links alone, as its documentation says."""
    import justext

    stoplist: frozenset[str] = frozenset()
    limits: dict[str, float] = {"stopwords_low": 0, "stopwords_high": 0}
    if language == "en" or language in STOPLISTS:
        stoplist, limits = justext.get_stoplist(STOPLISTS.get(language, "English")), {}
    try:
        found = justext.justext(html.decode("utf-8", "replace"), stoplist, **limits)
    except Exception:  # lxml gives up on some pages
        return ""
    return "\n".join(paragraph.text for paragraph in found if not paragraph.is_boilerplate)


PEERS: dict[str, Extract] = {"resiliparse": by_resiliparse, "trafilatura": by_trafilatura, "justext": by_justext}


def cross_validated(
    pages: Sequence[Example], more: Sequence[Example], folds: int, trees: int, rounds: int
) -> Iterator[tuple[int, Extraction]]:
    """The number of every page with its extraction by what was learned from pages, and from more of them, of hosts in other
    folds."""
    known = [*pages, *more]
    evidence = [label_evidence(page) for page in known]
    places = [fold_of(page.host, folds) for page in known]
    for fold in range(folds):
        chosen = [number for number, place in enumerate(places) if place != fold]
        model = learn([known[n] for n in chosen], [evidence[n] for n in chosen], trees, rounds).model
        for number, page in enumerate(pages):
            if places[number] == fold:
                yield number, Extraction(utf8(page.html), model=model)


def shares(text: str, held: Sequence[str], not_held: Sequence[str]) -> tuple[float, float]:
    """The share of snippets that a text holds, and of those it does not hold; white space is one space."""
    flat = " ".join(text.split())
    with_ = [" ".join(one.split()) in flat for one in held]
    without = [" ".join(one.split()) not in flat for one in not_held]
    return (float(np.mean(with_)) if with_ else np.nan), (float(np.mean(without)) if without else np.nan)


def print_row(name: str, pages: Sequence[Example], texts: Sequence[str]) -> None:
    scores = [word_f1(Counter(words(text)), page.wanted) for page, text in zip(pages, texts, strict=True)]
    found = [shares(text, page.with_, page.without) for page, text in zip(pages, texts, strict=True)]
    means = " ".join(f"{kind} {value:.3f}" for kind, value in by_type(pages, scores).items())
    held, absent = np.nanmean(np.array(found), axis=0)
    print(f"{name:24} {means} | with {held:.3f} without {absent:.3f}", flush=True)


def f1(options: argparse.Namespace) -> None:
    pages = examples(options.data, options.pages)
    if options.folds:
        more = gold_examples([gold for checkout in options.more for gold in read_golds(checkout)])
        found = list(cross_validated(pages, more, options.folds, options.trees, options.rounds))
        print_row("gristmill, by host", [pages[n] for n, _ in found], [extraction.text for _, extraction in found])
        right = np.mean([extraction.page_type == pages[n].page_type for n, extraction in found])
        print(f"page types right, by host: {right:.3f}")
    print_row("gristmill, shipped", pages, [by_gristmill(utf8(page.html)) for page in pages])
    for name in options.peers:
        print_row(name, pages, [PEERS[name](utf8(page.html)) for page in pages])


def speed(options: argparse.Namespace) -> None:
    pages = [utf8(html) for html in pq.read_table(options.data, columns=["html"])["html"].to_pylist()[: options.pages]]
    megabytes = sum(map(len, pages)) / 1e6
    chosen = {"gristmill": by_gristmill} | {name: PEERS[name] for name in options.peers}
    by_gristmill(pages[0])
    seconds: dict[str, list[float]] = {name: [] for name in chosen}
    for _ in range(options.rounds_of_time):
        for name, extract in chosen.items():
            started = time.perf_counter()
            for page in pages:
                extract(page)
            seconds[name].append(time.perf_counter() - started)
    for name, measured in seconds.items():
        median = statistics.median(measured)
        ratio = statistics.median(other / own for other, own in zip(measured, seconds["gristmill"], strict=True))
        print(
            f"{name:12} {1000 * median / len(pages):7.2f} ms a page {megabytes / median:7.1f} MB/s, {ratio:5.1f} times ours"
        )


def json_rows(path: Path) -> list[dict[str, Any]]:
    content = lzma.decompress(path.read_bytes()) if path.suffix == ".xz" else path.read_bytes()
    return [from_json(line) for line in content.splitlines()]


def checkout_rows(folder: Path) -> list[dict[str, Any]]:
    """The pages of trafilatura's own evaluation, in the language that each declares."""
    rows: list[dict[str, Any]] = []
    for entry in from_json((folder / "tests" / "evaldata.json").read_bytes()).values():
        found = [path for place in ("eval", "cache") if (path := folder / "tests" / place / entry["file"]).is_file()]
        raw = found[0].read_bytes()
        html = decode(raw, choose_encoding(raw, [], is_html=True))
        declared = Extraction(html.encode("utf-8", "replace")).metadata.language or ""
        rows.append(entry | {"html": html, "lang_lid176": declared[:2].lower()})
    return rows


def snippets(options: argparse.Namespace) -> None:
    rows = [row for path in options.data for row in (checkout_rows(path) if path.is_dir() else json_rows(path))]
    for name, extract in ({"gristmill": by_gristmill} | {name: PEERS[name] for name in options.peers}).items():
        found: dict[str, list[tuple[float, float]]] = {}
        for row in rows:
            pair = shares(extract(row["html"].encode("utf-8", "replace")), row["with"], row["without"])
            for group in ("all", row.get("lang_lid176") or "none"):
                found.setdefault(group, []).append(pair)
        for group, pairs in sorted(found.items()):
            held, absent = np.nanmean(np.array(pairs), axis=0)
            print(f"{name:12} {group:8} {len(pairs):4} pages: with {held:.3f} without {absent:.3f}")


def runs_of_words(text: str, length: int = 4) -> Counter[tuple[str, ...]]:
    """Runs of `length` words and how often each occurs; a shorter text is one run."""
    found = re.findall(r"\w+", text)
    return Counter(tuple(found[at : at + length]) for at in range(max(1, len(found) - length + 1)) if found)


def articles(options: argparse.Namespace) -> None:
    wanted = from_json((options.data / "ground-truth.json").read_bytes())
    pages = {key: gzip.decompress((options.data / "html" / f"{key}.html.gz").read_bytes()) for key in wanted}
    for name, extract in ({"gristmill": by_gristmill} | {name: PEERS[name] for name in options.peers}).items():
        precisions, recalls = [], []
        for key, html in pages.items():
            true, given = runs_of_words(wanted[key].get("articleBody", "")), runs_of_words(extract(utf8(html)))
            both = (true & given).total()
            if given:
                precisions.append(both / given.total())
            if true:
                recalls.append(both / true.total())
        precision, recall = float(np.mean(precisions)), float(np.mean(recalls))
        harmonic = 2 * precision * recall / (precision + recall)
        print(
            f"{name:12} {len(pages)} pages: F1 {harmonic:.3f}, precision {precision:.3f}, recall {recall:.3f}",
            flush=True,
        )


def gold_f1(text: str, gold: Gold) -> float:
    """F1 with the main text, or with its title before it where that is nearer."""
    found = Counter(words_or_pairs(text))
    wanted = Counter(words_or_pairs(gold.text))
    return max(word_f1(found, wanted), word_f1(found, wanted + Counter(words_or_pairs(gold.title))))


def languages(options: argparse.Namespace) -> None:
    golds = [gold for path in options.data for gold in read_golds(path)]
    found = languages_of(golds)
    of_many = {name for name, count in Counter(found).items() if count >= options.least}
    groups = [name if name in of_many else "others" for name in found]
    scores = {
        name: [
            gold_f1(by_justext(gold.html, language) if extract is by_justext else extract(gold.html), gold)
            for gold, language in zip(golds, found, strict=True)
        ]
        for name, extract in ({"gristmill": by_gristmill} | {name: PEERS[name] for name in options.peers}).items()
    }
    if options.from_data:
        taken = (options.folds, options.trees, options.rounds)
        others = gold_examples([gold for path in options.more for gold in read_golds(path)])
        for number, extraction in cross_validated(
            gold_examples(golds), [*examples(options.from_data), *others], *taken
        ):
            scores["gristmill"][number] = gold_f1(extraction.text, golds[number])
    print(f"{'':10} pages {' '.join(f'{name:>12}' for name in scores)}")
    for group in ("all", *sorted(set(groups), key=lambda name: (-groups.count(name), name))):
        chosen = [number for number, name in enumerate(groups) if group in ("all", name)]
        means = (float(np.mean([values[number] for number in chosen])) for values in scores.values())
        print(f"{group:10} {len(chosen):5} {' '.join(f'{mean:12.3f}' for mean in means)}")
    if options.each:
        for number, gold in enumerate(golds):
            row = " ".join(f"{values[number]:.3f}" for values in scores.values())
            print(f"{found[number]:8} {gold.name:50} {row}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    for name, run in (
        ("f1", f1),
        ("speed", speed),
        ("snippets", snippets),
        ("articles", articles),
        ("languages", languages),
    ):
        command = commands.add_parser(name)
        command.set_defaults(run=run)
        command.add_argument("data", type=Path, nargs="+" if name in ("snippets", "languages") else None)
        command.add_argument("--peers", nargs="*", choices=PEERS, default=list(PEERS))
        command.add_argument("--pages", type=int, default=200 if name == "speed" else None)
        command.add_argument("--folds", type=int, default=5, help="0: only the shipped tables")
        command.add_argument("--trees", type=int, default=400)
        command.add_argument("--rounds", type=int, default=25)
        command.add_argument("--rounds-of-time", type=int, default=5)
        command.add_argument("--least", type=int, default=1, help="pages of a language that has a line of its own")
        command.add_argument(
            "--more", type=Path, nargs="*", default=[], help="checkouts whose pages are learned from too"
        )
        command.add_argument("--data", type=Path, dest="from_data", help="WCXB, to learn from for pages of other hosts")
        command.add_argument("--each", action="store_true", help="also a line for each page")
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
