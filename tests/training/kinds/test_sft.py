"""Supervised fine-tuning: the losses of trl's SFTTrainer, no row truncated, lost or seen by another, exact resume, errors."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from datasets import Dataset, disable_progress_bars
from gristmill.schemas.errors import GristmillError, ModelError, RecipeError
from gristmill.schemas.training.sft import SftRecipe
from gristmill.training.data.conversations import ConversationEncoder
from gristmill.training.data.row_files import read_rows
from gristmill.training.data.rows import RowPlan
from gristmill.training.kinds.sft import Sft
from gristmill.training.models.finished import load_tokenizer
from gristmill.training.run.folder import read_training
from gristmill.training.run.train import train
from trl import SFTConfig, SFTTrainer

from tests.training.kinds.tiny_models import WORDS, model_of, options_of, steps_of, tokenizer_of, write_lines
from tests.training.training_runs import go_back

pytestmark = pytest.mark.filterwarnings(
    "ignore:.is_gradient_checkpointing. is deprecated:FutureWarning"
)  # trl reads it


def conversation(number: int) -> dict[str, Any]:
    """Of one or two turns, answers of one to six words."""
    answer = " ".join(WORDS[(number + place) % 40] for place in range(number % 6 + 1))
    turns = [{"role": "user", "content": WORDS[number % 40]}, {"role": "assistant", "content": answer}]
    system = [{"role": "system", "content": "ba be"}] if number % 3 == 0 else []
    return {"id": f"row-{number}", "messages": system + turns * (number % 2 + 1)}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """model/ with its tokenizer, and rows.jsonl."""
    folder = tmp_path_factory.mktemp("sft")
    model_of(tokenizer_of(WORDS, folder / "model"))
    write_lines(folder / "rows.jsonl", [conversation(number) for number in range(24)])
    return folder


def recipe(home: Path, **changes: Any) -> SftRecipe:
    defaults = {"kind": "sft", "chat_template": "chatml", "model": str(home / "model")}
    defaults["rows"] = str(home / "rows.jsonl")
    return SftRecipe.model_validate(options_of(**defaults | changes))


@pytest.mark.parametrize("packing", [False, True])
def test_losses_are_those_of_trl(home: Path, tmp_path: Path, packing: bool) -> None:
    """The same rows in the same order; packed, trl is given the sequences that we made, as it would collate its own."""
    chosen = recipe(home, packing=packing, micro_batch_sequences=2, checkpoints={"every_steps": 4})
    run = train(chosen, tmp_path / "run").folder
    kind = Sft(chosen, tmp_path / "none")
    kind.prepare(None)
    order = RowPlan.load(run).row(np.arange(16)).tolist()
    tokenizer = load_tokenizer(home / "model", "chatml")
    if packing:
        members = [[kind.usable.prepared[row] for row in kind.sequences_of_rows.members[number]] for number in order]
        rows = Dataset.from_list(
            [
                {
                    "input_ids": [int(token) for row in own for token in row.ids],
                    "labels": [int(t) if m else -100 for row in own for t, m in zip(row.ids, row.targets, strict=True)],
                    "seq_lengths": [len(row.ids) for row in own],
                }
                for own in members
            ]
        )
    else:
        records = read_rows(str(home / "rows.jsonl")).records
        rows = Dataset.from_list([{"messages": records[number]["messages"]} for number in order])
    disable_progress_bars()
    options = Sft(chosen, tmp_path / "none").arguments.to_dict()
    shared = (
        "max_steps",
        "per_device_train_batch_size",
        "gradient_accumulation_steps",
        "learning_rate",
        "warmup_steps",
    )
    arguments = SFTConfig(
        output_dir=str(tmp_path / "trl"),
        **{name: options[name] for name in (*shared, "lr_scheduler_type", "lr_scheduler_kwargs", "weight_decay")},
        adam_beta2=0.95,
        use_cpu=True,
        bf16=False,
        activation_checkpointing=False,
        assistant_only_loss=not packing,
        max_length=None if packing else 64,
        padding_free=packing,
        dataset_kwargs={"skip_prepare_dataset": packing},
        train_sampling_strategy="sequential",
        shuffle_dataset=False,
        logging_steps=1,
        report_to=[],
        disable_tqdm=True,
        save_strategy="no",
    )
    model = transformers.AutoModelForCausalLM.from_pretrained(home / "model", dtype=torch.float32)
    trainer = SFTTrainer(model=model, args=arguments, train_dataset=rows, processing_class=tokenizer)
    trainer.train()
    theirs = [line["loss"] for line in trainer.state.log_history if "loss" in line]
    assert [line["loss"] for line in steps_of(run)] == pytest.approx(theirs, rel=2e-5)


def test_packing_loses_nothing_and_changes_no_loss(home: Path, tmp_path: Path) -> None:
    """Every row stands whole in one sequence; the loss of each is that of the row alone."""
    kind = Sft(recipe(home, max_tokens=128), tmp_path / "run")
    kind.prepare(None)
    sequences = kind.sequences_of_rows
    assert sorted(int(row) for own in sequences.members for row in own) == list(range(24))
    assert max(len(own) for own in sequences.members) > 2
    alone = Sft(recipe(home, packing=False), tmp_path / "run")
    alone.prepare(None)
    model = kind.model()
    windows = sequences.windows(range(len(sequences)), 0)
    packed = kind.objective.token_losses(model, windows, np.arange(len(sequences)))
    found = {
        span.doc_id: packed.mean(number, span.start, span.end)
        for number in range(len(sequences))
        for span in sequences.spans(number)
    }
    singles = alone.sequences_of_rows.windows(range(24), 0)
    losses = alone.objective.token_losses(model, singles, np.arange(24))
    for number in range(24):
        assert found[f"row-{number}"] == pytest.approx(losses.mean(number, 0, 64), rel=1e-5)


@pytest.mark.parametrize("packing", [False, True])
def test_rows_are_named_by_their_losses(home: Path, tmp_path: Path, packing: bool) -> None:
    """What the watch asks for at a spike: sequences in any order, and every row of them."""
    kind = Sft(recipe(home, packing=packing), tmp_path / "run")
    kind.prepare(None)
    history = kind.open_history(None)
    losses = kind.losses(kind.trainer(history), history)
    count = len(kind.sequences_of_rows)
    some = [count - 1, 0, count // 2]
    by_row = {one.doc_id: one for one in losses.documents(range(count))}
    assert by_row.keys() == {f"row-{number}" for number in range(24)}
    means = losses.sequences(some)
    for index, mean in zip(some, means, strict=True):
        own = [one for one in by_row.values() if one.served == index]
        assert mean == pytest.approx(
            sum(one.loss * one.tokens for one in own) / sum(one.tokens for one in own), rel=1e-5
        )
    assert losses.batch(some) is not None


def test_the_assistant_and_its_end_of_turn_bear_the_loss(home: Path) -> None:
    for template, end in (("chatml", "<|im_end|>"), ("gristmill", "<|end|>")):
        tokenizer = load_tokenizer(home / "model", template)
        row = ConversationEncoder(tokenizer, 64)(conversation(3))  # a system turn, then two of each
        learned = tokenizer.decode(row.ids[row.targets])
        assert learned == f"{' '.join(WORDS[3:7])}{end}" * 2
        assert tokenizer.eos_token == end


def test_resumed_it_is_the_run_that_never_stopped(home: Path, tmp_path: Path) -> None:
    run = train(recipe(home), tmp_path / "run").folder
    whole, weights = steps_of(run), (run / "model" / "model.safetensors").read_bytes()
    shutil.rmtree(run / "set-aside", ignore_errors=True)
    go_back(run, 2)
    assert train(recipe(home, micro_batch_sequences=4), run).resumed_from == 2
    assert steps_of(run) == whole
    assert (run / "model" / "model.safetensors").read_bytes() == weights
    loaded = transformers.AutoTokenizer.from_pretrained(run / "model")
    assert loaded.eos_token == "<|im_end|>"
    model = transformers.AutoModelForCausalLM.from_pretrained(run / "model")
    assert loaded.convert_tokens_to_ids("<|im_end|>") in model.generation_config.eos_token_id
    assert "kind: sft" in (run / "model" / "README.md").read_text()


def test_rows_that_cannot_be_trained_on_are_named_or_left_out(home: Path, tmp_path: Path) -> None:
    good = [conversation(number) for number in range(8)]
    bad = {
        "long": {"messages": [{"role": "user", "content": "ba " * 80}, {"role": "assistant", "content": "ba"}]},
        "silent": {"messages": [{"role": "user", "content": "ba"}]},
        "forged": {"messages": [{"role": "user", "content": "<|im_end|>"}, {"role": "assistant", "content": "ba"}]},
        "odd role": {"messages": [{"role": "critic", "content": "ba"}, {"role": "assistant", "content": "ba"}]},
        "no text": {"messages": [{"role": "user", "content": 3}]},
        "empty": {"messages": []},
        "null": {"messages": None},
    }
    rows = write_lines(tmp_path / "rows.jsonl", [*good, *({"id": name, **row} for name, row in bad.items())])
    with pytest.raises(RecipeError, match=r"7 of 15 rows cannot be trained on: .*unusable_rows: leave_out"):
        train(recipe(home, rows=rows), tmp_path / "run")
    assert not (tmp_path / "run" / "training.json").exists()
    run = train(recipe(home, rows=rows, unusable_rows="leave_out", steps=1), tmp_path / "run").folder
    left_out = read_training(run)["left_out"]
    assert sum(left_out.values()) == 7
    assert left_out["more than max_tokens 64 tokens"] == 1
    assert left_out["a special token written out in a text"] == 1


def bare_template(tokenizer: Any) -> None:
    tokenizer.chat_template = "{% for m in messages %}{{ m.content }}{% endfor %}"


def test_a_template_of_a_known_form_is_given_marks(home: Path, tmp_path: Path) -> None:
    """ChatML as it is mostly published: what bears the loss is what our own marks say, and the card says what was changed."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(home / "model")
    tokenizer.chat_template = (
        "{% for m in messages %}{{'<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
    )
    tokenizer.save_pretrained(tmp_path / "tokenizer")
    chosen = recipe(home, tokenizer=str(tmp_path / "tokenizer"), chat_template=None, steps=1)
    kinds = [Sft(chosen, tmp_path / "a"), Sft(recipe(home), tmp_path / "b")]
    for kind in kinds:
        kind.open_rows()
    for theirs, ours in zip(*(kind.usable.prepared for kind in kinds), strict=True):
        assert theirs.ids.tolist() == ours.ids.tolist()
        assert theirs.targets.tolist() == ours.targets.tolist()
    model = train(chosen, tmp_path / "run").model
    assert "chat template, changed: `{{'<|im_start|>'" in (model / "README.md").read_text()
    assert "{% generation %}" in transformers.AutoTokenizer.from_pretrained(model).chat_template


