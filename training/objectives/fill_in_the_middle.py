"""Fill in the middle: documents are cut in three, and a decoder learns to write the middle from what is before and behind it.

A document `prefix middle suffix` is read as PSM, `<PRE> prefix <SUF> suffix <MID> middle`, or as SPM,
`<PRE> <SUF> suffix <MID> prefix middle`; what begins it (BOS) stays first, what ends it (EOS) last. The marks are the first
three sentinels that shards reserve. Each document of a row is cut as if it were alone, the others are read as they stand.

Sources: Bavarian et al. 2022, "Efficient training of language models to fill in the middle" (cuts drawn evenly at the level
of characters, SPM in the variant 2, half of the documents); Li et al. 2023 (StarCoder), section 3.5, for both rates of 0.5.
"""

from functools import cached_property
from typing import ClassVar, Literal, NamedTuple

import numpy as np
import torch
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.strict import Strict
from gristmill.training.objectives.causal import CausalRows, causal_labels
from gristmill.training.objectives.keyed import uniforms
from gristmill.training.objectives.registry import Setting, TokenLosses
from gristmill.training.objectives.tensors import tensor
from gristmill.training.objectives.windows import IGNORED, Windows, document_numbers, special_table
from pydantic import Field
from tokenizers import Tokenizer

MULTIPLE = 64  # widths are rounded up to it, so that few shapes occur
MARKS = 3
DRAWS = 4  # of each document: whether, which order, and two cuts


class MiddleOptions(Strict):
    """rate: of the documents that are cut; spm_rate: of these, those whose suffix comes first. level: where cuts may fall,
    between characters (by default, where the shards have their tokenizer) or between tokens. min_tokens: shorter documents
    are read as they stand."""

    rate: float = Field(0.5, ge=0, le=1)
    spm_rate: float = Field(0.5, ge=0, le=1)
    level: Literal["character", "token"] | None = None
    min_tokens: int = Field(10, ge=2)


class Pieces(NamedTuple):
    """A document in three: ids and labels of each, int64 (n,)."""

    prefix: tuple[np.ndarray, np.ndarray]
    middle: tuple[np.ndarray, np.ndarray]
    suffix: tuple[np.ndarray, np.ndarray]


def arranged(pieces: Pieces, marks: np.ndarray, *, spm: bool, most: int) -> tuple[np.ndarray, np.ndarray]:
    """(ids, labels) of a document in PSM or SPM order. most: of its tokens; what is more is left out at the suffix's end.

    >>> one = lambda *ids: (np.array(ids), np.array(ids))
    >>> pieces, marks = Pieces(one(1, 2), one(3), one(4)), np.array([90, 91, 92])
    >>> arranged(pieces, marks, spm=False, most=9)[0].tolist(), arranged(pieces, marks, spm=True, most=9)[0].tolist()
    ([90, 1, 2, 91, 4, 92, 3], [90, 91, 4, 92, 1, 2, 3])
    """
    excess = sum(len(ids) for ids, _ in pieces) + MARKS - most
    suffix = pieces.suffix
    if excess > 0:
        suffix = (suffix[0][: max(len(suffix[0]) - excess, 0)], suffix[1][: max(len(suffix[1]) - excess, 0)])
    pre, suf, mid = ((marks[number : number + 1],) * 2 for number in range(MARKS))
    order = [pre, pieces.prefix, suf, suffix, mid, pieces.middle]
    if spm:
        order = [pre, suf, suffix, mid, pieces.prefix, pieces.middle]
    ids, labels = (np.concatenate([part[side] for part in order]) for side in (0, 1))
    return ids[:most], labels[:most]


def restored(ids: np.ndarray, marks: np.ndarray) -> np.ndarray:
    """The document again, from either order.

    >>> marks = np.array([90, 91, 92])
    >>> [restored(np.array(ids), marks).tolist() for ids in ([90, 1, 2, 91, 4, 92, 3], [90, 91, 4, 92, 1, 2, 3])]
    [[1, 2, 3, 4], [1, 2, 3, 4]]
    """
    pre, suf, mid = (int(np.flatnonzero(ids == mark)[0]) for mark in marks)
    return np.concatenate([ids[:pre], ids[pre + 1 : suf], ids[mid + 1 :], ids[suf + 1 : mid]])


