"""Conversations as tokens of shards: rendered by a chat template, with a loss where the assistant speaks.

The ids and the mask are those of `apply_chat_template(..., return_assistant_tokens_mask=True)` of transformers. A row that a
model cannot be trained on is left out, and counted by the reason: nothing that the assistant wrote, a turn whose last
token of the assistant is no special one (a model would never learn to stop), a special token written out in a message,
messages that the template refuses.
"""

import json
from collections import Counter
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from gristmill.chat.patch import patched, special_texts
from gristmill.chat.render import UnrenderedError, marks_generation, render
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.shards.encoding.literals import Literals
from gristmill.pipelines.shards.encoding.tokenizer import CHAT_TEMPLATE, CONFIG_FILE, PreparedTokenizer
from gristmill.pipelines.shards.inputs import CONVERSATION
from gristmill.pipelines.shards.special_roles import CONFIG_KEYS, token_name
from gristmill.schemas.errors import ModelError
from gristmill.schemas.rows.registry import row_kind
from gristmill.schemas.shards.format import TOKENIZER_FOLDER
from tokenizers import Tokenizer

CONVERSATIONS = "conversations"  # count of the rows written
LEFT_OUT = "left_out/"  # prefix of the counts of rows left out
NO_TARGET = "nothing that the assistant wrote"
NO_END = "a turn of the assistant that does not end with a special token"
SPECIAL_IN_TEXT = "a special token written out in a message"
REFUSED = "messages that the chat template refuses"


class Conversations(NamedTuple):
    """rows: those of the batch that are written. ids, offsets: of their tokens. loss: uint8, 1 where it counts."""

    rows: np.ndarray
    ids: np.ndarray
    offsets: np.ndarray
    loss: np.ndarray
    left_out: Counter[str]


def with_marks(prepared: PreparedTokenizer) -> PreparedTokenizer:
    """The tokenizer, its chat template with marks where it has a well-known form and none; a note says what was changed.

    ModelError where nothing says what the assistant wrote.
    """
    config = json.loads(prepared.files[CONFIG_FILE])
    template = _template_of(prepared.files)
    special = [token.content for token in _special_tokens(Tokenizer.from_str(prepared.content))]
    made = patched(template, special_texts(config), special) if isinstance(template, str) else None
    if made is None:
        chosen_template(prepared.files)
        return prepared
    files = {**prepared.files, CHAT_TEMPLATE: made.template.encode()}
    note = f"the chat template marks nothing, and was given marks of what the assistant writes: {made.change}"
    return replace(prepared, files=files, notes=(*prepared.notes, note))


def _template_of(files: dict[str, bytes]) -> Any:
    if CHAT_TEMPLATE in files:
        return files[CHAT_TEMPLATE].decode()
    return json.loads(files[CONFIG_FILE]).get("chat_template")


def _special_tokens(tokenizer: Tokenizer) -> list[Any]:
    return [token for token in tokenizer.get_added_tokens_decoder().values() if token.special]


def chosen_template(files: dict[str, bytes]) -> str:
    """The template of a prepared tokenizer; ModelError where it has none that says what the assistant wrote.

    files: those that lie beside tokenizer.json, by name.
    """
    template = _template_of(files)
    if not isinstance(template, str) or not marks_generation(template):
        found = "no chat template" if not template else "a chat template without {% generation %}"
        raise ModelError(
            f"the tokenizer has {found}, so nothing says which tokens the assistant wrote",
            expected="a template that marks them",
            next_step="choose one of ours with `chat_template: chatml` (or `gristmill`), `--chat-template` on the command line",
        )
    return template


class ChatEncoder:
    """The tokenizer and the template that lie in a shard folder."""

    def __init__(self, storage: Storage, content: str) -> None:
        files = {}
        for name in (CHAT_TEMPLATE, CONFIG_FILE):
            if storage.exists(f"{TOKENIZER_FOLDER}/{name}"):
                with storage.open(f"{TOKENIZER_FOLDER}/{name}") as file:
                    files[name] = file.read()
        self.template = chosen_template(files)
        config = json.loads(files[CONFIG_FILE])
        keys = {*CONFIG_KEYS.values(), "bos_token", "eos_token", "pad_token", "unk_token"}
        named = {key: token_name(config.get(key)) for key in keys}
        self.special_tokens = {key: name for key, name in named.items() if name}
        self.tokenizer = Tokenizer.from_str(content)
        special = {i: t.content for i, t in self.tokenizer.get_added_tokens_decoder().items() if t.special}
        self._special_ids = set(special)
        self._literals = Literals(name for name in special.values() if len(name) > 1)
        self._kind = row_kind(CONVERSATION)

    def encode(self, batch: pa.RecordBatch) -> Conversations:
        """Columns text (without nulls), pieces, fields."""
        spelled = self._literals.found_in(batch.column("text"))
        left_out: Counter[str] = Counter()
        rows: list[int] = []
        ids: list[np.ndarray] = []
        losses: list[np.ndarray] = []
        for row, stored in enumerate(batch.select(["text", "pieces", "fields"]).to_pylist()):
            found = SPECIAL_IN_TEXT if spelled[row] else self._one(stored)
            if isinstance(found, str):
                left_out[LEFT_OUT + found] += 1
                continue
            rows.append(row)
            ids.append(found[0])
            losses.append(found[1])
        offsets = np.zeros(len(rows) + 1, np.int64)
        np.cumsum([len(one) for one in ids], out=offsets[1:])
        every = np.concatenate([np.zeros(0, np.int32), *ids])
        return Conversations(np.array(rows, np.int64), every, offsets, np.concatenate([_NOTHING, *losses]), left_out)

    def _one(self, stored: dict[str, Any]) -> tuple[np.ndarray, np.ndarray] | str:
        """(ids, loss) of one row, or why it is left out."""
        record = self._kind.decode(stored["text"], stored["pieces"], json.loads(stored["fields"]))
        tools = record.get("tools")
        try:
            tools = json.loads(tools) if isinstance(tools, str) else tools
            text, generated = render(self.template, record["messages"], tools or None, self.special_tokens)
        except (UnrenderedError, ValueError):
            return REFUSED
        encoding = self.tokenizer.encode(text, add_special_tokens=False)
        places = np.array(encoding.offsets, np.int64).reshape(-1, 2)
        loss = np.zeros(len(places), np.uint8)
        spans = np.array(generated, np.int64).reshape(-1, 2)
        first = np.searchsorted(places[:, 1], spans[:, 0], "right")  # the first token that ends behind a span's start
        behind = np.searchsorted(places[:, 0], spans[:, 1], "left")
        for start, end in zip(first.tolist(), behind.tolist(), strict=True):
            loss[start:end] = 1
        ids = np.array(encoding.ids, np.int32)
        ends = np.flatnonzero((loss == 1) & np.append(loss[1:] == 0, True))
        if not loss[1:].any():
            return NO_TARGET
        return (ids, loss) if all(int(ids[end]) in self._special_ids for end in ends) else NO_END


_NOTHING = np.zeros(0, np.uint8)
