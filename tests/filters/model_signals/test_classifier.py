"""Classifiers: trained the same again, told apart from what they are not, measured in a build, and hostile texts."""

import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from gristmill.console import Console
from gristmill.filters.model_signals.quality import pareto
from gristmill.filters.model_signals.spans import read_spans
from gristmill.filters.registry import family, find_signal
from gristmill.pipelines.build import build
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.inspect.explain import explain
from gristmill.pipelines.signal_models.train_fasttext import report, train_fasttext
from gristmill.schemas.errors import GristmillError, InputError, ModelError, RecipeError, RunError
from gristmill.schemas.signal_models import Classifier, read_model

from tests.builds import digests, table, write_jsonl, write_recipe
from tests.made_texts import INSULTS, SMALL, insult, insult_classifier, prose, write_texts

QUIET = Console(quiet=True)


@pytest.fixture(scope="module")
def rude(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return insult_classifier(tmp_path_factory.mktemp("classifier"))


def measured(name: str, texts: list[str | None], **options: Any) -> list[dict[str, Any]]:
    ids = [f"{n:032x}" for n in range(len(texts))]
    chosen = family(name)
    batch = pa.record_batch({"text": pa.array(texts, pa.large_string()), "doc_id": pa.array(ids, pa.large_string())})
    answer = chosen.function(batch.select(chosen.reads), chosen.complete_options(options))
    return answer.rename_columns(chosen.schema.names).cast(chosen.schema).to_pylist()


def test_what_is_held_out_is_told_apart(rude: Path) -> None:
    manifest = read_model(str(rude), Classifier, "")
    assert manifest.held_out["auc"][0] > 0.95
    assert manifest.held_out["texts"] == sum(manifest.training["texts"]["test"].values())
    assert sum(row["texts"] for row in manifest.held_out["calibration"]) == manifest.held_out["texts"]
    said = "\n".join(report(manifest))
    assert "auc: " in said
    assert "threshold that keeps 10% of the negatives" in said


def test_the_same_texts_in_another_order_give_the_same_model(rude: Path, tmp_path: Path) -> None:
    lines = (rude.parent / "rows.csv").read_text().split("\n")
    shuffled = [line for line in lines[1:] if line]
    random.Random(1).shuffle(shuffled)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    for number, name in enumerate("ab"):
        (tmp_path / name / "rows.csv").write_text("\n".join([lines[0], *shuffled[number::2]]) + "\n")
    from gristmill.pipelines.signal_models.sample import Labelled

    given = Labelled(tuple(str(tmp_path / name / "rows.csv") for name in "ab"), "words", "kind", ("rude",))
    manifest = train_fasttext(tmp_path / "again", labelled=given, options=SMALL, console=QUIET)
    first = read_model(str(rude), Classifier, "")
    assert manifest.files == first.files
    assert manifest.held_out == first.held_out
    assert manifest.threshold == first.threshold


def test_positives_and_negatives_as_a_recipe_a_run_and_files(tmp_path: Path) -> None:
    dice = random.Random(2)
    write_jsonl(tmp_path / "good.jsonl", [{"text": prose(dice, 3)} for _ in range(120)])
    write_jsonl(tmp_path / "bad.jsonl", [{"text": " ".join(dice.choices(["buy", "now", "cheap", "pills", "click"], k=30))}
                                         for _ in range(120)])  # fmt: skip
    good = write_recipe(tmp_path / "good.yaml", [{"name": "g", "path": "good.jsonl"}], policy={}, text="original")
    bad = write_recipe(tmp_path / "bad.yaml", [{"name": "b", "path": "bad.jsonl"}], policy={}, text="original")
    build(str(bad), tmp_path / "bad-run", console=QUIET, report=False)
    options = {"options": SMALL, "console": QUIET, "keep_fraction": 0.1}
    as_given = train_fasttext(tmp_path / "edu", positives=[str(good)], negatives=[str(tmp_path / "bad-run")], **options)
    as_files = train_fasttext(
        tmp_path / "edu2", positives=[str(tmp_path / "good.jsonl")], negatives=[str(tmp_path / "bad.jsonl")], **options
    )
    assert as_given.files == as_files.files
    assert as_given.held_out["auc"][0] == 1.0
    assert as_given.threshold == as_given.held_out["thresholds_by_kept_share_of_negatives"]["0.1"]
    good_text, bad_text = prose(dice, 3), "click cheap pills now buy"
    rows = measured("quality_edu", [good_text, bad_text, "", None, "\0\n"], model=str(tmp_path / "edu"))
    assert rows[0]["quality_edu"] > 0.8 > 0.2 > rows[1]["quality_edu"]
    assert [set(row.values()) for row in rows[2:]] == [{None}] * 3


def test_document_and_sentences(rude: Path) -> None:
    text = f"The quiet miller visits the garden. You {INSULTS[0]}, you old {INSULTS[1]}! The road crosses the river."
    rows = measured("toxicity_rude", [text, "The quiet miller visits the garden near the river.", "", None],
                    model=str(rude))  # fmt: skip
    spans = [text[a:b] for a, b in read_spans(rows[0]["toxicity_rude_spans"])]
    assert any(INSULTS[0] in span for span in spans)
    assert not any("miller" in span for span in spans)
    assert rows[0]["toxicity_rude_worst"] >= rows[1]["toxicity_rude_worst"]
    assert rows[1]["toxicity_rude_spans"] is None
    assert [set(row.values()) for row in rows[2:]] == [{None}] * 2


@pytest.mark.parametrize(
    "text", ["\0", "x\0y", "__label__positive " * 3, "word " * 200_000, "\n\n", "😀", "İ\u2028\x85"]
)
def test_hostile_texts_have_a_value_or_none(rude: Path, text: str) -> None:
    value = measured("toxicity_rude", [text], model=str(rude))[0]["toxicity_rude"]
    assert value is None if not text.strip("\0\n") else 0 <= value <= 1


def test_the_pareto_draw_is_of_the_id_and_the_seed_and_has_its_distribution(rude: Path) -> None:
    draws = [pareto(f"{n:032x}", 0, 3.0) for n in range(20_000)]
    assert sum(draw > 1.0 for draw in draws) / 20_000 == pytest.approx(0.125, abs=0.01)  # (1 + x) ** -alpha
    assert pareto("a", 1, 3.0) == pareto("a", 1, 3.0) != pareto("a", 2, 3.0)
    texts: list[str | None] = ["The old bridge."] * 50
    rows = measured("quality_q", texts, model=str(rude), pareto_alpha=3.0)
    assert len({row["quality_q"] for row in rows}) == 1
    assert rows[7]["quality_q_pareto"] == pytest.approx(
        pareto(f"{7:032x}", 0, 3.0) + rows[7]["quality_q"] - 1, abs=1e-8
    )


@pytest.mark.parametrize("engine", ["sail", pytest.param("spark", marks=[pytest.mark.java, pytest.mark.slow])])
def test_a_build_measures_decides_and_explains(rude: Path, tmp_path: Path, engine: str) -> None:
    """Every part of the documents and every engine give the same rows."""
    dice = random.Random(9)
    texts = [insult(dice) if n % 3 == 0 else prose(dice, 2) for n in range(60)]
    rows = [{"id": f"d{n}", "text": text} for n, text in enumerate(texts)]
    sources = [{"name": "pages", "path": "pages/*.jsonl", "columns": {"id": "id"}}]
    signals = {
        "toxicity_rude": {"model": str(rude)},
        "quality_a": {"model": str(rude), "seed": 4},
        "quality_b_2": {"model": str(rude)},
    }
    policy = {"rules": [
        {"name": "toxic", "signal": "toxicity_rude", "keep": "< 0.5"},
        {"name": "drawn_out", "signal": "quality_b_2_pareto", "keep": "<= 0"},
    ]}  # fmt: skip
    found = []
    for name, runs_on, cut in (("one", "sail", [60]), ("three", engine, [20, 20, 20])):
        base = tmp_path / name
        start = 0
        for number, count in enumerate(cut):
            write_jsonl(base / "pages" / f"{number}.jsonl", rows[start : start + count])
            start += count
        recipe = write_recipe(base / "r.yaml", sources, signals=signals, policy=policy, dedup={"exact": None})
        run = build(str(recipe), base / "run", engine=Engine(runs_on), console=QUIET, report=name == "three")
        found.append({key: value for key, value in digests(base / "run").items() if "signals/" in key})
    assert found[0] == found[1]
    decided = table(tmp_path / name / "run", "decisions").to_pylist()
    assert sum("policy/toxic" in row["failed_rules"] for row in decided) == pytest.approx(20, abs=2)
    dropped = next(row["doc_id"] for row in decided if "policy/toxic" in row["failed_rules"])
    said = str(explain(run, dropped))
    assert "toxicity_rude_spans = " in said
    assert "quality_b_2_pareto = " in said
    assert "toxicity_rude" in (tmp_path / name / "run" / "report.html").read_text()


def test_models_that_cannot_be_used_are_errors_before_the_run(rude: Path, tmp_path: Path) -> None:
    check = family("quality_x").check_options
    with pytest.raises(RecipeError, match=r"signals\.quality_x\.model: Field required"):
        check({})
    with pytest.raises(ModelError, match="no model in"):
        check({"model": str(tmp_path)})
    (tmp_path / "manifest.json").write_text('{"kind": "kenlm"}')
    with pytest.raises(ModelError, match="a model of kind 'kenlm'"):
        check({"model": str(tmp_path)})
    (tmp_path / "manifest.json").write_text("[1")
    with pytest.raises(ModelError, match="unreadable"):
        check({"model": str(tmp_path)})
    (tmp_path / "manifest.json").write_text((rude / "manifest.json").read_text())
    with pytest.raises(ModelError, match="lacks its file"):
        check({"model": str(tmp_path)})
    (tmp_path / "model.bin").write_bytes(b"no model")
    with pytest.raises(ModelError, match="not a fastText model"):
        check({"model": str(tmp_path)})
    for options in ({"pareto_alpha": 0}, {"seed": "x"}, {"modle": 1}):
        with pytest.raises(RecipeError):
            check({"model": str(rude), **options})
    with pytest.raises(RecipeError):
        family("toxicity_x").check_options({"model": str(rude), "threshold": 2})


def test_names_are_columns_and_belong_to_one_classifier() -> None:
    for name in ("quality_a_pareto", "toxicity_x_spans", "quality_A", "toxicity_a-b", "transformer_x_spans"):
        with pytest.raises(RecipeError):
            family(name)
    found = find_signal("quality_a_b_pareto")
    assert found is not None
    assert found[0].name == "quality_a_b"
    assert find_signal("gopher_a") is None


@pytest.mark.parametrize(
    ("given", "error", "match"),
    [
        ({"positives": ["few.jsonl"], "negatives": ["few.jsonl"]}, InputError, "distinct positive texts to train on"),
        ({"positives": ["none.jsonl"], "negatives": ["few.jsonl"]}, InputError, r"none\.jsonl"),
        ({"positives": ["empty.jsonl"], "negatives": ["few.jsonl"]}, InputError, "no text at all"),
        ({"positives": ["few.jsonl"]}, RecipeError, "what is to be learnt"),
        ({"positives": ["few.jsonl"], "negatives": ["few.jsonl"], "keep_fraction": 2}, RecipeError, "keep fraction"),
    ],
)
def test_what_cannot_be_learnt_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], error: type[GristmillError], match: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write_texts(tmp_path / "few.jsonl", ["one text", "another text", "\0", ""])
    write_texts(tmp_path / "empty.jsonl", ["", " \n"])
    with pytest.raises(error, match=match):
        train_fasttext(tmp_path / "model", console=QUIET, options=SMALL, **given)
    assert not [path for path in tmp_path.iterdir() if "model" in path.name]
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").touch()
    with pytest.raises(RunError, match="something is there already"):
        train_fasttext(tmp_path / "taken", positives=["few.jsonl"], negatives=["few.jsonl"], console=QUIET)