class FillInTheMiddle(CausalRows):
    """input_ids, position_ids, labels: (rows, width), as of `clm`; the width grows by three marks for each document cut.

    `token_losses` are those of the documents read as they stand, so that blame and scores stay at their places.
    """

    shapes: ClassVar[frozenset[str]] = CausalRows.shapes
    Options: ClassVar[type[Strict]] = MiddleOptions
    probed_as: ClassVar[CausalRows] = CausalRows()  # by training.models.masks

    def __init__(self, setting: Setting, options: MiddleOptions) -> None:
        super().__init__()
        self.setting, self.options = setting, options
        if len(setting.tokenizer.sentinel_ids) < MARKS:
            raise RecipeError(
                f"{len(setting.tokenizer.sentinel_ids)} sentinel ids in the shards",
                where="objective fill_in_the_middle",
                expected=f"{MARKS}, for prefix, suffix and middle",
                next_step="reserve sentinels when writing shards",
            )
        if options.level == "character" and setting.tokenizer_folder is None:
            raise RecipeError(
                "cuts between characters without the tokenizer",
                where="objective fill_in_the_middle, option level",
                expected="shards with their tokenizer",
                next_step="write `level: token`",
            )
        self.marks = np.array(setting.tokenizer.sentinel_ids[:MARKS], np.int64)
        self.special = special_table(setting.tokenizer)
        self.by_character = options.level != "token" and setting.tokenizer_folder is not None

    def __call__(self, windows: Windows, positions: np.ndarray) -> dict[str, torch.Tensor | bool | float]:
        rows = self.rearranged(windows, positions)
        return {**{name: tensor(values) for name, values in rows.items()}, "use_cache": False}

    def token_losses(self, model: torch.nn.Module, windows: Windows, positions: np.ndarray) -> TokenLosses:
        return self.probed_as.token_losses(model, windows, positions)

    def rearranged(self, windows: Windows, positions: np.ndarray) -> dict[str, np.ndarray]:
        """input_ids, labels, position_ids int64 (rows, width): a pure function of window, seed and position."""
        documents = document_numbers(windows, self.setting.tokenizer)
        labels = causal_labels(windows)
        most = max(int(documents.max(initial=0)), 1)
        draws = uniforms(self.setting.seed, "fill in the middle", positions, DRAWS * most)
        rows = [
            self._row(windows["input_ids"][row], labels[row], documents[row], draws[row].reshape(most, DRAWS))
            for row in range(len(documents))
        ]
        width = -(-max(len(ids) for ids, _, _ in rows) // MULTIPLE) * MULTIPLE if rows else MULTIPLE
        out = {
            "input_ids": np.full((len(rows), width), self.setting.tokenizer.pad_id, np.int64),
            "labels": np.full((len(rows), width), IGNORED, np.int64),
            "position_ids": np.zeros((len(rows), width), np.int64),
        }
        for row, (ids, own_labels, places) in enumerate(rows):
            out["input_ids"][row, : len(ids)] = ids
            out["labels"][row, : len(ids)] = own_labels
            out["position_ids"][row, : len(ids)] = places
            out["position_ids"][row, len(ids) :] = np.arange(width - len(ids))
        return out

    def _row(
        self, ids: np.ndarray, labels: np.ndarray, documents: np.ndarray, draws: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        edges = np.flatnonzero(np.diff(documents)) + 1
        parts = []
        for start, end in zip([0, *edges.tolist()], [*edges.tolist(), len(ids)], strict=True):
            number = int(documents[start])
            one = (ids[start:end], labels[start:end])
            if number:
                one = self._document(*one, draws[number - 1])
            parts.append((*one, np.arange(len(one[0]))))
        return tuple(np.concatenate([part[side] for part in parts]) for side in range(3))  # type: ignore[return-value]

    def _document(self, ids: np.ndarray, labels: np.ndarray, draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A document, cut or as it stands. Its label at the first token is none, as nothing precedes it."""
        text = np.flatnonzero(~self.special[ids])
        if len(text) < self.options.min_tokens or draws[0] >= self.options.rate:
            return ids, labels
        first, last = int(text[0]), int(text[-1]) + 1
        own = labels.copy()
        if first == 0 and own[1] != IGNORED:
            own[0] = ids[0]  # it follows a mark now
        pieces = self._pieces(ids[first:last], own[first:last], draws[2:4])
        most = self.setting.window - first - (len(ids) - last)
        inner = arranged(pieces, self.marks, spm=bool(draws[1] < self.options.spm_rate), most=most)
        new_ids = np.concatenate([ids[:first], inner[0], ids[last:]])
        new_labels = np.concatenate([own[:first], inner[1], own[last:]])
        new_labels[0] = IGNORED
        return new_ids, new_labels

    def _pieces(self, ids: np.ndarray, labels: np.ndarray, draws: np.ndarray) -> Pieces:
        whole = bool((labels == ids).all())  # nothing forgotten in it: only then is it written anew
        text = self._text(ids) if self.by_character and whole else None
        if text:
            first, second = sorted(int(draw * (len(text) + 1)) for draw in draws)
            parts = (text[:first], text[first:second], text[second:])
            encoded = [np.array(self._encoded(part), np.int64) for part in parts]
            return Pieces(*((one, one) for one in encoded))
        first, second = sorted(int(draw * (len(ids) + 1)) for draw in draws)
        cuts = [slice(0, first), slice(first, second), slice(second, len(ids))]
        return Pieces(*((ids[cut], labels[cut]) for cut in cuts))

    def _text(self, ids: np.ndarray) -> str | None:
        """The text of ids, if they are what the tokenizer writes for it: not where a window begins within a character."""
        text = self._tokenizer.decode(ids.tolist(), skip_special_tokens=False)
        return text if self._encoded(text) == ids.tolist() else None

    def _encoded(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids) if text else []

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        assert self.setting.tokenizer_folder is not None
        tokenizer = Tokenizer.from_file(str(self.setting.tokenizer_folder / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return tokenizer
