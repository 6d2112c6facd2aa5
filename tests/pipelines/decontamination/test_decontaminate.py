"""Decontamination as a whole: hits against plain Python, decisions, cuts, other thresholds, partitions, bad input."""

import gzip
import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from gristmill.console import Console
from gristmill.filters.decontamination.match import matches_plainly
from gristmill.filters.decontamination.overlap import document_counts_plainly
from gristmill.filters.decontamination.words import words_plainly
from gristmill.filters.dedup.content_key import chosen_normalisation
from gristmill.filters.transforms.apply import apply_edits
from gristmill.pipelines.build import build
from gristmill.pipelines.cli.main import app
from gristmill.pipelines.decide.reselect import reselect
from gristmill.pipelines.decontamination.matches import count_contents
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.inspect.explain import explain
from gristmill.pipelines.run.dataset import read_manifest, read_part
from gristmill.pipelines.run.run import Run
from gristmill.pipelines.write.corpus import materialise
from gristmill.schemas import layout
from gristmill.schemas.errors import GristmillError, InputError, RecipeError
from gristmill.schemas.rows.decontamination import GRAM_CONTENT
from typer.testing import CliRunner

from tests.builds import datasets, table, write_jsonl, write_parquet

OPTIONS = chosen_normalisation(("case", "punctuation", "whitespace"))
QUIET = Console(quiet=True)
WORDS = [
    f"{a}{b}" for a in ("mil", "gra", "riv", "sto", "whe", "flo", "bre") for b in ("ler", "in", "er", "ne", "el", "ur")
]


def line(dice: random.Random, words: int) -> str:
    return " ".join(dice.choices(WORDS, k=words))


def material(folder: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """(documents, items): whole items, halves, short ones and templates hidden in documents; written as files too."""
    dice = random.Random(5)
    template = line(dice, 12)
    items = [{"id": f"q{n}", "question": line(dice, 30), "answers": [line(dice, 9), "yes"]} for n in range(12)]
    items += [{"id": f"t{n}", "question": f"{template} {line(dice, 20)}", "answers": []} for n in range(12)]
    items += [{"id": "short", "question": "Who ground the very first flour?", "answers": None}]
    items += [
        {"id": "tiny", "question": "Why so?", "answers": ["42"]},
        {"id": "empty", "question": None, "answers": None},
    ]
    documents: list[dict[str, Any]] = []
    for number in range(120):
        text = line(dice, dice.randint(20, 60))
        if number % 10 == 1:
            text = f"{text}. {items[number // 10]['question'].upper()}! {line(dice, 5)}"
        if number % 10 == 2:
            words = items[number // 10]["question"].split()
            text = f"{text} {' '.join(words[:11])} {line(dice, 5)}"
        if number % 10 == 3:
            text = f"{template}, {text}"
        if number == 4:
            text = f"Somebody asks: who ground the very first flour? {text}"
        documents.append({"id": f"d{number}", "text": text, "part": "a" if number % 2 else "b"})
    documents.append({**documents[1], "id": "copy"})
    with gzip.open(folder / "set.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(item, ensure_ascii=False) + "\n" for item in items)
    return documents, items


def recipe(folder: Path, **changes: Any) -> dict[str, Any]:
    sets = [{"name": "exam", "path": str(folder / "set.jsonl.gz"), "fields": ["question", "answers"], "id": "id"}]
    return {
        "name": "proof",
        "sources": [{"name": "web", "path": str(folder / "web.jsonl"), "columns": {"id": "id"}}],
        "decontaminate": {"sets": sets, "ngrams": [6, 9], "max_items": 5, "min_match": None},
        "dedup": {"exact": None},
    } | changes


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]], list[dict[str, Any]], Run]:
    folder = tmp_path_factory.mktemp("decontaminate")
    documents, items = material(folder)
    write_jsonl(folder / "web.jsonl", documents)
    return folder, documents, items, build(recipe(folder), folder / "run", console=QUIET, report=False)


def texts_of(run: Path) -> dict[str, str]:
    """doc_id -> text."""
    return {row["doc_id"]: row["text"] for row in table(run, "documents").to_pylist()}


def strings_of(item: dict[str, Any]) -> list[str]:
    return [text for text in [item["question"], *(item["answers"] or [])] if text]


