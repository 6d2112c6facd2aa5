"""Which charset a page is in: the grid of charsets and ways of (mis)declaring them, and what deciding costs.

    python benchmarks/encodings.py            # the grid of the tests, with more pages
    python benchmarks/encodings.py --speed    # microseconds a page of 20 kB

Right means that every character of the page is read right. "Told right" are the ways in which a browser reads the page
right: HTTP names the charset, or <meta> does and HTTP is silent. chardetng alone is what Firefox says without any of them.
"""

import sys
import time
from collections import defaultdict
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent))

from chardetng_py import EncodingDetector
from gristmill.filters.encoding.decode import decode
from gristmill.filters.encoding.evidence import choose_encoding
from gristmill.filters.encoding.labels import encoding_of

from tests.filters.encoding.encoded_pages import CHARSETS, WAYS, pages

SENTENCES = (1, 2, 4, 8)
SEEDS = range(6)


def grid() -> None:
    """Print the share read right by charset and way."""
    counts: dict[tuple[str, tuple[str, str]], list[int]] = defaultdict(lambda: [0, 0])
    told, alone = [0, 0], [0, 0]
    for charset in CHARSETS:
        for sentences in SENTENCES:
            for seed in SEEDS:
                for page in pages(charset, sentences, seed):
                    right = decode(page.raw, choose_encoding(page.raw, [page.declared], is_html=True)) == page.text
                    for count in (counts[charset.label, page.way], *([told] if page.browser_is_told_right else [])):
                        count[0] += right
                        count[1] += 1
                    if page.way == ("nothing", "nothing") and not charset.label.startswith("utf"):
                        alone[0] += decode(page.raw, _chardetng(page.raw)) == page.text
                        alone[1] += 1
    names = ["+".join(part[:5] for part in way) for way in WAYS]
    print("HTTP+meta    ", *(f"{name:>11}" for name in names))
    for charset in CHARSETS:
        shares = [counts[charset.label, way] for way in WAYS]
        print(f"{charset.label:13}", *(f"{right / total:11.3f}" for right, total in shares))
    sums = [[sum(counts[c.label, way][k] for c in CHARSETS) for k in (0, 1)] for way in WAYS]
    print(f"{'all':13}", *(f"{right / total:11.3f}" for right, total in sums))
    print(f"told right: {told[0] / told[1]:.4f} of {told[1]:,} pages; all: {_share(sums):.4f}")
    print(f"nothing declared, not UTF: chardetng alone {alone[0] / alone[1]:.4f} of {alone[1]:,} pages")


def _share(sums: list[list[int]]) -> float:
    return sum(right for right, _ in sums) / sum(total for _, total in sums)


def _chardetng(raw: bytes) -> str:
    detector = EncodingDetector()
    detector.feed(raw, last=True)
    return encoding_of(detector.guess(tld=None, allow_utf8=False)) or "windows-1252"


def speed() -> None:
    """Print the cost of deciding for pages of one size."""
    for label in ("utf-8", "windows-1252", "windows-1251", "gb2312", "shift_jis"):
        charset = next(one for one in CHARSETS if one.label == label)
        for way in (WAYS[0], ("nothing", "nothing")):
            page = next(one for one in pages(charset, 200) if one.way == way)
            raw = page.raw[: 20_000 // len(page.text) * len(page.text)] or page.raw
            started = time.perf_counter()
            for _ in range(20):
                choose_encoding(raw, [page.declared], is_html=True)
            micro = (time.perf_counter() - started) / 20 * 1e6
            print(f"{label:13} HTTP {way[0]:8} {len(raw):>7,} bytes {micro:>8,.0f} us, {len(raw) / micro:,.0f} MB/s")


if __name__ == "__main__":
    speed() if "--speed" in sys.argv else grid()
