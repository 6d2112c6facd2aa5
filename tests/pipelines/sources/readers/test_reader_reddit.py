"""Reddit-like dumps as threads: documents, conversations, pairs; what says nothing; orphans, circles, damage."""

import json
from pathlib import Path
from typing import Any

import pytest
import zstandard
from gristmill.filters.threads.discussion import Post, in_reading_order, post_id, roots_of, why_left_out
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.generated import examples
from tests.pipelines.sources.readers.reading import Reading, read_source


def comment(
    own: str, body: str, parent: Any = None, score: int = 1, link: str = "t3_s1", **more: Any
) -> dict[str, Any]:
    fixed = {"id": own, "body": body, "parent_id": parent, "link_id": link, "score": score, "author": "user_1"}
    return {**fixed, "created_utc": 1629990761, "subreddit": "mills", **more}


def submission(own: str, title: str, text: str = "", **more: Any) -> dict[str, Any]:
    fixed = {"id": own, "title": title, "selftext": text, "score": 5, "author": "user_2", "created_utc": "1629990653"}
    return {
        **fixed,
        "subreddit": "mills",
        "is_self": True,
        "permalink": f"/r/mills/comments/{own}/x/",
        "url": "u",
        **more,
    }


SUBMISSIONS = [
    submission("s1", "Why round?", "Tell me &gt; all."),
    submission("s2", "A link", is_self=False, url="https://e.org"),
]
COMMENTS = [
    comment("c1", "Because.", "t3_s1", 3),
    comment("c2", "It turns.", None, 9),
    comment("c3", "How?\n\nReally?", "t1_c2", 1),
    comment("c4", "[removed]", "t1_c2", 7),
    comment("c5", "To what was removed.", "t1_c4", 2),
    comment("c6", "With wind.", int("c3", 36), 4),
    comment("c7", "I am a bot, and this action was performed automatically.", "t3_s1", author="AutoModerator"),
    comment("c8", "[deleted]", "t3_s1"),
    comment("c1", "Because.", "t3_s1", 3),
    comment("d1", "Of another thread.", "t1_gone", link="t3_s9"),
    comment("d2", "Yes.", "t1_d1", link="t3_s9"),
]


def write(path: Path, records: list[dict[str, Any]]) -> Path:
    data = "".join(json.dumps(record) + "\n" for record in records).encode()
    if path.suffix == ".zst":
        window = zstandard.ZstdCompressionParameters.from_level(3, window_log=31, enable_ldm=True)
        compressor = zstandard.ZstdCompressor(
            compression_params=window
        ).compressobj()  # of no known size, as streams are
        data = compressor.compress(data) + compressor.flush()
    path.write_bytes(data)
    return path


def dumps(folder: Path, names: tuple[str, str] = ("RS_2021-08.jsonl", "RC_2021-08.jsonl")) -> Path:
    write(folder / names[0], SUBMISSIONS)
    write(folder / names[1], COMMENTS)
    return folder


def read(path: Path, **options: object) -> Reading:
    return read_source(path, format="reddit", **options)  # type: ignore[arg-type]


def test_threads_as_documents(tmp_path: Path) -> None:
    reading = read(dumps(tmp_path))
    rows = {row["url"]: row for row in reading.rows}
    first = rows["https://www.reddit.com/r/mills/comments/s1/x/"]
    assert first["text"] == (
        "# Why round?\n\nTell me > all.\n\n- It turns.\n  - How?\n\n    Really?\n    - With wind.\n- Because.\n"
        "- To what was removed."
    )
    assert first["timestamp"] == "2021-08-26T15:10:53Z"
    notes = json.loads(first["metadata"])
    assert notes == {"title": "Why round?", "subreddit": "mills", "score": 5, "comments": 5, "has_submission": True}
    assert rows["https://www.reddit.com/r/mills/comments/s2/x/"]["text"] == "# A link"
    assert rows["https://www.reddit.com/comments/s9/"]["text"] == "- Of another thread.\n  - Yes."
    assert reading.skipped == {"joined": 6, "removed": 1, "deleted": 1, "bot": 1, "repeated_id": 1}
    assert "user_" not in str(reading.rows)