def test_hits_are_those_of_brute_force(made: Any) -> None:
    folder, documents, items, _ = made
    passages, owner = [], []
    for number, item in enumerate(items):
        for text in strings_of(item):
            passages.append([word for word, _, _ in words_plainly(text, OPTIONS)])
            owner.append(number)
    grams: dict[tuple[str, ...], set[int]] = {}
    for number, words in zip(owner, passages, strict=True):
        for at in range(len(words) - min(6, len(words)) + 1):
            grams.setdefault(tuple(words[at : at + 6]), set()).add(number)
    counted = [
        [
            len(words) >= 5 and at <= len(words) - min(6, len(words)) and len(grams[tuple(words[at : at + 6])]) <= 5
            for at in range(len(words))
        ]
        for words in passages
    ]
    expected: dict[tuple[str, str], tuple[int, list[tuple[int, int]]]] = {}
    for content in sorted({document["text"] for document in documents}):
        for passage, _, words, start, end in matches_plainly(content, passages, counted, 6, OPTIONS):
            key = (content, items[owner[passage]]["id"])
            longest, spans = expected.get(key, (0, []))
            expected[key] = (max(longest, words), sorted([*spans, (start, end)]))
    texts = texts_of(folder / "run")
    hits = table(folder / "run", "contamination/hits").to_pylist()
    found = {
        (texts[hit["doc_id"]], hit["item"]): (hit["longest"], list(zip(hit["starts"], hit["ends"], strict=True)))
        for hit in hits
    }
    assert found == expected
    assert {hit["item"] for hit in hits} >= {f"q{n}" for n in range(12)} | {"short"}
    assert all(
        hit["overlap"] < 0.1 for hit in hits if hit["item"][0] == "t"
    )  # they share their template, or little more


def test_whole_items_are_found_and_their_documents_dropped(made: Any) -> None:
    folder, _, _, run = made
    decisions = table(folder / "run", "decisions").to_pylist()
    texts = texts_of(folder / "run")
    dropped = {texts[row["doc_id"]] for row in decisions if row["failed_rules"]}
    assert all(row["failed_rules"] in ([], ["contamination/exam"]) for row in decisions)
    assert len(dropped) == 13
    assert sum("!" in text for text in dropped) == 12
    assert any("first flour" in text for text in dropped)
    report = {row["item"]: row for row in table(folder / "run", "contamination/report").to_pylist()}
    assert report["q0"]["documents"] == 3  # the document, its copy, and the one with eleven words
    assert report["q0"]["longest"] == 30
    assert report["tiny"]["ngrams"] == [0, 0]  # too short to be looked for
    assert report["short"]["overlap"] == 1.0
    assert len(report) == 27  # the item without text too, named by its place
    hit = next(row for row in table(folder / "run", "contamination/hits").to_pylist() if row["longest"] == 11)
    assert hit["overlap"] < 0.5
    shown = str(explain(run, hit["doc_id"]))
    assert f"shares words with exam item {hit['item']}" in shown
    assert "longest match 11 words" in shown
    assert "contamination/exam: contamination_exam_overlap" in shown