def end_outside(tokenizer: Any) -> None:
    tokenizer.chat_template = (
        "{% for m in messages %}{% if m.role == 'assistant' %}{% generation %}{{ m.content }}{% endgeneration %}"
        "{% else %}{{ m.content }}{% endif %}<|im_end|>{% endfor %}"
    )


def no_pad(tokenizer: Any) -> None:
    tokenizer.pad_token = None


def no_eos(tokenizer: Any) -> None:
    tokenizer.eos_token = None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (bare_template, "a chat template without {% generation %}"),
        (end_outside, "whose last target is not the token that ends it"),
        (no_pad, "the tokenizer has no pad_token"),
        (no_eos, "the tokenizer has no eos_token"),
        (lambda tokenizer: None, "the tokenizer has no chat template"),
    ],
)
def test_tokenizers_that_cannot_do_it(home: Path, tmp_path: Path, change: Any, message: str) -> None:
    tokenizer = transformers.AutoTokenizer.from_pretrained(home / "model")
    change(tokenizer)
    tokenizer.save_pretrained(tmp_path / "tokenizer")
    changes = {"tokenizer": str(tmp_path / "tokenizer"), "chat_template": None}
    with pytest.raises(GristmillError, match=message):
        train(recipe(home, **changes), tmp_path / "run")
    assert not (tmp_path / "run" / "training.json").exists()


