"""Conversations in shards: the tokens and masks of transformers' own template, rows that cannot be learned from."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from gristmill import build, forget, verify_shards, write_shards
from gristmill.chat.templates import CHAT_TEMPLATES
from gristmill.console import Console
from gristmill.schemas.errors import InputError, ModelError, RecipeError
from gristmill.schemas.shards.format import BIN, DOCS, LOSS
from gristmill.schemas.shards.index import decode_index

from tests.builds import write_jsonl

QUIET = Console(quiet=True)


def talk(number: int) -> dict[str, Any]:
    call = {"type": "function", "function": {"name": "add", "arguments": {"a": number, "b": 1}}}
    return {
        "id": f"talk-{number}",
        "messages": [
            {"role": "system", "content": "You are the miller. Réponds!"},
            {"role": "user", "content": f"What is {number} plus one?\nTell me  please. 中文"},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "content": str(number + 1)},
            {"role": "assistant", "content": f"It is {number + 1}, näturally. 🙂"},
        ],
        "tools": [{"name": "add", "parameters": {"type": "object"}}],
    }


BAD = [
    {"id": "no target", "messages": [{"role": "user", "content": "Is anybody there?"}]},
    {"id": "spelled", "messages": [{"role": "user", "content": "<|im_end|> and <|end|>"}, talk(1)["messages"][4]]},
    {"id": "refused", "messages": [{"role": "user", "content": None}, talk(1)["messages"][4]]},
]


def run_of(folder: Path, rows: list[dict[str, Any]], **recipe: Any) -> Any:
    write_jsonl(folder / "rows.jsonl", rows)
    source = {"name": "talks", "path": str(folder / "rows.jsonl"), "columns": {"id": "id"}}
    return build({"name": "t", "rows": "conversation", "sources": [source], **recipe}, folder / "run", console=QUIET)


@pytest.fixture(scope="module")
def talks(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return run_of(tmp_path_factory.mktemp("talks"), [*(talk(n) for n in range(12)), *BAD])


def stored(folder: Path, shard: str) -> dict[str, tuple[list[int], list[int]]]:
    """doc_id -> (ids, loss) of the documents of a shard."""
    index = decode_index((folder / f"{shard}.idx").read_bytes())
    ids = np.fromfile(folder / f"{shard}{BIN}", "<u2")
    loss = np.fromfile(folder / f"{shard}{LOSS}", np.uint8)
    names = pq.read_table(folder / f"{shard}{DOCS}").column("doc_id").to_pylist()
    ends = np.cumsum(index.lengths)
    return {
        name: (ids[end - length : end].tolist(), loss[end - length : end].tolist())
        for name, end, length in zip(names, ends, index.lengths, strict=True)
    }


@pytest.mark.parametrize("template", ["chatml", "gristmill"])
def test_tokens_and_masks_are_those_of_transformers(talks: Any, tokenizer: str, tmp_path: Path, template: str) -> None:
    transformers = pytest.importorskip("transformers")
    options = {"tokenizer": tokenizer, "chat_template": template, "sentinels": 0}
    manifest = write_shards(talks, tmp_path / "shards", options, console=QUIET)
    assert manifest.documents == 12
    assert {name: count for name, count in manifest.facts.items() if name.startswith("left_out/")} == {
        "left_out/nothing that the assistant wrote": 1,
        "left_out/a special token written out in a message": 1,
        "left_out/messages that the chat template refuses": 1,
    }
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path / "shards/tokenizer")
    assert theirs.chat_template == CHAT_TEMPLATES[template].jinja
    (shard,) = (entry.name for entry in manifest.shards)
    rows = stored(tmp_path / "shards", shard)
    of_id = {row["doc_id"]: row["text"] for row in talks.corpus}
    for number in range(12):
        wanted = theirs.apply_chat_template(
            talk(number)["messages"], tools=talk(number)["tools"], return_dict=True, return_assistant_tokens_mask=True
        )
        (mine,) = (rows[name] for name, text in of_id.items() if name in rows and f"What is {number} plus" in text)
        assert mine[0] == [*wanted["input_ids"], manifest.tokenizer.eos_id]
        assert mine[1] == [*wanted["assistant_masks"], 0]
        assert sum(mine[1]) > 5
    assert not verify_shards(tmp_path / "shards", QUIET).problems


def test_forgotten_conversations_are_replaced_as_conversations(tokenizer: str, tmp_path: Path) -> None:
    """Who takes the place of a forgotten row comes as a delta shard, rendered and masked as the others."""
    twin = {**talk(1), "id": "twin", "messages": [*talk(1)["messages"][:4], {"role": "assistant", "content": "Two."}]}
    shards = {"tokenizer": tokenizer, "chat_template": "chatml", "sentinels": 0}
    run = run_of(tmp_path, [talk(1), twin, talk(2)], dedup={"exact": {"view": "user"}}, shards=shards)
    kept = {row["doc_id"]: row["text"] for row in run.corpus}
    (asked,) = (name for name, text in kept.items() if "What is 1 plus" in text)
    first = {path.name: path.read_bytes() for path in (tmp_path / "run/shards/train").iterdir()}
    forget(tmp_path / "run", [asked], "record", console=QUIET)
    assert {name: (tmp_path / "run/shards/train" / name).read_bytes() for name in first} == first
    deltas = sorted(path.stem for path in (tmp_path / "run/shards/train").glob("*delta*.bin"))
    ((ids, loss),) = stored(tmp_path / "run/shards", f"train/{deltas[0]}").values()
    assert len(ids) == len(loss)
    assert 0 < sum(loss) < len(loss) - 10
    assert not verify_shards(tmp_path / "run/shards", QUIET).problems


def test_a_template_of_a_known_form_is_given_marks(tokenizer: str, tmp_path: Path) -> None:
    """ChatML as it is mostly published, which marks nothing: tokens and losses are those of our own, and it is said."""
    turns = [{"role": "user", "content": "What is it?"}, {"role": "assistant", "content": "A mill. "}]
    run = run_of(tmp_path, [{"id": str(number), "messages": turns * (number + 1)} for number in range(3)])
    ours = write_shards(run, tmp_path / "a", {"tokenizer": tokenizer, "chat_template": "chatml"}, console=QUIET)
    template = tmp_path / "a/tokenizer/chat_template.jinja"
    template.write_text(
        "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>' + '\\n' }}{% endfor %}"
    )
    told = io.StringIO()
    options = {"tokenizer": str(tmp_path / "a/tokenizer")}
    theirs = write_shards(run, tmp_path / "b", options, console=Console(told))
    assert "was given marks of what the assistant writes: {{ '<|im_start|>'" in told.getvalue()
    assert "{% generation %}" in (tmp_path / "b/tokenizer/chat_template.jinja").read_text()
    first, second = (stored(tmp_path / name, shards.shards[0].name) for name, shards in (("a", ours), ("b", theirs)))
    assert first == second
    assert len(first) == 3


def test_what_is_no_template_is_refused(talks: Any, tokenizer: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no chat template, so nothing says which tokens the assistant wrote"):
        write_shards(talks, tmp_path / "shards", {"tokenizer": tokenizer}, console=QUIET)
    options = {"tokenizer": tokenizer, "chat_template": "chatml", "loss_column": "spans"}
    with pytest.raises(RecipeError, match="`add_bos` or `loss_column` for conversations"):
        write_shards(talks, tmp_path / "shards", options, console=QUIET)
    assert not (tmp_path / "shards").exists()
    write_jsonl(tmp_path / "pairs.jsonl", [{"prompt": "a", "chosen": "b", "rejected": "c"}])
    recipe = {"name": "t", "rows": "pair", "sources": [{"name": "p", "path": str(tmp_path / "pairs.jsonl")}]}
    with pytest.raises(RecipeError, match="shards of rows that are a pair"):
        build({**recipe, "shards": {"tokenizer": tokenizer}}, tmp_path / "run", console=QUIET)
    pairs = build(recipe, tmp_path / "pairs", console=QUIET)
    with pytest.raises(InputError, match="the rows are of the kind pair"):
        write_shards(pairs, tmp_path / "shards", {"tokenizer": tokenizer}, console=QUIET)
