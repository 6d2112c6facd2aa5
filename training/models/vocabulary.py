"""A loaded model and the shards' tokenizer: the same ids for the same text, and an embedding for every id.

Shards reserve ids above the vocabulary of a model's own tokenizer (padding, mask, separator, sentinels). No text has
them, so a model can be given embeddings for them: each new row is the mean of the rows there are (Hewitt 2021,
"Initializing new word embeddings for pretrained language models"), which is a function of the model alone.
"""

import json
from pathlib import Path
from typing import Any

import torch
import transformers
from gristmill.schemas.errors import ModelError
from gristmill.schemas.shards.format import TokenizerRecord
from gristmill.training.models.packed import ReplacedTokenModel
from gristmill.training.objectives.windows import ordinary_ids

TOKENIZER_FILE = "tokenizer.json"
OWN_TOKENIZER = "write the shards with the model's own tokenizer (`gristmill shards write --tokenizer FOLDER`)"


def fit_vocabulary(
    model: transformers.PreTrainedModel, tokenizer: TokenizerRecord, folder: Path, tokenizer_folder: Path | None
) -> None:
    """Give the model of `folder` an embedding for each id of the shards' tokenizer.

    ModelError when text of the shards has ids that the model does not know, or that mean something else to it.
    """
    _refuse_other_text(model.config, tokenizer, folder)
    _refuse_other_special_ids(model.config, tokenizer, folder)
    if tokenizer_folder is not None:
        _refuse_other_vocabulary(folder / TOKENIZER_FILE, tokenizer_folder / TOKENIZER_FILE, tokenizer)
    if model.config.vocab_size < tokenizer.vocab_size:
        _grow(model, tokenizer.vocab_size)
    if model.config.model_type == "t5":  # what the decoder of this run's objective starts with
        model.config.decoder_start_token_id = model.config.pad_token_id = tokenizer.pad_id
        if model.generation_config is not None:
            model.generation_config.decoder_start_token_id = model.generation_config.pad_token_id = tokenizer.pad_id


def _refuse_other_text(config: Any, tokenizer: TokenizerRecord, folder: Path) -> None:
    highest = int(ordinary_ids(tokenizer).max(initial=-1))
    if highest >= config.vocab_size:
        raise ModelError(
            f"an embedding of {config.vocab_size:,} ids",
            where=str(folder),
            expected=f"at least {highest + 1:,}: the text of the shards has ids up to {highest:,}",
            next_step=OWN_TOKENIZER,
        )


def _refuse_other_special_ids(config: Any, tokenizer: TokenizerRecord, folder: Path) -> None:
    for name in ("eos", "bos"):
        its, ours = getattr(config, f"{name}_token_id", None), getattr(tokenizer, f"{name}_id")
        known = its if isinstance(its, list) else [its]
        if its is not None and ours is not None and ours not in known:
            raise ModelError(
                f"{name} id {its}",
                where=str(folder),
                expected=f"{ours}, that of the shards",
                next_step=f"{OWN_TOKENIZER}, and name its token with --{name}",
            )


def _refuse_other_vocabulary(its: Path, ours: Path, tokenizer: TokenizerRecord) -> None:
    """Compare what each id of text stands for, where the model's folder has a tokenizer."""
    theirs, known = _vocabulary(its), _vocabulary(ours)
    if theirs is None or known is None:
        return
    for number in ordinary_ids(tokenizer).tolist():
        if number in theirs and number in known and theirs[number] != known[number]:
            raise ModelError(
                f"id {number:,} is {theirs[number]!r} in the model's tokenizer",
                where=str(its),
                expected=f"{known[number]!r}, as in the shards' tokenizer",
                next_step=OWN_TOKENIZER,
            )


def _vocabulary(path: Path) -> dict[int, str] | None:
    """Id -> token of a tokenizer.json; None where there is none that lists a vocabulary."""
    try:
        model = json.loads(path.read_text(encoding="utf-8"))["model"]
        vocabulary = model["vocab"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if isinstance(vocabulary, list):  # Unigram: [piece, score] by id
        return {number: entry[0] for number, entry in enumerate(vocabulary)}
    return {number: token for token, number in vocabulary.items()}


def _grow(model: transformers.PreTrainedModel, size: int) -> None:
    parts = [model.discriminator, model.generator] if isinstance(model, ReplacedTokenModel) else [model]
    for part in parts:
        before = part.config.vocab_size
        part.resize_token_embeddings(size, mean_resizing=False)
        average_new_rows(part, before)
    if isinstance(model, ReplacedTokenModel):
        model.config.vocab_size = size
        model.tie_weights()


@torch.no_grad()
def average_new_rows(model: transformers.PreTrainedModel, before: int) -> None:
    """Make the embeddings from row `before` on the mean of the others."""
    output = model.get_output_embeddings()
    tables: list[Any] = [model.get_input_embeddings().weight]
    if output is not None:
        tables += [output.weight, getattr(output, "bias", None)]
    for table in tables:
        if table is not None:
            table[before:] = table[:before].mean(dim=0)
