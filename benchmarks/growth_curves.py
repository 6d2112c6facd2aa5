"""What each curve of growth.py measures: a quantity, how its input is made, and the work that is done on it.

`prepare(folder, size)` makes the input and returns the work; only the work is measured. Inputs are generated, with fixed
seeds, of words that mean nothing.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gristmill
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from gristmill.filters.registry import FAMILIES, family
from gristmill.filters.transforms.apply import versioned_text
from gristmill.pipelines.build import as_recipe, checked
from gristmill.pipelines.decontamination.stage import CompareWithSets
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.measure.families import measure_batch
from gristmill.pipelines.policy.compile import compile_recipe
from gristmill.pipelines.policy.evaluate import PartColumns, evaluate
from gristmill.pipelines.run.stages import Stage
from gristmill.pipelines.sources.ingest import ingest_group, ingest_tasks
from gristmill.schemas import layout
from growth_driver import POLICY, QUIET, a_unit_for_each_file, write_parts

WORDS_OF_A_SHORT_DOCUMENT = 25
ROWS_OF_RULES = 20_000
Work = Callable[[], object]


@dataclass(frozen=True)
class Curve:
    """One quantity. size: the smallest of the benchmark; test_size: of the test that counts."""

    name: str
    what: str
    unit: str
    size: int
    test_size: int
    prepare: Callable[[Path, int], Work]


def vocabulary(count: int = 20_000) -> np.ndarray:
    """That many words of two to eight letters."""
    dice = np.random.default_rng(7)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    return np.array(["".join(dice.choice(letters, dice.integers(2, 9))) for _ in range(count)])


def texts(count: int, words: int, seed: int) -> list[str]:
    """Different texts of that many words."""
    dice = np.random.default_rng((11, seed))
    return [" ".join(row) for row in vocabulary()[dice.integers(0, 20_000, (count, words))]]


def short_documents(count: int, seed: int) -> pa.Table:
    """Short documents: one in twenty is a copy of an earlier one, one in ten has one other word than an earlier one."""
    dice = np.random.default_rng((7, seed))
    words = dice.integers(0, 20_000, (count, WORDS_OF_A_SHORT_DOCUMENT))
    kind = dice.random(count)
    earlier = (dice.random(count) * np.arange(count)).astype(np.int64)
    for place in np.flatnonzero(kind < 0.15):
        words[place] = words[earlier[place]]
    near = np.flatnonzero((kind >= 0.05) & (kind < 0.15))
    words[near, dice.integers(0, words.shape[1], len(near))] = dice.integers(0, 20_000, len(near))
    return pa.table({"text": pa.array([" ".join(row) for row in vocabulary()[words]], pa.large_string())})


def recipe_of(path: Path, **changes: Any) -> dict[str, Any]:
    """A recipe without rules over one source."""
    return {"name": "growth", "sources": [{"name": "docs", "path": str(path)}], "policy": {}, **changes}


def builds(recipe: dict[str, Any], out: Path) -> Work:
    """The work of a whole build."""
    return lambda: gristmill.build(recipe, out, engine=Engine(), console=QUIET, report=False)


def files(folder: Path, size: int) -> Work:
    """Text files of forty words, a thousand a folder."""
    for number, text in enumerate(texts(size, 40, 1)):
        path = folder / "in" / f"{number // 1000:04d}" / f"{number:07d}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    storage, recipe = Storage(str(folder / "run")), as_recipe(recipe_of(folder / "in"))

    def read() -> None:
        Stage(storage, layout.DOCUMENTS, {}, {}).start()
        engine = Engine()
        engine.run_tasks(ingest_group, ingest_tasks(storage, recipe))

    return read


def near(folder: Path, size: int) -> Work:
    """Exact and near duplicates of short documents, from reading to the corpus."""
    step = 250_000
    (folder / "in").mkdir()
    for first in range(0, size, step):
        table = short_documents(min(step, size - first), first)
        pq.write_table(table, folder / "in" / f"{first:09d}.parquet", compression="zstd", row_group_size=50_000)
    dedup = {"exact": {}, "near": {"similarity": 0.6, "shingle": {"words": 3}}}
    return builds(recipe_of(folder / "in", dedup=dedup), folder / "run")


def bucket(folder: Path, size: int) -> Work:
    """Near copies of one text, each with one word of its own: one cluster, its buckets hold all of them."""
    base = texts(1, 60, 3)[0]
    table = pa.table({"text": pa.array([f"{base} word{number}" for number in range(size)], pa.large_string())})
    pq.write_table(table, folder / "in.parquet", row_group_size=50_000)
    dedup = {"exact": {}, "near": {"similarity": 0.6, "shingle": {"words": 3}}}
    return builds(recipe_of(folder / "in.parquet", dedup=dedup), folder / "run")


def group(folder: Path, size: int) -> Work:
    """Documents that all have one id, one line and one copy of each other: groups as large as the corpus."""
    rows = {"id": ["same"] * size, "text": [f"one line of all of them\nand number {n // 2}" for n in range(size)]}
    pq.write_table(pa.table(rows), folder / "in.parquet", row_group_size=50_000)
    dedup = {"exact": {}, "lines": {"unit": "line", "min_characters": 5}}
    recipe = recipe_of(folder / "in.parquet", dedup=dedup)
    recipe["sources"][0]["columns"] = {"id": "id"}
    return builds(recipe, folder / "run")


def parts(folder: Path, size: int) -> Work:
    """Parts of two documents, a file each: a build, its report, and the same command again."""
    recipe = recipe_of(write_parts(folder / "in", size), policy=POLICY)

    def work() -> None:
        with a_unit_for_each_file():
            for _ in range(2):
                gristmill.build(recipe, folder / "run", engine=Engine(), console=QUIET)

    return work


def long_document(folder: Path, size: int) -> Work:
    """One document of that many characters: every signal that needs no model, and every text version."""
    lines = [text.capitalize() + "." for text in texts(size // 60 + 1, 9, 5)]
    text = "\n".join(lines)[:size]
    batch = pa.record_batch({"text": pa.array([text], pa.large_string())})
    chosen = [
        one
        for name in FAMILIES
        if (one := family(name)).reads == ("text",) and not one.inputs and one.check is None and not one.recipe_key
    ]

    def measure() -> None:
        for one in chosen:
            measure_batch(one, batch, one.complete_options({}))
        for version in ("clean", "c4_lines_dolma", "refinedweb_lines"):
            versioned_text(batch.column("text"), version)

    return measure


def columns_of_rules() -> PartColumns:
    """What rules read of a part: sources, languages and sizes."""
    rows = ROWS_OF_RULES
    names = np.array(["en", "de", "fr", "nl", "es"])[np.arange(rows) % 5]
    documents = pa.table(
        {
            "doc_id": pa.array([f"{n:032x}" for n in range(rows)], pa.large_string()),
            "source": pa.array(["docs"] * rows, pa.large_string()),
            "text_bytes": pa.array(np.arange(rows)),
            "status": pa.array(["ok"] * rows, pa.large_string()),
            "reason": pa.nulls(rows, pa.large_string()),
        }
    )
    language = pa.chunked_array([pa.array(names, pa.large_string())])
    return PartColumns(documents, {"language": language}, {})


def rules(folder: Path, size: int) -> Work:
    """Rules of a policy: the recipe is checked, and the rules are applied to a part of twenty thousand rows."""
    chosen = [{"name": f"rule_{n}", "signal": "text_bytes", "keep": f">= {n % 40}"} for n in range(size)]
    columns = columns_of_rules()

    def decide() -> None:
        evaluate(columns, compile_recipe(as_recipe(recipe_of(folder, policy={"rules": chosen})))).lists()

    return decide


def languages(folder: Path, size: int) -> Work:
    """Languages with rules of their own, as `by_language` of a policy."""
    from gristmill.filters.language.named import known_languages

    names = sorted(known_languages({}))[:size]
    own = {name: {"rules": [{"name": f"long_{name}", "signal": "text_bytes", "keep": ">= 9"}]} for name in names}
    columns = columns_of_rules()

    def decide() -> None:
        evaluate(columns, compile_recipe(as_recipe(recipe_of(folder, policy={"by_language": own})))).lists()

    return decide


def evaluation_items(folder: Path, size: int) -> Work:
    """Items of an evaluation set: they are indexed, and five hundred documents are compared with them."""
    items = texts(size, 30, 9)
    (folder / "set.jsonl").write_text("".join(json.dumps({"q": text}) + "\n" for text in items))
    half = [f"{text} {items[number % size]}" for number, text in enumerate(texts(500, 30, 10))]
    (folder / "in.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in half))
    sets = [{"name": "exam", "path": str(folder / "set.jsonl"), "fields": ["q"]}]
    chosen = checked(as_recipe(recipe_of(folder / "in.jsonl", decontaminate={"sets": sets})))
    storage = Storage(str(folder / "run"))
    documents = Stage(storage, layout.DOCUMENTS, {}, {})
    documents.start()
    for task in ingest_tasks(storage, chosen.recipe):
        ingest_group(task)
    context = chosen.context(storage, Engine(), QUIET, None)
    context.add(layout.DOCUMENTS, documents.finish({}))
    return lambda: CompareWithSets().update(context)


CURVES = {
    curve.name: curve
    for curve in (
        Curve("files", "small text files, read", "files", 10_000, 60, files),
        Curve("near", "short documents, exact and near duplicates", "documents", 250_000, 300, near),
        Curve("parts", "parts of a run: build, report, the same again", "parts", 250, 4, parts),
        Curve(
            "long-document", "one document: signals and text versions", "characters", 4_000_000, 20_000, long_document
        ),
        Curve("bucket", "near copies of one text", "copies", 250_000, 200, bucket),
        Curve("languages", "languages with their own rules", "languages", 40, 10, languages),
        Curve("rules", "rules of a policy", "rules", 250, 20, rules),
        Curve("evaluation-items", "items of an evaluation set", "items", 25_000, 100, evaluation_items),
        Curve("group", "documents of one id and one line", "documents", 250_000, 200, group),
    )
}
