"""`make gpu-check`: what training does on one GPU, in under eight minutes, without a network: a table.

    python benchmarks/gpu_check.py [--cpu-rehearsal] [--only PART ...] [--minutes 7.5]

Runs from a clone, installed or not, on the torch, transformers, peft and accelerate that it finds; what a part needs besides
and does not find is named, and the other parts run. Models have random weights, texts are random words: only speed and memory
are measured. --cpu-rehearsal runs every part at tiny sizes on the CPU, to show that the script works; its figures mean nothing.

MFU: 6 x parameters x tokens a second over the device's dense peak in 16 bits, attention not counted.
"""

import argparse
import gc
import importlib.metadata
import importlib.util
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
WARM_UP = 2  # steps that are not timed: compilation, the first kernels
PEAK_TFLOPS = {
    "H200": 989,
    "H100 PCIe": 756,
    "H100": 989,
    "H800": 989,
    "B200": 2250,
    "A100": 312,
    "A800": 312,
    "L40S": 362,
    "L40": 181,
    "L4": 121,
    "4090": 165,
}
BESIDE = (
    "numpy",
    "numba",
    "pyarrow",
    "pydantic",
    "yaml",
    "xxhash",
    "safetensors",
    "datasets",
    "trl",
    "bitsandbytes",
    "plotly",
)


@dataclass(frozen=True)
class Sizes:
    """window: tokens of a sequence of pre-training and of SFT. big: (hidden size, layers) of the model under adapters."""

    hidden: int = 1024
    layers: int = 12
    heads: int = 16
    words: int = 16_000
    window: int = 2048
    batch: int = 32
    micro: int = 16
    steps: int = 12
    rows: int = 2048
    row_words: int = 300
    new_tokens: int = 64
    prompts: int = 8
    generations: int = 8
    big: tuple[int, int] = (2048, 16)
    compiles: bool = True


TINY = Sizes(32, 2, 2, 200, 64, 4, 2, 4, 24, 12, 4, 2, 2, (64, 2), False)


@dataclass(frozen=True)
class Row:
    """A line of the table. rate: what a second brings, with its unit; memory: bytes at the peak, None where not measured."""

    seconds: float
    rate: str
    mfu: float | None = None
    memory: int | None = None
    note: str = ""


Measured = tuple[list[dict[str, Any]], int | None]  # the timed lines of a run's log, the peak of the device's memory


