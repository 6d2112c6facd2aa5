"""Finished models and their tokenizers, from folders of `save_pretrained`, as fine-tuning needs them."""

from pathlib import Path
from typing import Any

import torch
import transformers
from gristmill.chat.patch import patched
from gristmill.chat.templates import CHAT_TEMPLATES
from gristmill.schemas.errors import ModelError
from gristmill.training.data.conversations import special_tokens_of
from gristmill.training.models.build import no_folder, open_model, refuse_long_windows, shape_of
from gristmill.training.models.vocabulary import average_new_rows
from gristmill.training.objectives.causal import Causal

GENERATION = "{% generation"


def load_tokenizer(folder: Path, chat_template: str | None = None, pads: bool = True) -> Any:
    """The tokenizer of a folder, with its own chat template or one of gristmill's (`gristmill`, `chatml`).

    With gristmill's, the template's tokens are made special, and the one that ends a turn ends a text. pads: whether a token of
    padding is needed. ModelError for a folder without a tokenizer, and for one without a token of the end or of padding.
    """
    if not folder.is_dir():
        raise no_folder(folder)
    try:
        tokenizer: Any = transformers.AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
    except (OSError, ValueError, KeyError, TypeError) as error:
        said = next(iter(str(error).splitlines()), type(error).__name__)
        raise ModelError(
            f"no tokenizer can be loaded ({said})",
            where=str(folder),
            expected="a folder with tokenizer.json",
            next_step="name its folder with `tokenizer:`",
        ) from error
    if chat_template is not None:
        template = CHAT_TEMPLATES[chat_template]
        tokenizer.add_special_tokens({"additional_special_tokens": list(template.special_tokens)})
        tokenizer.eos_token = template.end_of_turn
        tokenizer.chat_template = template.jinja
    for name, purpose in (("eos", "the end of a text"), ("pad", "padding")):
        if getattr(tokenizer, f"{name}_token_id") is None and (pads or name != "pad"):
            raise ModelError(
                f"the tokenizer has no {name}_token, a token for {purpose}",
                where=str(folder),
                expected=f"{name}_token in its tokenizer_config.json",
                next_step=f"tokenizer.add_special_tokens({{'{name}_token': ...}}), and save it",
            )
    return tokenizer


def need_chat_template(tokenizer: Any, folder: Path, marks: bool) -> str | None:
    """ModelError for a tokenizer that cannot render messages; marks: that cannot tell which tokens the assistant wrote.

    A template of a well-known form that marks nothing is given marks (`chat.patch`); what was changed is returned.
    """
    template = tokenizer.chat_template
    found = "no chat template" if not template else "a chat template without {% generation %}" if marks else None
    if found is None or (template and GENERATION in _plain(template)):
        return None
    if template and (made := patched(str(template), _named_tokens(tokenizer), special_tokens_of(tokenizer))):
        tokenizer.chat_template = made.template
        return made.change
    raise ModelError(
        f"the tokenizer has {found}",
        where=str(folder),
        expected="a template that marks what the assistant wrote" if marks else "one, because the rows are messages",
        next_step="say `chat_template: chatml`, or the model's own template with the marks in its folder",
    )


def _named_tokens(tokenizer: Any) -> dict[str, str]:
    """`bos_token` and the like, as templates name them."""
    names = ("bos_token", "eos_token", "pad_token", "unk_token")
    return {name: str(token) for name in names if (token := getattr(tokenizer, name)) is not None}


def _plain(template: Any) -> str:
    return str(template).replace("{%-", "{%")


def load_causal(folder: Path, tokenizer: Any, max_tokens: int, grows: bool = True, **options: Any) -> Any:
    """The decoder in a folder, with an embedding for each id of the tokenizer; grows: whether new ones may be added.

    ModelError for a model of another shape, and for more tokens than it has positions.
    """
    with torch.random.fork_rng(devices=[]):
        model = open_model(folder, **options)
        if shape_of(model) not in Causal.shapes:
            raise ModelError(
                f"{type(model).__name__}, a {model.config.model_type} model",
                where=str(folder),
                expected="a decoder: a model that predicts the next token",
            )
        _fit(model, tokenizer, folder, max_tokens, grows)
    ends = [tokenizer.eos_token_id, *_as_list(model.config.eos_token_id)]
    if model.generation_config is not None:
        model.generation_config.eos_token_id = list(dict.fromkeys(ends))
        model.generation_config.pad_token_id = tokenizer.pad_token_id
    return model


def ends_of(model: Any, tokenizer: Any) -> list[int]:
    """Ids that end a completion: the tokenizer's token for the end of a text, and those that the model names."""
    return sorted({tokenizer.eos_token_id, *_as_list(getattr(model.generation_config, "eos_token_id", None))})


def load_reward_model(folder: Path, tokenizer: Any, max_tokens: int, grows: bool = False) -> Any:
    """A model that was trained to give a text one number; ModelError for one that has no output for it."""
    return load_scorer(folder, tokenizer, max_tokens, grows, new_head=False)


def load_scorer(
    folder: Path, tokenizer: Any, max_tokens: int, grows: bool = True, *, seed: int = 0, **options: Any
) -> Any:
    """The model in a folder with one number as its output; where it had none, a new head from `seed`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        kind = transformers.AutoModelForSequenceClassification
        model = open_model(folder, kind=kind, num_labels=1, **options)
        if model.config.num_labels != 1:
            raise ModelError(f"{model.config.num_labels} outputs", where=str(folder), expected="one, the reward")
        _fit(model, tokenizer, folder, max_tokens, grows)
    model.config.pad_token_id = tokenizer.pad_token_id
    return model


def _fit(model: Any, tokenizer: Any, folder: Path, max_tokens: int, grows: bool) -> None:
    refuse_long_windows(model.config, max_tokens, folder, "max_tokens")
    ids = model.get_input_embeddings().weight.shape[0]
    if len(tokenizer) <= ids:
        return
    if not grows:
        raise ModelError(
            f"an embedding of {ids:,} ids for a tokenizer of {len(tokenizer):,}",
            where=str(folder),
            expected="one for each id, because no new ones are trained here",
            next_step="take the tokenizer and chat template that the model was made with",
        )
    model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    average_new_rows(model, ids)


def _as_list(value: Any) -> list[int]:
    return value if isinstance(value, list) else [] if value is None else [value]