def test_inputs_that_are_none(home: Path, tmp_path: Path) -> None:
    for name, content, message in (
        ("empty.jsonl", "", "no rows"),
        ("columns.jsonl", '{"question": "a"}\n', "the columns are question; expected for kind sft messages, or prompt"),
        ("broken.jsonl", '{"messages": \n', "no JSON"),
        ("list.jsonl", "[1]\n", "list; expected a JSON object"),
        ("twice.jsonl", '{"id": 1, "text": "ba"}\n{"id": 1, "text": "be"}\n', "ids stand twice"),
        ("rows.txt", "ba", "a file .txt"),
        ("rows.parquet", "ba", "cannot be read"),
    ):
        (tmp_path / name).write_text(content)
        with pytest.raises(RecipeError, match=message):
            train(recipe(home, rows=str(tmp_path / name)), tmp_path / "run")
    with pytest.raises(RecipeError, match="no such file or folder"):
        train(recipe(home, rows=str(tmp_path / "nothing")), tmp_path / "run")
    with pytest.raises(ModelError, match="no tokenizer can be loaded"):
        train(recipe(home, model=str(tmp_path)), tmp_path / "run")
    bert = transformers.BertConfig(
        vocab_size=400, hidden_size=16, num_hidden_layers=1, num_attention_heads=1, intermediate_size=16
    )
    transformers.BertForMaskedLM(bert).save_pretrained(tmp_path / "bert")
    with pytest.raises(ModelError, match="a bert model; expected a decoder"):
        train(recipe(home, model=str(tmp_path / "bert"), tokenizer=str(home / "model")), tmp_path / "run")
    with pytest.raises(ModelError, match=r"a window of 512 tokens for a model of 256 positions.*set max_tokens to 256"):
        train(recipe(home, max_tokens=512), tmp_path / "run")
    assert not (tmp_path / "run" / "training.json").exists()


def test_a_folder_and_a_table_give_the_rows_of_the_lines(home: Path, tmp_path: Path) -> None:
    """Also where the columns of a table add nulls to a row."""
    rows = read_rows(str(home / "rows.jsonl"))
    for number, part in enumerate((rows.records[:10], rows.records[10:])):
        Dataset.from_list([{**record, "tools": None} for record in part]).to_parquet(
            tmp_path / f"part-{number}.parquet"
        )
    again = read_rows(str(tmp_path))
    assert again.digest == rows.digest
