"""Perplexity: held-out prose < lists < shuffled words, held-out reference text ranked above web text, speed.

    python benchmarks/perplexity.py LANGUAGE --reference PATH... --web PATH...

A KenLM model is trained on the reference texts but for a fifth of the documents, by hash. Paths are runs, recipes or
files. Needs lmplz (`make kenlm`). Web texts are taken as they are read, so give ones of the language.
"""

import argparse
import random
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
from gristmill.console import Console
from gristmill.filters.model_signals.perplexity import line_perplexity, measure
from gristmill.filters.registry import family
from gristmill.pipelines.measure.families import measure_batch
from gristmill.pipelines.signal_models.figures import area_with_interval
from gristmill.pipelines.signal_models.train_kenlm import KenlmOptions, train_kenlm
from held_out import documents, is_held_out, jsonl, pieces

PIECES = 2000


def lists_of(texts: list[str]) -> list[str]:
    """Each text as a list: four words of it on a line, every fifth word left out."""
    return ["\n".join(" ".join(words[i : i + 4]) for i in range(0, len(words), 5)) for words in map(str.split, texts)]


def shuffled(texts: list[str]) -> list[str]:
    dice = random.Random(1)
    return [" ".join(dice.sample(words, len(words))) for words in map(str.split, texts)]


def scores(folder: str, texts: list[str]) -> np.ndarray:
    perplexity = line_perplexity(folder)
    return np.array([value for text in texts if (value := perplexity(text)) is not None])


def speed(folder: str, language: str, texts: list[str]) -> None:
    """One process, and the pool on every core, over the same 8 batches; the workers are started before."""
    texts = (texts * (1 + 4_000_000 // sum(map(len, texts))))[:4000]
    size = sum(len(text.encode()) for text in texts) / 1e6
    batch = pa.record_batch(
        {"text": pa.array(texts, pa.large_string()), "language": pa.array([language] * len(texts), pa.large_string())}
    )
    options = {"models": {language: folder}}
    measure(batch.slice(0, 10), options)
    started = time.perf_counter()
    measure(batch, options)
    alone = size / (time.perf_counter() - started)
    from concurrent.futures import ThreadPoolExecutor

    chosen = family("perplexity")
    parts = [batch.slice(at, 500) for at in range(0, len(texts), 500)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda part: measure_batch(chosen, part.slice(0, 5), options), parts))
        started = time.perf_counter()
        list(threads.map(lambda part: measure_batch(chosen, part, options), parts))
    print(f"speed: {alone:.2f} MB/s in one process, {size / (time.perf_counter() - started):.2f} MB/s on every core")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("language")
    parser.add_argument("--reference", nargs="+", required=True)
    parser.add_argument("--web", nargs="+", required=True)
    parser.add_argument("--vocabulary", type=int, default=8000)
    given = parser.parse_args()
    texts = documents(given.reference)
    clean = pieces(text for text in texts if is_held_out(text))[:PIECES]
    web = pieces(documents(given.web))[:PIECES]
    with tempfile.TemporaryDirectory() as temporary:
        folder = str(Path(temporary) / "model")
        learn = jsonl(Path(temporary) / "learn.jsonl", pieces(text for text in texts if not is_held_out(text)))
        started = time.perf_counter()
        train_kenlm(
            [learn], folder, given.language, options=KenlmOptions(vocabulary=given.vocabulary), console=Console()
        )
        print(f"trained in {time.perf_counter() - started:.1f} s")
        kinds = {
            "prose, held out": clean,
            "lists of it": lists_of(clean),
            "its words shuffled": shuffled(clean),
            "web": web,
        }
        print(f"{'':20} {'pieces':>7} {'10 %':>9} {'median':>9} {'90 %':>9}")
        found = {name: scores(folder, some) for name, some in kinds.items()}
        for name, values in found.items():
            low, middle, high = np.percentile(values, [10, 50, 90])
            print(f"{name:20} {len(values):7,} {low:9,.1f} {middle:9,.1f} {high:9,.1f}")
        order = [float(np.median(found[name])) for name in kinds][:3]
        assert order == sorted(order), "prose < lists < shuffled words does not hold"
        both = np.concatenate([-found["prose, held out"], -found["web"]])
        truths = np.arange(len(both)) < len(found["prose, held out"])
        value, low, high = area_with_interval(both, truths)
        print(f"held-out prose ranks above web text in {value:.3f} of pairs ({low:.3f}-{high:.3f})")
        assert value > 0.5, "held-out prose does not rank above web text"
        speed(folder, given.language, clean)


if __name__ == "__main__":
    main()
