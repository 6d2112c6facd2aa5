"""URL rules: hosts and domains, block lists, word lists, and parity with datatrove's URLFilter."""

import gzip
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from gristmill.filters.profiles import profile
from gristmill.filters.registry import family
from gristmill.filters.url import host_of, measure, registered_domain
from gristmill.schemas.errors import InputError, RecipeError
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.generated import examples

LISTS = {
    "domains": "# a comment\nbad.example\nspam.co.uk\n\nmirror.good.org\nUPPER.net\n",
    "urls": "https://good.org/one/bad?page=1\nhttp://good.org/Mixed\n",
    "hard_words": "Gamble\ncas-ino\n",
    "soft_words": "free\nwin\nprize\n",
    "subwords": "pillshop\nbuy-now\n",
}


@pytest.fixture(scope="session")
def lists(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("lists")
    paths = {}
    for name, text in LISTS.items():
        path = folder / f"{name}.txt"
        path.write_text(text)
        paths[name] = str(path)
    return paths


def signals(urls: list[str | None], options: Mapping[str, Any]) -> list[dict]:
    return measure(pa.record_batch({"url": pa.array(urls, pa.large_string())}), options).to_pylist()


@pytest.mark.parametrize(
    ("url", "host", "domain"),
    [
        ("https://www.example.com/a/b?c#d", "www.example.com", "example.com"),
        ("http://user:secret@Shop.Example.co.uk:8080/", "Shop.Example.co.uk", "example.co.uk"),
        ("example.org", "example.org", "example.org"),
        ("example.org?q=http://other.com", "example.org", "example.org"),
        ("//cdn.example.net/x.js", "cdn.example.net", "example.net"),
        ("http://a.github.io/", "a.github.io", "github.io"),
        ("http://münchen.example.de./x", "münchen.example.de", "example.de"),
        ("http://192.168.0.1:80/", "192.168.0.1", None),
        ("http://[2001:db8::1]:80/", "[2001:db8::1]", None),
        ("http://localhost/", "localhost", None),
        ("http://co.uk/", "co.uk", None),
        ("http:///nothing", "", None),
        ("\x00", "\x00", None),
    ],
)
def test_host_and_registered_domain(url: str, host: str, domain: str | None) -> None:
    assert host_of(url) == host
    assert registered_domain(host) == domain


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://bad.example/", {"url_blocked_domain": False, "url_blocked_host": True}),
        ("https://www.spam.co.uk/", {"url_blocked_domain": True, "url_blocked_host": False}),
        ("https://spam.co.uk/", {"url_blocked_domain": True, "url_blocked_host": True}),
        ("https://mirror.good.org/", {"url_blocked_domain": False, "url_blocked_host": True}),
        ("https://x.mirror.good.org/", {"url_blocked_domain": False, "url_blocked_host": False}),
        ("https://WWW.Upper.NET/", {"url_blocked_domain": True}),
        ("HTTPS://GOOD.ORG/ONE/BAD?page=1", {"url_blocked_url": True}),
        ("https://good.org/one/bad?page=2", {"url_blocked_url": False}),
        ("https://good.org/GAMBLE/casino", {"url_hard_words": 2}),
        ("https://good.org/gambler/cas-ino", {"url_hard_words": 0}),
        ("https://free.org/free/free", {"url_soft_words": 1}),
        ("https://good.org/Win_a-PRIZE", {"url_soft_words": 2}),
        ("https://good.org/p.i.l.l.s/hop", {"url_subwords": 1}),
        ("https://good.org/cheappillshops/BuyNow", {"url_subwords": 2}),
    ],
)
def test_rules_with_lower_case(url: str, found: dict, lists: dict) -> None:
    row = signals([url], lists)[0]
    assert {name: row[name] for name in found} == found


def test_datatrove_case_rule_keeps_the_case_of_the_url(lists: dict) -> None:
    url = "https://www.upper.net/GAMBLE/Free/win/PILLSHOP"
    assert signals([url], lists)[0] == {
        "url_domain": "upper.net",
        "url_blocked_domain": True,
        "url_blocked_host": False,
        "url_blocked_url": False,
        "url_hard_words": 1,
        "url_soft_words": 2,
        "url_subwords": 1,
    }
    row = signals([url], {**lists, "case_rule": "datatrove"})[0]
    assert (row["url_blocked_domain"], row["url_hard_words"], row["url_soft_words"]) == (False, 0, 1)
    assert row["url_subwords"] == 1


