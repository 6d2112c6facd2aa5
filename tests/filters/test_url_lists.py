"""Lists of domains, addresses and words in the forms in which they are published; lines that could never match."""

import gzip
from pathlib import Path

import pyarrow as pa
import pytest
from gristmill.filters.registry import family
from gristmill.filters.url import measure
from gristmill.filters.url_lists import url_key
from gristmill.schemas.errors import InputError


def row_of(folder: Path, kind: str, content: str, url: str) -> dict:
    path = folder / "list.txt"
    path.write_bytes(content.encode())
    family("url_rules").check_options({kind: str(path)})
    batch = pa.record_batch({"url": pa.array([url], pa.large_string())})
    return measure(batch, {kind: str(path)}).to_pylist()[0]


@pytest.mark.parametrize(
    "line",
    [
        "bad-site.com",
        "\ufeffbad-site.com",
        "BAD-site.com.",
        "||bad-site.com^",
        "||bad-site.com^$third-party",
        "||bad-site.com^$all,important",
        "0.0.0.0 bad-site.com",
        "127.0.0.1\tother.org bad-site.com   # both",
        ":: bad-site.com",
        "http://bad-site.com/",
        "https://bad-site.com",
        "//bad-site.com",
        "www.bad-site.com",
        "http://www.bad-site.com:8080/",
        "*.bad-site.com",
        ".bad-site.com",
        "bad-site.com # a reason",
        "address=/bad-site.com/0.0.0.0",
        "! Title: a list\n[Adblock Plus 2.0]\n127.0.0.1 localhost\n::1 ip6-localhost\n0.0.0.0 0.0.0.0\n||bad-site.com^",
        "first.org\r\nbad-site.com\r\n",
        "first.org\rbad-site.com\r",
    ],
)
def test_lines_that_name_a_domain(tmp_path: Path, line: str) -> None:
    for url in ("https://bad-site.com/a", "http://www.bad-site.com/", "https://sub.bad-site.com/x?y"):
        assert row_of(tmp_path, "domains", line, url)["url_blocked_domain"], url
    assert not row_of(tmp_path, "domains", line, "https://good-site.com/bad-site.com")["url_blocked_domain"]


@pytest.mark.parametrize(
    "line", ["müller-laden.de", "xn--mller-laden-thb.de", "||MÜLLER-laden.de^", "https://www.müller-laden.de/"]
)
@pytest.mark.parametrize("host", ["müller-laden.de", "xn--mller-laden-thb.de", "www.Müller-Laden.de"])
def test_international_names_in_either_spelling(tmp_path: Path, line: str, host: str) -> None:
    assert row_of(tmp_path, "domains", line, f"https://{host}/x")["url_blocked_domain"]


@pytest.mark.parametrize(
    "line",
    [
        "@@||good.org^",
        "good.org##.banner",
        "/banner[0-9]+/",
        "|https://good.org|",
        "||good.org/path^",
        "||good.org^$domain=x.com",
        "||ads.*^",
        "good.org/path",
        "https://good.org/path",
        "two words",
        "x" * 300 + "..com",
        "good.org CNAME .",
        'local-zone: "good.org" always_nxdomain',
        "a,b.com,malware",
    ],
)
def test_a_line_that_names_no_domain_is_refused_with_its_number(tmp_path: Path, line: str) -> None:
    with pytest.raises(InputError, match=r"list\.txt:3: found .*a line for the list `domains`.*correct or remove"):
        row_of(tmp_path, "domains", f"# a list\nfine.org\n{line}\n", "https://good.org/")


def test_hosts_of_hosts_files_that_are_this_machine_block_nothing(tmp_path: Path) -> None:
    content = "127.0.0.1 localhost\n255.255.255.255 broadcasthost\nfe80::1%lo0 localhost\n0.0.0.0 bad.com\n"
    assert not row_of(tmp_path, "domains", content, "http://localhost/")["url_blocked_host"]
    assert row_of(tmp_path, "domains", content, "http://bad.com/")["url_blocked_host"]


@pytest.mark.parametrize(
    "line",
    [
        "https://good.org/one/bad",
        "good.org/one/bad",
        "\ufeffhttp://www.good.org/one/bad/",
        "HTTP://GOOD.org:80/one/BAD#top",
    ],
)
@pytest.mark.parametrize("url", ["https://good.org/one/bad", "http://www.good.org/one/bad/", "good.org/one/bad#x"])
def test_addresses_in_any_spelling(tmp_path: Path, line: str, url: str) -> None:
    assert row_of(tmp_path, "urls", line, url)["url_blocked_url"]
    assert not row_of(tmp_path, "urls", line, f"{url.partition('#')[0].rstrip('/')}ly")["url_blocked_url"]


def test_addresses_that_differ_stay_different() -> None:
    assert url_key("http://a.org/?q=1") != url_key("http://a.org/?q=2")
    assert url_key("http://a.org:8080/") != url_key("http://a.org/")
    assert url_key("https://a.org/ü") == url_key("https://a.org/%C3%BC")


@pytest.mark.parametrize(
    ("kind", "line"),
    [("urls", "||good.org^"), ("urls", "two words"), ("hard_words", "müll"), ("subwords", "--"), ("soft_words", "賭")],
)
def test_other_lines_that_could_never_match_are_refused(tmp_path: Path, kind: str, line: str) -> None:
    with pytest.raises(InputError, match=rf"list\.txt:1: .*list `{kind}`"):
        row_of(tmp_path, kind, line, "https://good.org/")


def test_a_mark_does_not_cost_the_first_word(tmp_path: Path) -> None:
    assert row_of(tmp_path, "hard_words", "\ufeffcasino\n", "https://good.org/casino")["url_hard_words"] == 1


def test_the_datatrove_rule_takes_lines_as_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "list.gz"
    path.write_bytes(gzip.compress("\ufeffbad.com\n||x.com^\n".encode()))
    options = {"domains": str(path), "case_rule": "datatrove"}
    family("url_rules").check_options(options)
    batch = pa.record_batch({"url": pa.array(["http://bad.com/", "http://x.com/"], pa.large_string())})
    assert [row["url_blocked_domain"] for row in measure(batch, options).to_pylist()] == [True, False]
