"""Stack Exchange dumps as documents, conversations, pairs and prompts; their licences; damage and bombs."""

import gzip
import json
from pathlib import Path
from xml.sax.saxutils import quoteattr

import py7zr
import pytest
from gristmill.filters.threads.licences import licence_of
from gristmill.pipelines.sources.forms.question_answers import pm_score
from gristmill.pipelines.sources.readers import grouping
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pipelines.sources.readers.reading import Reading, read_source

HEAD = '\ufeff<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE posts SYSTEM \'posts.dtd\'>\n<posts>\n'
SITE = "mills.stackexchange.com"


def post(number: int, kind: int, body: str, **more: object) -> str:
    fields = {
        "Id": number,
        "PostTypeId": kind,
        "CreationDate": "2015-01-02T03:04:05.6",
        "Score": 1,
        "Body": body,
        **more,
    }
    return "  <row " + " ".join(f"{name}={quoteattr(str(value))}" for name, value in fields.items()) + " />\r\n"


POSTS = [
    post(
        1,
        1,
        "<p>Why <b>round</b>?</p>",
        Title="Stones",
        Tags="<stone><wheel>",
        AcceptedAnswerId=4,
        OwnerUserId=7,
        Score=5,
    ),
    post(2, 2, "<p>Because.</p>", ParentId=1, Score=9, OwnerDisplayName="miller"),
    post(3, 2, "<pre><code>if a &lt; b:\n    turn()\n</code></pre>", ParentId=1, Score=-2),
    post(10, 1, "<p>Unanswered.</p>", Title="Wind", Tags="|wind|"),
    post(5, 4, "<p>A wiki.</p>"),
    post(
        4, 2, "<p>They <a href='https://e.org/x'>turn</a>.</p>", ParentId=1, Score=0, CreationDate="2019-01-01T00:00:00"
    ),
    post(6, 2, "<p>Orphan.</p>", ParentId=99),
]


def dump(*posts: str, end: str = "</posts>") -> str:
    return HEAD + "".join(posts) + end


def read(path: Path, **options: object) -> Reading:
    return read_source(path, format="stackexchange", **options)  # type: ignore[arg-type]


def archive(folder: Path, text: str = dump(*POSTS), name: str = f"{SITE}.7z") -> Path:
    path = folder / name
    with py7zr.SevenZipFile(path, "w") as packed:
        packed.writestr("<badges></badges>", "Badges.xml")
        packed.writestr(text, "Posts.xml")
    return path


def test_documents(tmp_path: Path) -> None:
    reading = read(archive(tmp_path))
    rows = {row["location"].partition("#")[2]: row for row in reading.rows}
    assert rows["1"]["text"] == (
        "# Stones\n\nWhy round?\n\n## Answer\n\nThey [turn](https://e.org/x).\n\n## Answer\n\nBecause.\n\n"
        "## Answer\n\n```\nif a < b:\n    turn()\n```"
    )
    assert rows["10"]["text"] == "# Wind\n\nUnanswered."
    assert rows["1"]["url"] == f"https://{SITE}/q/1"
    assert rows["1"]["timestamp"] == "2015-01-02T03:04:05.600000Z"
    notes = json.loads(rows["1"]["metadata"])
    assert notes["tags"] == ["stone", "wheel"]
    assert notes["licenses"] == ["CC BY-SA 3.0", "CC BY-SA 4.0"]
    assert notes["author"] == f"https://{SITE}/users/7"
    assert [(one["id"], one["score"], one["is_accepted"]) for one in notes["answers"]] == [
        ("4", 0, True),
        ("2", 9, False),
        ("3", -2, False),
    ]
    assert notes["answers"][1]["author"] == "miller"
    assert notes["answers"][0]["url"] == f"https://{SITE}/a/4"
    assert reading.skipped == {"joined": 3, "post_tag_wiki_excerpt": 1, "answer_without_question": 1}


@pytest.mark.parametrize("name", ["Posts.xml", "posts.xml.gz", f"{SITE}-Posts.7z"])
def test_every_packing_gives_the_same_texts(tmp_path: Path, name: str) -> None:
    folder = tmp_path / SITE
    folder.mkdir()
    if name.endswith(".7z"):
        archive(folder, name=name)
    else:
        (folder / name).write_bytes(
            gzip.compress(dump(*POSTS).encode()) if name.endswith(".gz") else dump(*POSTS).encode()
        )
    for other in ("Users.xml", "Badges.xml", f"{SITE}-Users.7z", "readme.txt"):
        (folder / other).write_text("<users></users>")
    reading = read(tmp_path)
    assert len(reading.tallies) == 1
    assert reading.errors == []
    assert {row["url"] for row in reading.rows} == {f"https://{SITE}/q/1", f"https://{SITE}/q/10"}