def test_other_thresholds_need_no_text(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, _, _, run = made
    monkeypatch.setattr("gristmill.pipelines.decontamination.matches.find_matches", None)
    assert reselect(run, {"decontaminate": {}}, "default", console=QUIET)
    decided = table(folder / "run", "selections/default/decisions").to_pylist()
    part_of_an_item = [row for row in decided if row["failed_rules"] == ["contamination/exam_match"]]
    assert len(part_of_an_item) == 12  # eleven words of thirty: too little overlap, but longer than min_match
    strict = reselect(run, {"decontaminate": {"min_overlap": 0.5, "min_match": 11}}, "strict", console=QUIET)
    decided = table(folder / "run", f"{strict.folder}decisions").to_pylist()
    failed = [row["failed_rules"] for row in decided if row["failed_rules"]]
    assert failed.count(["contamination/exam_match"]) == 12
    assert failed.count(["contamination/exam", "contamination/exam_match"]) == 13 - 0
    loose = reselect(run, {"decontaminate": {"min_overlap": 1.0, "min_match": None}}, "loose", console=QUIET)
    kept = [row["kept"] for row in table(folder / "run", f"{loose.folder}decisions").to_pylist()]
    assert kept.count(False) == 1  # only the short item is held as a whole, answers and all


def test_cutting_takes_the_matched_words_only(made: Any) -> None:
    folder, documents, items, run = made
    chosen = reselect(run, {"decontaminate": {"action": "cut", "min_match": None}}, "cut", console=QUIET)
    materialise(chosen, console=QUIET)
    corpus = table(folder / "run", f"{chosen.folder}corpus").column("text").to_pylist()
    assert len(corpus) == len(documents)
    whole = next(document["text"] for document in documents if document["id"] == "d1")
    cut = whole.replace(items[0]["question"].upper(), "")
    assert whole not in corpus
    assert corpus.count(cut) == 2  # the document and its copy
    edits = table(folder / "run", f"{chosen.folder}edits").to_pylist()
    assert {edit["reason"] for row in edits for edit in row["edits"]} == {"contamination"}


def test_partitions_and_order_change_nothing(made: Any, tmp_path: Path) -> None:
    folder, documents, _, _ = made
    shuffled = documents[:]
    random.Random(1).shuffle(shuffled)
    write_parquet(tmp_path / "web.parquet", shuffled, row_group_size=7)
    (tmp_path / "set.jsonl.gz").write_bytes((folder / "set.jsonl.gz").read_bytes())
    other = recipe(tmp_path)
    other["sources"] = [{"name": "web", "path": str(tmp_path / "web.parquet"), "columns": {"id": "id"}}]
    build(other, tmp_path / "run", console=QUIET, report=False, engine=Engine(partitions=3))
    names = ("contamination/hits", "contamination/report", "contamination/counts", "signals/contamination_exam")
    one, two = datasets(folder / "run"), datasets(tmp_path / "run")
    assert [two[name].digest for name in names] == [one[name].digest for name in names]
    assert two["decisions"].digest == one["decisions"].digest


def test_counting_by_shuffle_gives_the_same_rows(made: Any) -> None:
    _, _, _, run = made
    grams = read_manifest(run.storage, layout.MATCHED_GRAMS.folder)
    assert grams is not None
    parts = [part for part in grams.parts if part.rows]
    with Engine(partitions=3) as engine:
        by_shuffle, in_memory = (count_contents(run.storage, engine, parts, limit) for limit in (0, 1 << 40))
    assert by_shuffle == in_memory
    rows = [row for part in parts for row in read_part(run.storage, part, GRAM_CONTENT.names).to_pylist()]
    pairs = [(row["gram"], row["content"]) for row in rows]
    plain = document_counts_plainly(pairs, max(gram for gram, _ in pairs) + 1)
    counted = dict(zip(*in_memory.to_pydict().values(), strict=True))
    assert counted == {gram: contents for gram, contents in enumerate(plain) if contents}
    assert max(plain) > 1


def test_fields_of_messages_and_pairs_are_documents(tmp_path: Path) -> None:
    folder = tmp_path
    _, items = material(folder)
    question = items[3]["question"]
    chats = [
        {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": "No idea."}]},
        {"messages": [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hello."}]},
    ]
    pairs = [
        {"prompt": "Tell me", "chosen": f"Well: {question}", "rejected": "No", "score": 3},
        {"prompt": "x", "chosen": "y"},
    ]
    pq.write_table(pa.Table.from_pylist(chats), folder / "chats.parquet")
    write_jsonl(folder / "pairs.jsonl", pairs)
    chosen = recipe(folder)
    chosen["sources"] = [
        {"name": "sft", "path": str(folder / "chats.parquet"), "columns": {"text": ["messages.content"]}},
        {"name": "dpo", "path": str(folder / "pairs.jsonl"), "columns": {"text": ["prompt", "chosen", "rejected"]}},
    ]
    build(chosen, folder / "run", console=QUIET, report=False)
    assert sorted(table(folder / "run", "corpus").column("text").to_pylist()) == ["Hello\n\nHello.", "x\n\ny"]
    dropped = [row["source"] for row in table(folder / "run", "decisions").to_pylist() if not row["kept"]]
    assert sorted(dropped) == ["dpo", "sft"]


@pytest.mark.parametrize(
    ("content", "change", "error", "said"),
    [
        ('{"question": "a b c d e f g"}\n', {"fields": ["qestion"]}, InputError, "no field 'qestion'"),
        ('{"question": null}\n', {}, InputError, "no item has any text"),
        ('{"question": "a b c"}\n{"quest', {}, InputError, "evaluation set exam"),
        ("", {}, InputError, "a file of no bytes"),
        ('{"question": "a"}\n', {"name": "exam_match"}, RecipeError, "_match"),
        ('{"question": "a"}\n', {"id": "number"}, InputError, "no field 'number'"),
    ],
)
def test_sets_that_cannot_be_used(
    tmp_path: Path, content: str, change: dict[str, Any], error: type[GristmillError], said: str
) -> None:
    (tmp_path / "set.jsonl").write_text(content, encoding="utf-8")
    write_jsonl(tmp_path / "web.jsonl", [{"id": "1", "text": "a b c"}])
    chosen = recipe(tmp_path)
    one = {"name": "exam", "path": str(tmp_path / "set.jsonl"), "fields": ["question"], **change}
    chosen["decontaminate"] = {"sets": [one]}
    with pytest.raises(error, match=said):
        build(chosen, tmp_path / "run", console=QUIET, report=False)


def test_a_truncated_set_is_an_error(tmp_path: Path) -> None:
    material(tmp_path)
    whole = (tmp_path / "set.jsonl.gz").read_bytes()
    (tmp_path / "set.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    write_jsonl(tmp_path / "web.jsonl", [{"id": "1", "text": "a b c"}])
    with pytest.raises(InputError, match="truncated"):
        build(recipe(tmp_path), tmp_path / "run", console=QUIET, report=False)


def test_thresholds_without_sets_are_an_error(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "web.jsonl", [{"id": "1", "text": "a b c"}])
    chosen = recipe(tmp_path, policy={"decontaminate": {"min_overlap": 0.2}}, decontaminate=None)
    with pytest.raises(RecipeError, match="no evaluation sets"):
        build(chosen, tmp_path / "run", console=QUIET, report=False)


def test_the_command_writes_clean_records(tmp_path: Path) -> None:
    _, items = material(tmp_path)
    pairs = [
        {"prompt": "Tell me, 水", "chosen": f"Well: {items[3]['question']}", "rejected": "No", "score": 1},
        {"prompt": "x", "chosen": "y", "rejected": "z", "score": 2.5, "other": 1},
    ]
    data = write_jsonl(tmp_path / "pairs.jsonl", pairs)
    arguments = ["decontaminate", str(data), "--text", "prompt,chosen,rejected", "--ngrams", "6,9", "--quiet"]
    arguments += ["--against", f"exam={tmp_path / 'set.jsonl.gz'}:question,answers", "--out", str(tmp_path / "run")]
    done = CliRunner().invoke(app, [*arguments, "--write", str(tmp_path / "clean.jsonl"), "--also", "score"])
    assert done.exit_code == 0, done.output
    assert "exam: 1 of 27 items contaminated" in done.output
    kept = [json.loads(line) for line in (tmp_path / "clean.jsonl").read_text(encoding="utf-8").splitlines()]
    assert kept == [{"prompt": "x", "chosen": "y", "rejected": "z", "score": 2.5}]
    wrong = CliRunner().invoke(app, [*arguments, "--write", "x", "--action", "cut"])
    assert isinstance(wrong.exception, RecipeError)
    wrong = CliRunner().invoke(
        app, ["decontaminate", str(data), "--against", "no-fields", "--out", str(tmp_path / "no")]
    )
    assert "PATH:FIELD" in str(wrong.exception)


def test_cuts_go_before_the_text_version_and_repeated_lines(tmp_path: Path) -> None:
    _, items = material(tmp_path)
    repeated = "The same line stands in every one of these documents, word for word."
    texts = [f"{repeated}\nNumber {n} says\u00a0 \u00a0{items[n]['question']}, cafe\u0301.\t\n" for n in range(6)]
    write_jsonl(tmp_path / "web.jsonl", [{"id": str(n), "text": text} for n, text in enumerate(texts)])
    chosen = recipe(tmp_path, text="clean")
    chosen["decontaminate"]["action"] = "cut"
    chosen["dedup"] = {"exact": None, "lines": {"min_characters": 20}}
    build(chosen, tmp_path / "run", console=QUIET, report=False)
    corpus = {row["doc_id"]: row["text"] for row in table(tmp_path / "run", "corpus").to_pylist()}
    edits = table(tmp_path / "run", "edits")
    originals = texts_of(tmp_path / "run")
    ids = edits.column("doc_id").to_pylist()
    texts_edited = apply_edits(
        pa.array([originals[i] for i in ids], pa.large_string()), edits.column("edits").combine_chunks()
    )
    assert dict(zip(ids, texts_edited.to_pylist(), strict=True)) == corpus
    assert len(corpus) == 6
    assert sum(repeated in text for text in corpus.values()) == 1
    assert all(items[n]["question"] not in text for n in range(6) for text in corpus.values())
    assert sorted(text.removeprefix(f"{repeated}\n") for text in corpus.values()) == [
        f"Number {n} says\u00a0, café.\n" for n in range(6)
    ]
    reasons = {part for row in edits.to_pylist() for edit in row["edits"] for part in edit["reason"].split("+")}
    assert {"contamination", "duplicate_line"} < reasons