@pytest.mark.parametrize(
    "names", [("RS_2021-08.zst", "RC_2021-08.zst"), ("x_submissions.zst", "x_comments.zst"), ("a.jsonl", "b.jsonl")]
)
def test_files_that_belong_together(tmp_path: Path, names: tuple[str, str]) -> None:
    texts = read(dumps(tmp_path, names)).texts
    assert len(texts) == (3 if names[0] != "a.jsonl" else 4)  # files of other names are read each by itself
    alone = read(tmp_path / names[1]).texts
    assert not any(text.startswith("#") for text in alone)
    assert len(alone) == 2
    assert len(read(tmp_path / names[0]).texts) == 2


def test_conversations_and_pairs(tmp_path: Path) -> None:
    dumps(tmp_path)
    reading = read(tmp_path, rows="conversation")
    turns = {tuple(row["text"][piece["start"] : piece["end"]] for piece in row["pieces"]) for row in reading.rows}
    question = "Why round?\n\nTell me > all."
    assert turns == {
        (question, "Because."),
        (question, "It turns.", "How?\n\nReally?", "With wind."),
        ("Of another thread.", "Yes."),
    }
    assert all([piece["label"] for piece in row["pieces"]][:2] == ["user", "assistant"] for row in reading.rows)
    assert reading.skipped["unanswered"] == 1
    (pair,) = read(tmp_path, rows="pair").rows
    assert json.loads(pair["fields"])["score_chosen"] == 9
    assert read(tmp_path, rows="pair", pairs={"min_margin": 7}).skipped["below_min_margin"] == 1
    prompts = read(tmp_path, rows="prompt")
    assert sorted(prompts.texts) == ["A link", question]
    assert prompts.skipped["no_submission"] == 1
    assert read(tmp_path, threads={"min_score": 3}).skipped["below_min_score"] == 4


def test_damage_costs_itself(tmp_path: Path) -> None:
    path = tmp_path / "RC_x.jsonl"
    good = json.dumps(COMMENTS[0]).encode()
    path.write_bytes(
        b"\n".join(
            [good, b"{broken", b"[1]", b'{"id": "x"}', b"", b'{"body": 5}', b'{"id":"y","body":"' + b"z" * 3000 + b'"}']
        )
    )
    reading = read(path, max_document_bytes=1000)
    assert sorted(reading.reasons) == [
        "invalid_json",
        "too_large",
        "unknown_record",
        "unknown_record",
        "unknown_record",
    ]
    assert reading.texts == ["- Because."]
    packed = write(tmp_path / "RC_y.zst", COMMENTS * 50)
    packed.write_bytes(packed.read_bytes()[:-30])
    assert "truncated zstd" in read(packed).errors[0]


@pytest.mark.parametrize(
    ("author", "text", "reason"),
    [
        ("AutoModerator", "Welcome", "bot"),
        ("RemindMeBot", "ok", "bot"),
        ("some_bot", "ok", "bot"),
        ("haiku-bot-2", "ok", "bot"),
        ("u", "text\n\n^(I'm a bot)", "bot"),
        ("Abbot", "I saw a bot", None),
        ("robot_lover", "text", None),
        ("u", "[removed]", "removed"),
        ("u", " [ Removed by Reddit ] ", "removed"),
        ("[deleted]", "text stays", None),
        ("u", "[deleted]", "deleted"),
        ("u", "", "empty"),
        (None, "[Technologically] speaking", None),
    ],
)
def test_what_says_nothing(author: str | None, text: str, reason: str | None) -> None:
    assert why_left_out(author, text) == reason


def test_ids() -> None:
    assert [post_id(value) for value in ("t1_haf1", "HAF1", int("haf1", 36), 0, None, True, "", -1)] == [
        *("haf1", "haf1", "haf1", "0", None, None, None, None)
    ]


@settings(max_examples=examples(100))
@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.integers(0, 12), st.integers(-2, 2)), max_size=12, unique_by=lambda one: one[0]
    )
)
def test_every_post_is_below_one_root(posts: list[tuple[int, int, int]]) -> None:
    """Also where posts answer each other in circles."""
    made = [Post(str(own), str(own), score, str(parent)) for own, parent, score in posts]
    read_once = [post.text for post in in_reading_order(roots_of(made, None))]
    assert sorted(read_once) == sorted(str(own) for own, _, _ in posts)


def test_a_long_thread_needs_no_recursion() -> None:
    posts = [Post(str(number), "x", 0, str(number - 1)) for number in range(50_000)]
    assert sum(1 for _ in in_reading_order(roots_of(posts, None))) == 50_000