def test_missing_urls_and_lists_are_null(lists: dict) -> None:
    for row in signals([None, ""], lists):
        assert set(row.values()) == {None}
    row = signals(["https://a.example.com/free"], {"soft_words": lists["soft_words"]})[0]
    assert (row.pop("url_domain"), row.pop("url_soft_words")) == ("example.com", 1)
    assert set(row.values()) == {None}
    assert measure(pa.record_batch({"url": pa.array([], pa.large_string())}), lists).num_rows == 0


def test_lists_may_be_gzip_and_several(tmp_path: Path, lists: dict) -> None:
    packed = tmp_path / "more.gz"
    packed.write_bytes(gzip.compress(b"second.com\n"))
    both = {"domains": [lists["domains"], str(packed)]}
    assert [row["url_blocked_domain"] for row in signals(["second.com", "a.spam.co.uk", "c.com"], both)] == [
        True,
        True,
        False,
    ]


def test_bad_options_are_errors_before_anything_runs(tmp_path: Path) -> None:
    chosen = family("url_rules")
    with pytest.raises(InputError, match="hard_words"):
        chosen.check_options({"hard_words": str(tmp_path / "missing.txt")})
    with pytest.raises(RecipeError, match="datatrove"):
        chosen.check_options({"case_rule": "upper"})
    with pytest.raises(RecipeError, match="unknown key `bad_words`; did you mean `hard_words`"):
        chosen.check_options({"bad_words": "x"})
    binary = tmp_path / "binary.gz"
    binary.write_bytes(b"\x1f\x8bno gzip at all")
    with pytest.raises(InputError, match="unreadable"):
        chosen.check_options({"urls": str(binary)})
    chosen.check_options({})


def kept(row: dict) -> bool:
    """The profile by hand: null keeps."""
    flags = row["url_blocked_domain"], row["url_blocked_host"], row["url_blocked_url"]
    return not any(flags) and row["url_hard_words"] < 1 and row["url_soft_words"] < 2 and row["url_subwords"] < 1


def test_profile_names_the_signals_of_the_family() -> None:
    rules = profile("url_blocklist").rules
    assert {rule.signal for rule in rules} == {s.name for s in family("url_rules").signals} - {"url_domain"}


HOSTS = st.sampled_from(
    [
        "good.org",
        "mirror.good.org",
        "a.mirror.good.org",
        "spam.co.uk",
        "w.spam.co.uk",
        "Spam.co.uk",
        "bad.example",
        "UPPER.net",
        "upper.net",
        "w.UPPER.net",
        "10.0.0.1",
        "localhost",
        "free.com",
        "me:pw@spam.co.uk:80",
        "co.uk",
        "a.github.io",
    ]
)
PART = st.sampled_from(
    [
        "gamble",
        "GAMBLE",
        "Gamble",
        "casino",
        "free",
        "Free",
        "win",
        "prize",
        "pill",
        "shop",
        "PillShop",
        "buynow",
        "x",
        "é",
        "ſ",
        "\u212a",
        "1",
        "one",
        "bad?page=1",
        "Mixed",
        "buy%20now",
    ]
)


@pytest.fixture(scope="session")
def oracle() -> Any:
    from datatrove.pipeline.filters import URLFilter
    from tldextract import TLDExtract

    made = {
        "extra_domains": LISTS["domains"],
        "extra_urls": LISTS["urls"],
        "banned_words": LISTS["hard_words"],
        "soft_banned_words": LISTS["soft_words"],
        "banned_subwords": LISTS["subwords"],
    }
    filter_ = URLFilter(
        use_integrated_lists=False, **{k: [line for line in v.split("\n") if line] for k, v in made.items()}
    )
    filter_.tldextractor = TLDExtract(suffix_list_urls=(), cache_dir=None)  # its own snapshot, no network
    return filter_


@pytest.mark.filterwarnings("ignore:The 'registered_domain' property:DeprecationWarning")
@settings(max_examples=examples(300))
@given(
    st.sampled_from(["http://", "https://", "HTTP://", "", "//"]),
    HOSTS,
    st.lists(st.tuples(st.sampled_from("/-_.?"), PART), max_size=4),
)
def test_parity_with_datatrove(oracle: Any, lists: dict, scheme: str, host: str, parts: list) -> None:
    from datatrove.data import Document

    url = scheme + host + "/" + "".join(separator + part for separator, part in parts)
    answer = oracle.filter(Document(text="", id="0", metadata={"url": url}))
    row = signals([url], {**lists, "case_rule": "datatrove"})[0]
    assert kept(row) == (answer is True), (url, answer, row)
