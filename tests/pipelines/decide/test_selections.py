"""One run decided several times: reselect, diff, explain, materialise, and what the corpus holds."""

from pathlib import Path
from typing import Any

import gristmill
import pytest
import xxhash
import yaml
from gristmill.console import Console
from gristmill.pipelines.run.run import Run
from gristmill.schemas.errors import InputError, RecipeError, RunError

from tests.builds import COLUMNS, POLICY, digests, rows, table, write_jsonl, write_recipe

QUIET = Console(quiet=True)
STRICT: dict[str, Any] = {**POLICY, "thresholds": {"gopher@dolma/few_words": ">= 30"}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("selections")
    entries = rows(160)
    write_jsonl(base / "web.jsonl", entries[:120])
    write_jsonl(base / "books.jsonl", entries[120:])
    return base


def recipe(folder: Path, name: str, **changes: Any) -> Path:
    sources = [
        {"name": "web", "path": str(folder / "web.jsonl"), "columns": COLUMNS},
        {"name": "books", "path": str(folder / "books.jsonl"), "columns": COLUMNS, "priority": 1},
    ]
    return write_recipe(folder / f"{name}.yaml", sources, **changes)


@pytest.fixture(scope="module")
def run(folder: Path) -> Run:
    return gristmill.build(recipe(folder, "main"), folder / "run", console=QUIET, report=False)


def decisions(run: Run) -> list[dict[str, Any]]:
    name = f"{run.folder}decisions".rstrip("/")
    return table(Path(run.storage.root), name).to_pylist()


def test_reselecting_equals_building_with_that_policy(folder: Path, run: Run) -> None:
    fresh = gristmill.build(recipe(folder, "strict", policy=STRICT), folder / "fresh", console=QUIET, report=False)
    selection = gristmill.reselect(run, STRICT, "strict", console=QUIET)
    assert selection.decisions.digest == fresh.decisions.digest != run.decisions.digest
    assert gristmill.open_run(f"{folder / 'run'}:strict").selection == "strict"
    corpus = gristmill.materialise(selection, console=QUIET)
    assert corpus.digest == fresh.dataset("corpus").digest


def test_reselecting_reads_no_text(folder: Path) -> None:
    out = folder / "textless"
    whole = gristmill.build(recipe(folder, "whole"), folder / "whole", console=QUIET, report=False)
    built = gristmill.build(recipe(folder, "none", keep_text="none"), out, console=QUIET, report=False)
    assert table(out, "documents/remaining").column("text").null_count == built.documents.rows
    assert built.documents.digest == whole.documents.digest
    assert gristmill.reselect(built, STRICT, "strict", console=QUIET).decisions.rows == built.documents.rows
    with pytest.raises(RunError, match="no longer holds every kept text"):
        gristmill.materialise(f"{out}:strict", console=QUIET)
    more = recipe(folder, "more", keep_text="none", signals=["redpajama"])
    with pytest.raises(RunError, match="texts were removed"):
        gristmill.build(more, out, console=QUIET, report=False)


@pytest.mark.parametrize(
    ("policy", "name", "found"),
    [
        ({"profiles": ["gopher@dclm"]}, "other", "did not measure"),
        ({"min_text_bytes": 1, "min_language_score": 0.5}, "other", "did not measure"),
        ({"profiles": ["gopher@dolmo"]}, "other", "did you mean 'gopher@dolma'"),
        ({"rules": [{"name": "x", "signal": "word_cout", "keep": "> 1"}]}, "other", "did you mean `word_count`"),
        ({"profile": []}, "other", "did you mean `profiles`"),
        (STRICT, "main", "selection name"),
        (STRICT, "a/b", "selection name"),
    ],
)
def test_a_policy_that_cannot_be_decided_is_refused(run: Run, policy: dict[str, Any], name: str, found: str) -> None:
    with pytest.raises(RecipeError, match=found):
        gristmill.reselect(run, policy, name, console=QUIET)


def test_diff_counts_flips_by_source_and_rule(run: Run) -> None:
    selection = gristmill.reselect(run, STRICT, "strict", console=QUIET)
    before = {row["doc_id"]: row for row in decisions(run)}
    after = {row["doc_id"]: row for row in decisions(selection)}
    flips: dict[tuple[str, str], list[int]] = {}
    for doc_id, new in after.items():
        old = before[doc_id]
        if old["kept"] != new["kept"]:
            change = "now kept" if new["kept"] else "now dropped"
            flips.setdefault((change, new["source"]), []).append(new["tokens"])
    found = gristmill.diff(run, selection)
    assert flips
    expected = [(change, source, len(t), sum(t)) for (change, source), t in sorted(flips.items())]
    assert [(r["change"], r["source"], r["documents"], r["tokens"]) for r in found.by_source] == expected
    assert found.unchanged == len(after) - sum(len(tokens) for tokens in flips.values())
    assert {row["rule"] for row in found.by_rule} >= {"gopher@dolma/few_words"}
    assert not gristmill.diff(run, run).by_source


def test_explanations_agree_with_the_decisions(run: Run) -> None:
    shown = decisions(run)
    copies = [row for row in shown if row["duplicate_of"]]
    assert copies
    for row in [*shown[:25], *copies[:5]]:
        found = gristmill.explain(run, row["doc_id"])
        assert [rule.name for rule in found.rules if rule.failed] == [
            name for name in row["failed_rules"] if not name.startswith(("reader/", "duplicate/"))
        ]
        for rule in found.rules:
            if rule.margin is not None and rule.margin != 0:
                assert (rule.margin < 0) == rule.failed
        assert found.decision["duplicate_of"] == row["duplicate_of"]
        assert row["doc_id"] in str(found)
        assert "<script" not in found._repr_html_()


@pytest.mark.parametrize(("prefix", "found"), [("no such id", "no document"), ("", "begin with")])
def test_an_id_must_name_one_document(run: Run, prefix: str, found: str) -> None:
    with pytest.raises(InputError, match=found):
        gristmill.explain(run, prefix)


def test_decisions_cover_every_document_once(run: Run) -> None:
    shown = decisions(run)
    assert len({row["doc_id"] for row in shown}) == len(shown) == run.documents.rows
    for row in shown:
        assert row["kept"] == (not row["failed_rules"])
        assert row["tokens"] == -(-row["text_bytes"] // 4)
    reasons = {name for row in shown for name in row["failed_rules"]}
    assert {"reader/null_text", "floor/empty", "duplicate/exact", "policy/short"} <= reasons
    by_id = {row["doc_id"]: row for row in shown}
    for row in shown:
        if row["duplicate_of"]:
            assert by_id[row["duplicate_of"]]["kept"]
            assert by_id[row["duplicate_of"]]["cluster"] == row["cluster"]


def test_the_corpus_is_the_kept_documents_edited(run: Run) -> None:
    out = Path(run.storage.root)
    kept = {row["doc_id"] for row in decisions(run) if row["kept"]}
    originals = {row["doc_id"]: row["text"] for row in table(out, "documents").to_pylist()}
    edits = {row["doc_id"]: row["edits"] for row in table(out, "edits").to_pylist()}
    corpus = table(out, "corpus").to_pylist()
    assert {row["doc_id"] for row in corpus} == kept
    assert edits
    for row in corpus:
        data, parts, at = originals[row["doc_id"]].encode(), [], 0
        for edit in edits.get(row["doc_id"], []):
            parts += [data[at : edit["start"]], edit["replacement"].encode()]
            at = edit["end"]
        assert row["text"].encode() == b"".join([*parts, data[at:]])
        assert row["content_hash"] == xxhash.xxh3_128_hexdigest(row["text"].encode())
        assert row["text_bytes"] == len(row["text"].encode())


def test_a_sample_is_a_function_of_the_id(folder: Path) -> None:
    made = yaml.safe_load(recipe(folder, "sampled").read_text())
    first = gristmill.build(made, folder / "sample-a", sample=0.5, console=QUIET, report=False)
    made["sources"].reverse()
    made["sources"] = [dict(source) for source in made["sources"]]
    second = gristmill.build(made, folder / "sample-b", sample=0.5, console=QUIET, report=False)
    assert first.documents.digest == second.documents.digest
    assert 0 < first.documents.rows < sum(1 for _ in rows(160))
    found = gristmill.estimate(recipe(folder, "sampled"), 0.5, console=QUIET)
    assert found.sampled_documents == first.documents.rows
    assert found.keep_fraction_low <= found.keep_fraction <= found.keep_fraction_high
    assert "keep rate" in str(found)


def test_rebuilding_on_other_documents_removes_selections(folder: Path) -> None:
    write_jsonl(folder / "own" / "a.jsonl", rows(30))
    own = write_recipe(folder / "own.yaml", [{"name": "own", "path": str(folder / "own"), "columns": COLUMNS}])
    built = gristmill.build(own, folder / "own-run", console=QUIET, report=False)
    gristmill.reselect(built, STRICT, "strict", console=QUIET)
    assert "strict" in built.selections
    before = digests(folder / "own-run")["documents"]
    write_jsonl(folder / "own" / "b.jsonl", rows(20, seed=5))
    again = gristmill.build(own, folder / "own-run", console=QUIET, report=False)
    assert digests(folder / "own-run")["documents"] != before
    assert again.selections == ["main"]


def test_documents_excluded_by_name(folder: Path, run: Run) -> None:
    """What a training run blamed is dropped under a rule of its own; the survivors of the others are chosen again."""
    kept = [row["doc_id"] for row in decisions(run) if row["kept"]]
    blamed = folder / "blame.jsonl"
    blamed.write_text("".join(f'{{"doc_id": "{doc_id}", "reason": "loss_spike"}}\n' for doc_id in kept[:3]))
    policy = folder / "excluding.yaml"
    policy.write_text(yaml.safe_dump({**POLICY, "exclude_ids": ["blame.jsonl", kept[3]]}))
    selection = gristmill.reselect(run, policy, "excluding", console=QUIET)
    rows_now = {row["doc_id"]: row for row in decisions(selection)}
    assert [rows_now[doc_id]["failed_rules"] for doc_id in kept[:4]] == [["policy/excluded_id"]] * 4
    assert all(rows_now[doc_id]["kept"] for doc_id in kept[4:])
    blamed.unlink()  # the selection keeps the ids
    assert "FAILS policy/excluded_id: doc_id" in str(gristmill.explain(selection, kept[0]))
    blamed.write_text('{"doc_id": 7}\n')
    with pytest.raises(RecipeError, match=r"blame\.jsonl:1: .*expected .*32 hex digits"):
        gristmill.reselect(run, policy, "excluding", console=QUIET)