class Bench:
    """What the parts share: sizes, a folder, a model with its tokenizer, the device."""

    def __init__(self, sizes: Sizes, folder: Path, gpu: bool) -> None:
        import torch

        self.sizes, self.folder, self.gpu = sizes, folder, gpu
        self.device = torch.device("cuda" if gpu else "cpu")
        name = torch.cuda.get_device_name() if gpu else ""
        self.peak_tflops = next((peak for known, peak in PEAK_TFLOPS.items() if known in name), None)
        self.draw = random.Random(0)

    @cached_property
    def words(self) -> list[str]:
        from tests.training.kinds.tiny_models import words_of_letters

        return words_of_letters(self.sizes.words, 4)

    def model(self, hidden: int, layers: int, heads: int) -> Path:
        """The folder of a model with random weights and a tokenizer of whole words; written once."""
        import torch
        import transformers

        from tests.training.kinds.tiny_models import tokenizer_of

        folder = self.folder / f"model-{hidden}-{layers}"
        if not folder.exists():
            tokenizer_of(self.words, folder)
            size = len(transformers.AutoTokenizer.from_pretrained(folder))
            tokens = {"eos_token_id": 1, "bos_token_id": None, "pad_token_id": 0}
            config = llama_config(size, hidden, layers, heads, self.sizes.window, **tokens)
            with self.device:
                transformers.LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
        return folder

    @property
    def small(self) -> Path:
        return self.model(self.sizes.hidden, self.sizes.layers, self.sizes.heads)

    @property
    def shards(self) -> Path:
        """Token shards of random ids; written once."""
        import numpy as np

        from tests.made_shards import write_shards

        folder, sizes = self.folder / "shards", self.sizes
        if not folder.exists():
            folder.mkdir()
            ids = np.random.default_rng(0)
            count = max(2 * sizes.steps * sizes.batch * sizes.window // 1000, 20)
            documents = [ids.integers(10, 2 * sizes.words, 1000) for _ in range(count)]
            write_shards(folder, {"web-00000": documents}, vocab_size=2 * sizes.words + 64)
        return folder

    def text(self, words: int) -> str:
        return " ".join(self.draw.choices(self.words, k=words))

    def rows(self, name: str, make: Callable[[int], dict[str, Any]]) -> str:
        path = self.folder / f"{name}.jsonl"
        path.write_text("".join(json.dumps(make(number)) + "\n" for number in range(self.sizes.rows)))
        return str(path)

    def train(self, name: str, **options: Any) -> Measured:
        from gristmill.training.kinds.registry import recipe_model
        from gristmill.training.run.train import train

        common = {"name": name, "steps": self.sizes.steps, "validation": None, "log": {"tensorboard": False}}
        common |= {"checkpoints": {"every_steps": self.sizes.steps, "stable_after_steps": 1}, "precision": "bfloat16"}
        common |= {"optimizer": {"warmup_steps": 1}, "stability": {"enabled": False}}
        options = common | options
        self.forget_peak()
        run = train(recipe_model(options.get("kind", "pretrain")).model_validate(options), self.folder / name).folder
        lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
        peak = self.peak()
        return [line for line in lines if "seconds" in line][WARM_UP:], peak

    def forget_peak(self) -> None:
        import torch

        gc.collect()
        if self.gpu:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()

    def peak(self) -> int | None:
        import torch

        return torch.cuda.max_memory_allocated() if self.gpu else None

    def wait(self) -> None:
        import torch

        if self.gpu:
            torch.cuda.synchronize()

    def mfu(self, parameters: int, tokens_per_second: float) -> float | None:
        return 6 * parameters * tokens_per_second / (self.peak_tflops * 1e12) if self.peak_tflops else None


def seconds_of(lines: list[dict[str, Any]]) -> float:
    return statistics.median(line["seconds"] for line in lines)


def bare(bench: Bench) -> Row:
    """A plain PyTorch loop: forward, backward, clip, update; the same shape, batch and precision as `pretrain`."""
    import torch
    import transformers

    sizes = bench.sizes
    config = llama_config(
        2 * sizes.words + 64, sizes.hidden, sizes.layers, sizes.heads, sizes.window, tie_word_embeddings=True
    )
    with bench.device:
        model: Any = transformers.LlamaForCausalLM(config)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    model.config.use_cache = False
    call = torch.compile(model) if sizes.compiles else model
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4, fused=True)
    bench.forget_peak()
    seconds = []
    for _ in range(sizes.steps):
        ids = torch.randint(10, 2 * sizes.words, (sizes.batch, sizes.window), device=bench.device)
        bench.wait()
        started = time.perf_counter()
        for part in ids.split(sizes.micro):
            with torch.autocast(bench.device.type, torch.bfloat16):
                loss = call(input_ids=part, labels=part, use_cache=False).loss
            (loss / (sizes.batch // sizes.micro)).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        bench.wait()
        seconds.append(time.perf_counter() - started)
    step = statistics.median(seconds[WARM_UP:])
    rate = sizes.batch * sizes.window / step
    return Row(
        step, f"{rate:,.0f} tokens", bench.mfu(parameters, rate), bench.peak(), f"{parameters / 1e6:.0f} M parameters"
    )


def llama_config(words: int, hidden: int, layers: int, heads: int, window: int, **options: Any) -> Any:
    """A Llama as `kind: pretrain` makes it, its inner layers 8/3 as wide as its hidden size. words: of the vocabulary."""
    import transformers

    return transformers.LlamaConfig(
        vocab_size=words,
        hidden_size=hidden,
        intermediate_size=-(-hidden * 8 // 3 // 64) * 64,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        max_position_embeddings=window,
        **options,
    )


def pretrain(bench: Bench) -> Row:
    """`kind: pretrain`: the stream, the watch and the log around the same loop."""
    import transformers

    sizes = bench.sizes
    lines, peak = bench.train(
        "pretrain",
        shards=str(bench.shards),
        model={"shape": "llama", "hidden_size": sizes.hidden, "layers": sizes.layers, "heads": sizes.heads},
        stream={"window": sizes.window},
        batch_sequences=sizes.batch,
        micro_batch_sequences=sizes.micro,
        compile=sizes.compiles,
    )
    model = transformers.AutoModelForCausalLM.from_pretrained(bench.folder / "pretrain" / "model")
    parameters = sum(parameter.numel() for parameter in model.parameters())
    rate = sizes.batch * sizes.window / seconds_of(lines)
    return Row(
        seconds_of(lines),
        f"{rate:,.0f} tokens",
        bench.mfu(parameters, rate),
        peak,
        f"{parameters / 1e6:.0f} M parameters",
    )


def of_rows(
    bench: Bench, kind: str, rows: str, model: Path | None = None, **options: Any
) -> tuple[list[dict[str, Any]], int | None]:
    """A run of a kind on rows."""
    common = {"kind": kind, "rows": rows, "model": str(model or bench.small), "max_tokens": bench.sizes.window}
    return bench.train(options.pop("name", kind), **common | options)


def sft(bench: Bench) -> Row:
    """`kind: sft`, packed, every weight trained."""
    sizes = bench.sizes

    def row(number: int) -> dict[str, Any]:
        return {
            "prompt": bench.text(sizes.row_words // 3),
            "completion": " " + bench.text(1 + number % sizes.row_words),
        }

    lines, peak = of_rows(
        bench, "sft", bench.rows("sft", row), batch_sequences=sizes.batch, micro_batch_sequences=sizes.micro
    )
    labels = statistics.median(line["labels"] / line["seconds"] for line in lines)
    record = json.loads((bench.folder / "sft" / "training.json").read_text())
    return Row(seconds_of(lines), f"{labels:,.0f} labels", None, peak, f"packed, {record['fill']:.1%} full")


def pairs(bench: Bench) -> str:
    def row(number: int) -> dict[str, Any]:
        return {name: " " + bench.text(4 + bench.sizes.row_words // 4) for name in ("prompt", "chosen", "rejected")}

    return bench.rows("pairs", row)


def dpo(bench: Bench) -> Row:
    """`kind: dpo`; the reference's pass over all rows comes before step 1 and is not timed."""
    sizes = bench.sizes
    lines, peak = of_rows(bench, "dpo", pairs(bench), batch_sequences=sizes.batch, micro_batch_sequences=sizes.micro)
    return Row(seconds_of(lines), f"{sizes.batch / seconds_of(lines):,.1f} pairs", None, peak)


def rollouts(bench: Bench, kind: str, **options: Any) -> Row:
    sizes = bench.sizes
    prompts = bench.rows("prompts", lambda number: {"prompt": bench.text(8 + number % 8)})
    options |= {"rewards": [{"function": "gpu_check:reward"}], "max_new_tokens": sizes.new_tokens}
    options |= {
        "batch_sequences": sizes.prompts,
        "micro_batch_sequences": sizes.prompts,
        "steps": max(WARM_UP + 2, sizes.steps // 2),
    }
    lines, peak = of_rows(bench, kind, prompts, **options)
    drawn = sizes.prompts * options["generations"]
    tokens = statistics.median(drawn * line["completions/mean_length"] / line["seconds"] for line in lines)
    return Row(seconds_of(lines), f"{tokens:,.0f} tokens drawn", None, peak, f"{drawn} completions a step")


def grpo(bench: Bench) -> Row:
    """`kind: grpo` with `generate` and a penalty, so with a reference."""
    return rollouts(bench, "grpo", generations=bench.sizes.generations, kl=0.05)


def ppo(bench: Bench) -> Row:
    """`kind: ppo` with LoRA: one copy of the weights. It needs no trl."""
    return rollouts(bench, "ppo", generations=bench.sizes.generations, adapter={"method": "lora", "rank": 16})


def reward(prompts: list[str], completions: list[str], **columns: Any) -> list[float]:
    """Any number will do."""
    return [len(set(text)) / 26 for text in completions]


def under_adapter(bench: Bench, method: str) -> Row:
    """SFT of a larger model by an adapter: the measured peak beside what `--dry-run` computes without activations."""
    from gristmill.schemas.training.adapter import Adapter
    from gristmill.training.models.memory import memory

    sizes = bench.sizes
    model = bench.model(*sizes.big, sizes.heads)
    adapter = {"method": method, "rank": 16}

    def row(number: int) -> dict[str, Any]:
        return {"prompt": bench.text(8), "completion": " " + bench.text(sizes.row_words)}

    rows = bench.rows("adapters", row)
    options = {"adapter": adapter, "batch_sequences": 4, "micro_batch_sequences": 1, "activation_checkpointing": True}
    lines, peak = of_rows(bench, "sft", rows, model, name=method, **options)
    found = memory(model, Adapter.model_validate(adapter))
    labels = statistics.median(line["labels"] / line["seconds"] for line in lines)
    note = f"{found.parameters / 1e6:.0f} M parameters; computed {found.total / 2**30:.2f} GiB, activations not"
    return Row(seconds_of(lines), f"{labels:,.0f} labels", None, peak, note)


PARTS: dict[str, Callable[[Bench], Row]] = {
    "bare PyTorch": bare,
    "pretrain": pretrain,
    "sft": sft,
    "dpo": dpo,
    "grpo": grpo,
    "ppo": ppo,
    "lora": lambda bench: under_adapter(bench, "lora"),
    "qlora": lambda bench: under_adapter(bench, "qlora"),
}


def table(found: dict[str, Row | str]) -> Iterator[str]:
    yield f"{'part':13} {'s a step':>9} {'a second':>24} {'MFU':>6} {'peak GiB':>9}  note"
    for name, row in found.items():
        if isinstance(row, str):
            yield f"{name:13} {row}"
            continue
        mfu = "" if row.mfu is None else f"{row.mfu:.1%}"
        peak = "" if row.memory is None else f"{row.memory / 2**30:.2f}"
        yield f"{name:13} {row.seconds:9.3f} {row.rate:>24} {mfu:>6} {peak:>9}  {row.note}".rstrip()
    ours, plain = found.get("pretrain"), found.get("bare PyTorch")
    if isinstance(ours, Row) and isinstance(plain, Row):
        yield f"pretrain takes {ours.seconds / plain.seconds:.3f} of the time of the bare loop"


def attempt(part: Callable[[Bench], Row], bench: Bench) -> Row | str:
    """The row of a part, or why there is none."""
    try:
        return part(bench)
    except ImportError as error:
        return f"left out: it needs {error.name or error}, which is not installed"
    except Exception as error:  # one part never takes the others' figures away
        if "bitsandbytes" in str(error):
            return f"left out: it needs bitsandbytes ({error})".splitlines()[0]
        return f"FAILED: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
    finally:
        bench.forget_peak()


def is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ImportError:
        return False


def versions() -> Iterator[str]:
    """What is installed of the packages that the figures depend on."""
    for name in ("torch", "transformers", "peft", "accelerate", "trl"):
        try:
            yield f"{name} {importlib.metadata.version(name)}"
        except importlib.metadata.PackageNotFoundError:
            yield f"no {name}"


def find_gristmill() -> None:
    """Make the clone importable where it is not installed; its folders are the package's parts."""
    sys.path.insert(0, str(ROOT))
    sys.modules.setdefault("gpu_check", sys.modules[__name__])  # where the recipes find `reward`
    import gristmill

    if not is_there("gristmill.training"):
        gristmill.__path__.append(str(ROOT))


def main() -> int:
    beside = Path(__file__).resolve().parent  # a file there may have the name of a package
    sys.path[:] = [path for path in sys.path if Path(path).resolve() != beside]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cpu-rehearsal", action="store_true")
    parser.add_argument("--only", nargs="*", choices=list(PARTS))
    parser.add_argument("--minutes", type=float, default=7.5)
    options = parser.parse_args()
    if not is_there("torch") or not is_there("transformers"):
        print("gpu-check: it needs torch and transformers; nothing was run")
        return 0
    try:
        import torch
        import transformers  # noqa: F401
    except Exception as error:  # versions that do not go together raise whatever they like
        said = " ".join(str(error).split())[:300]
        print(f"gpu-check: torch and transformers cannot be imported ({said}); nothing was run")
        return 1

    gpu = torch.cuda.is_available()
    if not gpu and not options.cpu_rehearsal:
        print("gpu-check: torch sees no GPU; nothing was run (--cpu-rehearsal runs every part, tiny, on the CPU)")
        return 0
    started = time.perf_counter()
    find_gristmill()
    missing = [name for name in BESIDE if not is_there(name)]
    if missing:
        print(f"gpu-check: not installed, so what needs them is left out: {', '.join(missing)}", flush=True)
    gpu = gpu and not options.cpu_rehearsal
    found: dict[str, Row | str] = {}
    with tempfile.TemporaryDirectory(prefix="gpu-check-") as folder:
        bench = Bench(Sizes() if gpu else TINY, Path(folder), gpu)
        for name in options.only or PARTS:
            if time.perf_counter() - started > options.minutes * 60:
                found[name] = f"left out: {options.minutes:g} minutes are over"
                continue
            found[name] = attempt(PARTS[name], bench)
            print(f"{name}: done after {time.perf_counter() - started:.0f} s", flush=True)
    device = torch.cuda.get_device_name() if gpu else "CPU, a rehearsal: the figures mean nothing"
    print(f"\n{device}; {', '.join(versions())}, Python {sys.version.split()[0]}")
    print("\n".join(table(found)))
    return int(any(isinstance(row, str) and row.startswith("FAILED") for row in found.values()))


if __name__ == "__main__":
    sys.exit(main())
