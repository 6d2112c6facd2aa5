"""Language models trained on the spot: CCNet's formula, buckets, languages, determinism, and what is refused."""

import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from gristmill.console import Console
from gristmill.filters.model_signals.line_text import ccnet_line
from gristmill.filters.model_signals.perplexity import bucket, line_perplexity
from gristmill.filters.registry import family
from gristmill.pipelines.build import build
from gristmill.pipelines.signal_models import programs
from gristmill.pipelines.signal_models.train_kenlm import KenlmOptions, train_kenlm
from gristmill.schemas.errors import GristmillError, InputError, ModelError, RecipeError
from gristmill.schemas.signal_models import LanguageModel, read_model

from tests.builds import digests, table, write_jsonl, write_recipe
from tests.made_texts import ADJECTIVES, NOUNS, prose, story, write_texts

QUIET = Console(quiet=True)
SMALL = KenlmOptions(order=3, vocabulary=200, memory="64M")
lmplz = pytest.mark.lmplz


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    dice = random.Random(1)
    return write_texts(tmp_path_factory.mktemp("lm") / "texts.jsonl", [story(dice) for _ in range(1500)])


@pytest.fixture(scope="module")
def model(texts: Path) -> Path:
    train_kenlm([str(texts)], texts.parent / "en", "en", options=SMALL, console=QUIET)
    return texts.parent / "en"


def measured(model: Path, texts: list[str | None], languages: list[str | None] | None = None) -> list[dict[str, Any]]:
    columns = {"text": texts, "language": languages or ["en"] * len(texts)}
    batch = pa.record_batch({name: pa.array(values, pa.large_string()) for name, values in columns.items()})
    return family("perplexity").function(batch, {"models": {"en": str(model)}}).to_pylist()


@lmplz
def test_the_formula(model: Path) -> None:
    import kenlm
    from sentencepiece import SentencePieceProcessor

    text = "The old Miller visits the garden.\n\nThe river, 12 bridges…\nÉclair!"
    scorer, pieces = kenlm.Model(str(model / "lm.binary")), SentencePieceProcessor(str(model / "tokenizer.model"))
    log10, length = 0.0, 0
    for line in filter(None, map(ccnet_line, text.split("\n"))):
        tokens = pieces.encode(line, out_type=str)
        log10 += sum(score for score, _, _ in scorer.full_scores(" ".join(tokens)))
        length += len(tokens) + 1
    assert measured(model, [text])[0]["perplexity"] == pytest.approx(10 ** (-log10 / length), abs=0.051)


@lmplz
def test_prose_is_less_surprising_than_lists_than_shuffled_words(model: Path) -> None:
    dice = random.Random(77)
    texts = [story(dice) for _ in range(30)]
    lists = ["\n".join(f"The {dice.choice(ADJECTIVES)} {dice.choice(NOUNS)}" for _ in range(20)) for _ in range(30)]
    shuffled = [" ".join(dice.sample(text.split(), len(text.split()))) for text in texts]
    means = [sum(row["perplexity"] for row in measured(model, list(kind))) / 30 for kind in (texts, lists, shuffled)]
    assert means == sorted(means)
    buckets = [row["perplexity_bucket"] for row in measured(model, list(shuffled))]
    assert buckets == ["tail"] * 30
    assert {row["perplexity_bucket"] for row in measured(model, list(texts))} >= {"head", "tail"}


@lmplz
def test_percentiles_are_those_of_the_reference(model: Path) -> None:
    manifest = read_model(str(model), LanguageModel, "")
    values = [manifest.percentiles[percent] for percent in range(1, 100)]
    assert values == sorted(values)
    assert manifest.training["reference_texts"] == manifest.training["held_out"] > 5
    low, high = manifest.percentiles[10], manifest.percentiles[90]
    assert bucket(low - 0.1, str(model), 10, 90) == "head"
    assert low < high
    assert bucket(low, str(model), 10, 90) == "middle"
    assert bucket(high, str(model), 10, 90) == "tail"


@lmplz
@pytest.mark.parametrize("text", [None, "", "\n\n", "\0\x07", " \t"])
def test_texts_with_nothing_to_score_have_none(model: Path, text: str | None) -> None:
    assert set(measured(model, [text])[0].values()) == {None}


@lmplz
@pytest.mark.parametrize("text", ["\0a", "<s> </s> <unk>", "x" * 300_000, "word " * 60_000, "漢字\u2028😀"])
def test_hostile_texts_have_a_value(model: Path, text: str) -> None:
    assert measured(model, [text])[0]["perplexity"] > 0


@lmplz
def test_a_language_without_a_model_has_none(model: Path) -> None:
    rows = measured(model, ["The old mill."] * 3, ["en", "de", None])
    assert rows[0]["perplexity"] is not None
    assert [set(row.values()) for row in rows[1:]] == [{None}] * 2


@lmplz
def test_the_same_lines_in_other_files_give_the_same_model(texts: Path, model: Path, tmp_path: Path) -> None:
    lines = texts.read_text().split("\n")[:-1]
    random.Random(3).shuffle(lines)
    for number in range(2):
        (tmp_path / f"{number}.jsonl").write_text("\n".join(lines[number::2]) + "\n")
    again = train_kenlm([str(tmp_path / "*.jsonl")], tmp_path / "again", "en", options=SMALL, console=QUIET)
    first = read_model(str(model), LanguageModel, "")
    assert again.files == first.files
    assert again.percentiles == first.percentiles


