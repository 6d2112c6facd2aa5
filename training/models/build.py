"""Models to pre-train: one of five shapes from sizes, or from a checkpoint folder; and how a trained one is handed over."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import torch
import transformers
from gristmill.schemas.errors import ModelError
from gristmill.schemas.shards.format import TokenizerRecord
from gristmill.schemas.training.model import ModelShape
from gristmill.training.models.packed import GENERATOR, ReplacedTokenConfig, ReplacedTokenModel
from gristmill.training.models.shapes import CLASSES, CONFIGURATIONS
from gristmill.training.models.vocabulary import fit_vocabulary
from safetensors import SafetensorError

TOKENIZER_NAMES = (  # how the names of a tokenizer's files begin
    *("tokenizer", "special_tokens_map", "added_tokens", "chat_template", "vocab.", "merges.txt", "spiece.", "spm."),
    *("sentencepiece",),
)
MODEL_NAMES = ("model", "adapter_config.json", "adapter_model")  # how the names of weights begin
NEW_HEADS = ("score.", "classifier.")  # of a classifier that is made of a language model: new, and to be trained
MOST_TOKENS = 4096  # of a row, where neither a person nor the model says fewer
WITHOUT_POSITIONS = {"t5"}  # relative attention: any window will do


def build_model(
    shape: ModelShape,
    tokenizer: TokenizerRecord,
    window: int,
    seed: int = 0,
    attention: str = "sdpa",
    tokenizer_folder: Path | None = None,
) -> transformers.PreTrainedModel:
    """The model of a recipe: freshly initialised from `seed`, or loaded from its checkpoint folder.

    tokenizer_folder: that of the shards, where there is one. Leaves torch's random state as it was. RecipeError or
    ModelError when the model does not fit the shards' tokenizer or the window.
    """
    if shape.checkpoint is not None:
        return load_model(Path(shape.checkpoint), tokenizer, attention, window, tokenizer_folder)
    assert shape.shape is not None
    config = CONFIGURATIONS[shape.shape](shape, tokenizer, window)
    config._attn_implementation = attention
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model: transformers.PreTrainedModel = CLASSES[shape.shape](config)
        return model


def shape_of(model: transformers.PreTrainedModel) -> str:
    """Which of the shapes a model has: what an objective must be able to train; `causal` for other decoders."""
    kind = model.config.model_type
    named = {"qwen2": "qwen", "qwen3": "qwen", ReplacedTokenConfig.model_type: "electra"}
    return named.get(kind, kind if kind in CLASSES else "causal")


def load_model(
    folder: Path,
    tokenizer: TokenizerRecord,
    attention: str = "sdpa",
    window: int | None = None,
    tokenizer_folder: Path | None = None,
) -> transformers.PreTrainedModel:
    """The model in a checkpoint folder, weights from safetensors and in 32 bits, with an embedding for every id of the
    shards' tokenizer (see training.models.vocabulary).

    ModelError when it cannot be loaded, or does not fit the tokenizer or a window of so many tokens.
    """
    with torch.random.fork_rng(devices=[]):
        model = open_model(folder, attention)
        refuse_long_windows(model.config, window, folder)
        fit_vocabulary(model, tokenizer, folder, tokenizer_folder)
    return model


def open_model(
    folder: Path, attention: str = "sdpa", kind: Any = None, new_head: bool = True, **changes: Any
) -> transformers.PreTrainedModel:
    """The model of a folder of save_pretrained, as it lies there, weights in 32 bits.

    kind: a class of transformers to load it as, by default the one that its configuration asks for. new_head: whether a
    classifier's head that the folder does not hold is made. changes: to how `from_pretrained` is called. ModelError when it
    cannot be loaded, or lacks a weight.
    """
    if not folder.is_dir():
        raise no_folder(folder)
    if not (folder / "config.json").is_file():
        if (folder / "adapter_config.json").is_file():
            raise ModelError(
                "an adapter, not a model",
                where=str(folder),
                expected="a model with all its weights",
                next_step=f"gristmill adapters merge {folder} --out MERGED, and name that folder",
            )
        raise ModelError("no config.json", where=str(folder), expected="a folder written by save_pretrained")
    if not any(folder.glob("*.safetensors")):
        raise ModelError(
            "no safetensors file", where=str(folder), expected="weights as safetensors: other formats are not loaded"
        )
    try:
        return _loaded(folder, attention, kind, NEW_HEADS if new_head else (), changes)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise ModelError(
            f"cannot be loaded ({error})",
            where=str(folder),
            expected="config.json and weights of one model, every file whole",
        ) from error


def no_folder(folder: Path) -> ModelError:
    """The error for a model that is not there. Nothing is downloaded, so a name on a hub is none either."""
    found = "no such folder" if not folder.exists() else "a file, not a folder"
    return ModelError(found, where=str(folder), expected="the folder of a model on this machine, of save_pretrained")


def _loaded(
    folder: Path, attention: str, asked: Any, made: tuple[str, ...], changes: dict[str, Any]
) -> transformers.PreTrainedModel:
    settings = _settings(folder)
    options = {
        "local_files_only": True,
        "use_safetensors": True,
        "attn_implementation": attention,
        "dtype": torch.float32,  # weights are updated in 32 bits; `precision` is that of the computation
        **changes,
    }
    if asked is not None:
        return _whole(asked, folder, options, made)
    kind = settings.get("model_type")
    if kind == "electra":
        return _electra(folder, settings.get("architectures") or ["nothing"], options)
    known = {"bert": CLASSES["bert"], "t5": CLASSES["t5"], ReplacedTokenConfig.model_type: ReplacedTokenModel}
    return _whole(known.get(kind, transformers.AutoModelForCausalLM), folder, options)


def _whole(kind: Any, folder: Path, options: dict[str, Any], made: tuple[str, ...] = NEW_HEADS) -> Any:
    """The model of a folder in which no weight is missing, for transformers would make it up, and each has its shape.

    made: how the names of weights begin that may be missing.
    """
    try:
        model, found = kind.from_pretrained(str(folder), output_loading_info=True, **options)
    except RuntimeError as error:
        if "ignore_mismatched_sizes" not in str(error):
            raise
        options = options | {"ignore_mismatched_sizes": True, "output_loading_info": True}
        name, stored, wanted = min(kind.from_pretrained(str(folder), **options)[1]["mismatched_keys"])
        raise ModelError(
            f"{name} has the shape {tuple(stored)}",
            where=str(folder),
            expected=f"{tuple(wanted)}, as its config.json and {kind.__name__} have it",
        ) from error
    missing = sorted(name for name in found["missing_keys"] if not name.startswith(made))
    if missing:
        raise ModelError(
            f"{len(missing)} weights are missing, {missing[0]} among them",
            where=str(folder),
            expected=f"all weights of {type(model).__name__}",
            next_step="name a checkpoint that was trained for this objective",
        )
    return model


def _electra(folder: Path, architectures: list[str], options: dict[str, Any]) -> ReplacedTokenModel:
    """Both parts of ELECTRA, as `ReplacedTokenModel.save_parts` writes them."""
    if not (folder / GENERATOR / "config.json").is_file():
        raise ModelError(
            f"{', '.join(architectures)} alone",
            where=str(folder),
            expected=f"a discriminator, with its generator in {GENERATOR}/, as replaced-token detection saves them",
        )
    discriminator = _whole(transformers.ElectraForPreTraining, folder, options)
    generator = _whole(transformers.ElectraForMaskedLM, folder / GENERATOR, options)
    ours, theirs = (part.electra.embeddings.word_embeddings.weight for part in (discriminator, generator))
    if ours.shape != theirs.shape or not torch.equal(ours, theirs):
        raise ModelError(
            "generator and discriminator have different embeddings", where=str(folder), expected="shared embeddings"
        )
    return ReplacedTokenModel.of_parts(discriminator, generator)


def refuse_long_windows(config: Any, window: int | None, folder: Path, key: str = "stream.window") -> None:
    """ModelError for a window above the positions that a model was made for. key: of the recipe that says the window."""
    most = getattr(config, "max_position_embeddings", None)
    if window is None or most is None or window <= most or config.model_type in WITHOUT_POSITIONS:
        return
    next_step = f"set {key} to {most:,} or less"
    if getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None):
        next_step += (
            "; its positions are rotary, so max_position_embeddings in config.json may be raised to stretch them"
        )
    raise ModelError(
        f"a window of {window:,} tokens for a model of {most:,} positions",
        where=str(folder),
        expected=f"at most {most:,} (max_position_embeddings)",
        next_step=next_step,
    )


def positions_of(folder: Path) -> int:
    """The tokens that the model of a folder has positions for, at most MOST_TOKENS; these, too, where it does not say."""
    try:
        settings = _settings(folder)
    except (OSError, ValueError):
        return MOST_TOKENS  # to load it is the error that says what is wrong
    named = (settings.get(name) for name in ("max_position_embeddings", "n_positions"))
    return min(next((most for most in named if isinstance(most, int) and most > 0), MOST_TOKENS), MOST_TOKENS)


def own_device() -> str:
    """Where this process computes: its GPU, if there is one."""
    if not torch.cuda.is_available():
        return "cpu"
    return f"cuda:{int(os.environ.get('LOCAL_RANK', '0')) % torch.cuda.device_count()}"


def _settings(folder: Path) -> dict[str, Any]:
    """What config.json of a model folder says; nothing where there is none. ValueError where it cannot be read."""
    path = folder / "config.json"
    settings = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if not isinstance(settings, dict):
        raise ValueError(f"config.json holds a {type(settings).__name__}")
    return settings


def copy_tokenizer(folder: Path, out: Path) -> bool:
    """Copy the tokenizer's files of a model or tokenizer folder into `out`; whether there was one."""
    names = [path for path in folder.iterdir() if path.is_file() and path.name.startswith(TOKENIZER_NAMES)]
    for path in names:
        shutil.copy2(path, out / path.name)
    return bool(names)


def write_model(checkpoint: Path, out: Path) -> None:
    """Write the model of a checkpoint into the folder `out`, as transformers' own classes load it.

    ELECTRA's discriminator lies in `out`, its generator in `out`/generator.
    """
    settings = _settings(checkpoint)
    if settings.get("model_type") == ReplacedTokenConfig.model_type:
        ReplacedTokenModel.from_pretrained(str(checkpoint), local_files_only=True, use_safetensors=True).save_parts(out)
        return
    for path in checkpoint.iterdir():
        if path.name.startswith(MODEL_NAMES) or path.name in ("config.json", "generation_config.json"):
            shutil.copy2(path, out / path.name)
