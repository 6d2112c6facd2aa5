"""Tiny models and tokenizers that tests of kinds of training make on the spot, and rows for them."""

import json
from collections.abc import Iterable, Mapping
from itertools import islice, product
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import torch
import transformers
from gristmill.chat.templates import CHATML
from gristmill.training.run import logs
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

WORDS = [consonant + vowel for consonant in "bdfghklmnprstvz" for vowel in "aeiou"]  # letters alone: a word is a token
CLOCK = ("seconds", "sequences_per_second", "tokens_per_second")


def words_of_letters(count: int, letters: int) -> list[str]:
    """The first `count` words of so many letters, in the order of the alphabet."""
    return ["".join(word) for word in islice(product(ascii_lowercase, repeat=letters), count)]


def tokenizer_of(words: Iterable[str], folder: Path, **tokens: str) -> Path:
    """A tokenizer of whole words, line feeds and, where they are missing, bytes; saved into a folder."""
    special = ["<pad>", "<eos>", *CHATML.special_tokens]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    known = list(dict.fromkeys([*special, *alphabet, *(f"Ġ{word}" for word in words), *words]))
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(known)}, unk_token="<pad>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    options = {"pad_token": "<pad>", "eos_token": "<eos>", **tokens}
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, additional_special_tokens=list(CHATML.special_tokens), **options
    )
    fast.save_pretrained(folder)
    return folder


def model_of(folder: Path, shape: str = "llama", seed: int = 0, hidden: int = 32, **options: Any) -> Path:
    """A model with random weights for the tokenizer that lies in the folder, saved beside it."""
    size = len(transformers.AutoTokenizer.from_pretrained(folder))
    kinds: dict[str, Any] = {
        "llama": (transformers.LlamaConfig, transformers.LlamaForCausalLM),
        "qwen": (transformers.Qwen3Config, transformers.Qwen3ForCausalLM),
    }
    configuration, kind = kinds[shape]
    config = configuration(
        vocab_size=size,
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=256,
        eos_token_id=1,
        bos_token_id=None,
        pad_token_id=0,
        **options,
    )
    torch.manual_seed(seed)
    kind(config).save_pretrained(folder)
    return folder


def write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def options_of(**changes: Any) -> dict[str, Any]:
    """What every recipe of a tiny run says; changes replace keys."""
    options: dict[str, Any] = {
        "name": "tiny",
        "max_tokens": 64,
        "steps": 4,
        "batch_sequences": 4,
        "micro_batch_sequences": 4,
        "optimizer": {"learning_rate": 3e-3, "warmup_steps": 1},
        "validation": None,
        "checkpoints": {"every_steps": 2, "stable_after_steps": 1},
        "log": {"tensorboard": False},
    }
    return {**options, **changes}


def steps_of(run: Path) -> list[dict[str, Any]]:
    """The log without what the clock says."""
    return [{k: v for k, v in line.items() if k not in CLOCK} for line in logs.read(run / logs.LOG)]