@lmplz
def test_a_given_tokenizer_and_reference_and_a_probing_model(texts: Path, tmp_path: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel()
    tokenizer.train_from_iterator([texts.read_text().lower()], trainers.BpeTrainer(vocab_size=300, show_progress=False))
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    reference = write_texts(tmp_path / "reference.jsonl", [prose(random.Random(n), 3) for n in range(20)])
    manifest = train_kenlm(
        [str(texts)],
        tmp_path / "model",
        "en",
        tokenizer=tmp_path / "tokenizer.json",
        reference=[str(reference)],
        options=KenlmOptions(order=2, prune=(0, 1), kind="probing", memory="64M"),
        console=QUIET,
    )
    assert manifest.tokenizer_kind == "tokenizers"
    assert manifest.training["reference_texts"] == 20
    good, bad = (line_perplexity(str(tmp_path / "model"))(text) for text in (prose(random.Random(0)), "zq xv jk"))
    assert good is not None
    assert bad is not None
    assert good < bad


@lmplz
def test_a_build_scores_each_language_by_its_model(model: Path, tmp_path: Path) -> None:
    """Measured together with `language` or after it, in one part or several: the same rows."""
    dice = random.Random(4)
    english = [{"id": f"e{n}", "text": prose(dice)} for n in range(12)]
    german = [{"id": f"g{n}", "text": "Die Mühle steht am Fluss und das Rad dreht sich langsam."} for n in range(2)]
    signals = {"perplexity": {"models": {"en": "en-model"}}}
    rule = {"name": "surprising", "signal": "perplexity", "keep": "< 100000"}
    changes: dict[str, Any] = {"policy": {"rules": [rule]}, "dedup": {"exact": None}, "text": "original"}
    found = []
    for name, cut in (("together", 14), ("after", 5)):
        base = tmp_path / name
        rows = [*english, *german]
        write_jsonl(base / "in" / "0.jsonl", rows[:cut])
        write_jsonl(base / "in" / "1.jsonl", rows[cut:])
        (base / "en-model").symlink_to(model)
        sources = [{"name": "s", "path": "in/*.jsonl", "columns": {"id": "id"}}]
        if name == "after":
            first = write_recipe(base / "r.yaml", sources, signals={"language": {}}, **{**changes, "policy": {}})
            build(str(first), base / "run", console=QUIET, report=False)
        recipe = write_recipe(base / "r.yaml", sources, signals=signals, **changes)
        build(str(recipe), base / "run", console=QUIET, report=False)
        found.append(digests(base / "run")["signals/perplexity"])
    assert found[0] == found[1]
    rows = table(tmp_path / "after" / "run", "signals/perplexity").to_pylist()
    assert sum(row["perplexity"] is None for row in rows) == 2
    assert all(row["perplexity_error"] is None for row in rows)


@lmplz
def test_models_that_cannot_be_used_are_errors_before_the_run(model: Path, tmp_path: Path) -> None:
    check = family("perplexity").check_options
    check({"models": {"en": str(model)}})
    with pytest.raises(ModelError, match="a model of 'en'; expected a model of 'de'"):
        check({"models": {"de": str(model)}})
    with pytest.raises(ModelError, match="no model in"):
        check({"models": {"en": str(tmp_path)}})
    for name in ("tokenizer.model", "lm.binary"):
        broken = tmp_path / name.replace(".", "-")
        broken.mkdir()
        for file in model.iterdir():
            (broken / file.name).write_bytes(b"broken" if file.name == name else file.read_bytes())
        with pytest.raises(ModelError, match="readable"):
            check({"models": {"en": str(broken)}})
    wrong = tmp_path / "kind"
    wrong.mkdir()
    (wrong / "manifest.json").write_text(json.dumps({"kind": "fasttext"}))
    with pytest.raises(ModelError, match="of kind 'fasttext'"):
        check({"models": {"en": str(wrong)}})
    for options in ({}, {"models": []}, {"models": {"en": str(model)}, "head": 60, "tail": 30}):
        with pytest.raises(RecipeError):
            check(options)


@lmplz
@pytest.mark.parametrize(
    ("rows", "error", "match"),
    [
        (["a line"], InputError, "reference texts|no line to learn from|SentencePiece"),
        (["", "\n"], InputError, "no text at all"),
    ],
)
def test_too_few_texts(tmp_path: Path, rows: list[str], error: type[GristmillError], match: str) -> None:
    write_texts(tmp_path / "few.jsonl", rows)
    with pytest.raises(error, match=match):
        train_kenlm([str(tmp_path / "few.jsonl")], tmp_path / "m", "en", options=SMALL, console=QUIET)
    assert [path.name for path in tmp_path.iterdir()] == ["few.jsonl"]


def test_without_lmplz_the_message_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs.sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ModelError, match=r"the program lmplz is missing.*make kenlm"):
        train_kenlm(["x.jsonl"], tmp_path / "m", "en", options=SMALL, console=QUIET)


@pytest.mark.parametrize("options", [KenlmOptions(order=1), KenlmOptions(prune=(1, 0)), KenlmOptions(kind="arpa")])  # type: ignore[arg-type]
def test_options_that_are_none(tmp_path: Path, options: KenlmOptions) -> None:
    with pytest.raises(RecipeError):
        train_kenlm(["x.jsonl"], tmp_path / "m", "en", options=options, console=QUIET)