def test_conversations_pairs_and_prompts(tmp_path: Path) -> None:
    path = archive(tmp_path)
    (conversation,) = read(path, rows="conversation").rows
    assert [piece["label"] for piece in conversation["pieces"]] == ["user", "assistant"]
    assert conversation["text"] == "Stones\n\nWhy round?\n\nThey [turn](https://e.org/x)."
    assert json.loads(conversation["fields"])["messages"][1]["license"] == "CC BY-SA 4.0"
    assert read(path, rows="conversation").skipped["unanswered"] == 1
    pairs = read(path, rows="pair", pairs={"choose": "all"}).rows
    chosen = {(json.loads(row["fields"])["id_chosen"], json.loads(row["fields"])["id_rejected"]) for row in pairs}
    assert chosen == {("2", "4"), ("2", "3"), ("4", "3")}
    near = read(path, rows="pair", pairs={"choose": "all", "score": "votes", "min_margin": 9})
    assert [json.loads(row["fields"])["score_chosen"] for row in near.rows] == [9.0, 9.0]
    assert near.skipped["below_min_margin"] == 1
    assert len(read(path, rows="prompt").rows) == 2


def test_scores_of_preference_models() -> None:
    assert [
        pm_score(votes, accepted) for votes, accepted in ((-5, False), (-5, True), (0, False), (3, True), (9, False))
    ] == [
        -1,
        0,
        0,
        3,
        3,
    ]


@pytest.mark.parametrize(
    ("moment", "said", "licence"),
    [
        ("2011-04-07T23:59:59", None, "CC BY-SA 2.5"),
        ("2011-04-08T00:00:00", None, "CC BY-SA 3.0"),
        ("2018-05-01T23:59:59", None, "CC BY-SA 3.0"),
        ("2018-05-02T00:00:00", None, "CC BY-SA 4.0"),
        ("2009-01-01T00:00:00", "CC BY-SA 4.0", "CC BY-SA 4.0"),
        (None, None, None),
    ],
)
def test_licences(moment: str | None, said: str | None, licence: str | None) -> None:
    assert licence_of(moment, said) == licence


def test_damage_is_named_and_costs_itself(tmp_path: Path) -> None:
    path = tmp_path / "Posts.xml"
    bad = [
        '  <row Id="20" PostTypeId="1" Body="&bomb;" />\n',
        '  <row Id="21" PostTypeId="1" Body="no end />\n',
        '  <row PostTypeId="1" Body="no id" />\n',
        '  <row Id="22" PostTypeId="2" Body="no parent" />\n',
        post(23, 1, "x" * 3000, Title="Long"),
        post(1, 1, "<p>Again.</p>", Title="The same Id"),
    ]
    path.write_text('<!DOCTYPE x [<!ENTITY bomb "bang">]>' + dump(*POSTS, *bad))
    reading = read(path, max_document_bytes=2000)
    assert sorted(reading.reasons) == [
        *("incomplete_post", "incomplete_post", "invalid_xml", "invalid_xml", "repeated_id", "too_large")
    ]
    assert len(reading.texts) == 2
    assert reading.errors == []
    path.write_text(dump(*POSTS, end=POSTS[0][:60]))
    assert "cut" in read(path).errors[0]
    path.write_text("<users><row Id='1' /></users>")
    assert "its rows stand in users" in read(path).errors[0]
    locked = archive(tmp_path)
    locked.write_bytes(locked.read_bytes()[:-20])
    assert "7z archive" in read(locked).errors[0]


def test_rows_without_line_ends_and_with_end_tags(tmp_path: Path) -> None:
    path = tmp_path / "Posts.xml"
    text = dump(*POSTS).replace("\r\n", "").replace(" />", "></row>")
    path.write_text(text)
    assert len(read(path).texts) == 2


def test_a_bomb_ends_where_it_is_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gristmill.pipelines.sources.readers import seven_zip

    monkeypatch.setattr(seven_zip, "MAX_FREE_BYTES", 1 << 20)
    monkeypatch.setattr(seven_zip, "MAX_RATIO", 10)
    path = archive(tmp_path, dump(post(1, 1, "a" * (8 << 20), Title="Bomb")))
    reading = read(path)
    assert reading.texts == []
    assert "too much for its size" in reading.errors[0]


@settings(max_examples=12)
@given(st.lists(st.tuples(st.text(max_size=3), st.binary(max_size=40)), max_size=60), st.integers(1, 3000))
def test_groups_are_the_same_in_memory_and_on_disk(records: list[tuple[str, bytes]], limit: int) -> None:
    def groups(memory_bytes: int) -> list[tuple[str, list[bytes]]]:
        with grouping.Grouping(memory_bytes) as found:
            for key, record in records:
                found.add(key, record)
            return list(found.groups())

    together: dict[str, list[bytes]] = {}
    for key, record in records:
        together.setdefault(key, []).append(record)
    assert groups(limit) == groups(1 << 30)
    assert dict(groups(limit)) == together
