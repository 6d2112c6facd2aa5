"""What notes of web pages say as signals."""

import json
from typing import Any

import pyarrow as pa
import pytest
from gristmill.filters.html.page_signals import FAMILY, creative_commons, measure


def measured(text: str | None, metadata: Any) -> dict[str, Any]:
    noted = metadata if metadata is None or isinstance(metadata, str) else json.dumps(metadata)
    batch = pa.record_batch(
        {"text": pa.array([text], pa.large_string()), "metadata": pa.array([noted], pa.large_string())}
    )
    found: dict[str, Any] = measure(batch, {}).to_pylist()[0]
    assert list(found) == [signal.name for signal in FAMILY.signals]
    return found


def test_a_page() -> None:
    page = {"type": "forum", "shown_bytes": 8, "licence_url": "//creativecommons.org/publicdomain/zero/1.0/"}
    row = measured("näh", {"page": page, "opt_out": {"meta_robots": "robots: noindex, max-snippet: 5; robots: NoAI"}})
    assert row == {
        "page_type": "forum",
        "page_taken_fraction": 0.5,
        "page_licence_url": "//creativecommons.org/publicdomain/zero/1.0/",
        "page_licence": "CC0-1.0",
        "robots_directives": "noai, noindex",
        "opted_out_of_ai": True,
        "opted_out_of_index": True,
    }


@pytest.mark.parametrize("metadata", [None, "no json", "[1]", {}, {"page": 7}, {"page": {"type": 5}, "opt_out": "x"}])
def test_documents_that_are_no_pages(metadata: Any) -> None:
    row = measured("text", metadata)
    assert row.pop("opted_out_of_ai") is row.pop("opted_out_of_index") is False
    assert set(row.values()) == {None}


@pytest.mark.parametrize(
    ("opt_out", "directives", "ai", "index"),
    [
        ({"tdm-reservation": "1"}, "tdm-reservation", True, False),
        ({"tdm-reservation": "0", "tdm-policy": "https://a.example/p"}, None, False, False),
        ({"meta_robots": "tdm-reservation: 1"}, "tdm-reservation", True, False),
        ({"x-robots-tag": "noai, noimageai"}, "noai, noimageai", True, False),
        ({"x-robots-tag": "googlebot: none"}, "none", False, True),
        ({"x-robots-tag": "noimageai"}, "noimageai", False, False),
        ({"meta_robots": "robots: index, follow"}, "follow, index", False, False),
        ({"meta_robots": "robots: max-image-preview:large"}, None, False, False),
        ({"x-robots-tag": "unavailable_after: 25 Jun 2030 15:00:00 PST, noindex"}, "noindex", False, True),
    ],
)
def test_what_robots_are_asked(opt_out: dict[str, str], directives: str | None, ai: bool, index: bool) -> None:
    row = measured("text", {"opt_out": opt_out})
    assert (row["robots_directives"], row["opted_out_of_ai"], row["opted_out_of_index"]) == (directives, ai, index)


@pytest.mark.parametrize(
    ("url", "licence"),
    [
        ("https://creativecommons.org/licenses/by/4.0/", "CC-BY-4.0"),
        ("http://www.creativecommons.org/licenses/by-nc-nd/2.5/es/", "CC-BY-NC-ND-2.5"),
        ("https://creativecommons.org/publicdomain/mark/1.0/deed", "CC-PDM-1.0"),
        ("https://creativecommons.org/licenses/", None),
        ("https://evil.example/creativecommons.org/licenses/by/4.0/", None),
        ("https://opensource.org/licenses/MIT", None),
    ],
)
def test_licences_of_creative_commons(url: str, licence: str | None) -> None:
    assert creative_commons(url) == licence
