"""Token shards to train on, and three kinds of poison in them: one batch, many batches, documents that give NaN."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xxhash
from gristmill.schemas.shards.format import BIN, MANIFEST, ShardFile, ShardSetManifest
from gristmill.schemas.training.pretrain import PretrainRecipe
from gristmill.training.data.stream.dataset import PlanDataset
from gristmill.training.data.stream.plan import Plan, PlanConfig
from gristmill.training.data.stream.shards import ShardSet

from tests.made_shards import EOS, SEPARATOR, write_shards

FIRST, ORDINARY, MARKER = 10, 48, SEPARATOR  # no other text has the marker
SENTINELS = (59, 60, 61, 62)
VOCABULARY = 64


def heavy_tailed(random: np.random.Generator) -> float:
    """A document length as the web has them: log-normal with a Pareto tail."""
    return random.lognormal(4.0, 1.0) + (random.pareto(1.2) * 400 if random.random() < 0.02 else 0)


def lengths_of(random: np.random.Generator, tokens: int, known: Sequence[int] = ()) -> list[int]:
    """Document lengths of 8 to 8,000 tokens, `tokens` in all: drawn from `known`, or heavy-tailed."""
    lengths: list[int] = []
    left = tokens
    while left > 0:
        length = random.choice(known) if len(known) else heavy_tailed(random)
        lengths.append(int(min(max(length, 8), 8000, max(8, left))))
        left -= lengths[-1]
    return lengths


def markov_documents(
    seed: Sequence[int], tokens: int, sharpness: float = 0.5, known: Sequence[int] = ()
) -> list[np.ndarray]:
    """Documents of an order-1 source: few ids follow each id; the sharper, the more predictable."""
    random = np.random.default_rng(seed)
    followers = random.permuted(np.tile(np.arange(ORDINARY), (ORDINARY, 1)), axis=1)
    documents = []
    for length in lengths_of(random, tokens, known):
        ranks = np.minimum(random.geometric(sharpness, length) - 1, ORDINARY - 1).tolist()
        state, found = 0, []
        for rank in ranks:
            state = int(followers[state, rank])
            found.append(FIRST + state)
        documents.append(np.array([*found[:-1], EOS]))
    return documents


def corpus(
    folder: Path, seed: int = 0, validation: int = 0, known: Sequence[int] = (), **sources: tuple[int, float]
) -> Path:
    """Shards of sources name=(tokens, sharpness); `validation` tokens of the first source in the other split. known:
    document lengths to draw from."""
    chosen = sources or {"web": (60_000, 0.5)}
    made = {f"{name}-00000": markov_documents([seed, n], *size, known) for n, (name, size) in enumerate(chosen.items())}
    first, (_, sharpness) = next(iter(chosen.items()))
    held = {f"{first}-00000": markov_documents([seed, 0], validation, sharpness)} if validation else {}
    manifests = [
        _manifest(write_shards(folder, documents, vocab_size=VOCABULARY, split=split))
        for split, documents in (("train", made), ("validation", held))
        if documents
    ]
    everything = {
        "shards": tuple(shard for manifest in manifests for shard in manifest.shards),
        "tokenizer": manifests[0].tokenizer.model_copy(update={"sentinel_ids": SENTINELS}),
    }
    (folder / MANIFEST).write_text(manifests[0].model_copy(update=everything).model_dump_json())
    return folder


def stream_of(recipe: PretrainRecipe) -> PlanDataset:
    """What a run of the recipe is served when nothing is skipped."""
    options = recipe.stream
    config = PlanConfig(window=options.window, packing=options.packing, seed=options.seed, mixture=options.mixture)
    return PlanDataset(Plan.build(ShardSet.open(recipe.shards), config))


def random_tokens(random: np.random.Generator) -> Callable[[int], np.ndarray]:
    """Poison that no context predicts: ids that the rest of the corpus uses, in random order."""
    return lambda count: random.integers(FIRST, FIRST + ORDINARY, count)


def plant(recipe: PretrainRecipe, served: Sequence[int], fill: Callable[[int], np.ndarray]) -> Counter[str]:
    """Overwrite every token that these served sequences hold; how many of each document.

    Order is a function of the shards' identities, which stay, as they do when a forgotten text is erased.
    """
    stream = stream_of(recipe)
    spans = [span for index in served for span in stream.spans(index)]
    documents: Counter[str] = Counter()
    for index in served:
        for one in stream.documents(index):
            documents[one.doc_id] += one.end - one.start
    for name in sorted({span.shard for span in spans}):  # what is filled in does not depend on the hash seed
        path = Path(recipe.shards) / (name + BIN)
        tokens = np.fromfile(path, "<u2")
        for span in spans:
            if span.shard == name:
                tokens[span.start : span.start + span.length] = fill(span.length)
        path.write_bytes(tokens.tobytes())
    _refresh_checksums(Path(recipe.shards))
    return documents


def mark(recipe: PretrainRecipe, served: Sequence[int]) -> set[str]:
    """Put one MARKER into the longest document of each of these sequences; the documents marked."""
    stream = stream_of(recipe)
    marked = set()
    for index in served:
        one = max(stream.documents(index), key=lambda span: span.end - span.start)
        span = stream.spans(index)[0]
        place = (one.start + one.end) // 2
        path = Path(recipe.shards) / (span.shard + BIN)
        tokens = np.fromfile(path, "<u2")
        tokens[span.start + place] = MARKER
        path.write_bytes(tokens.tobytes())
        marked.add(one.doc_id)
    _refresh_checksums(Path(recipe.shards))
    return marked


class NanAtMarker(torch.nn.Module):
    """An embedding that gives NaN for MARKER: a document that the model cannot stomach."""

    def __init__(self, embedding: torch.nn.Embedding) -> None:
        super().__init__()
        self.weight = embedding.weight
        self.embedding_dim, self.num_embeddings = embedding.embedding_dim, embedding.num_embeddings

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        embedded = torch.nn.functional.embedding(input_ids, self.weight)
        return torch.where((input_ids == MARKER).unsqueeze(-1), float("nan"), embedded)


def stomachless(build: Callable[..., Any]) -> Callable[..., Any]:
    """`build_model` whose models give NaN wherever a marked document is seen."""

    def built(*arguments: Any, **options: Any) -> Any:
        model = build(*arguments, **options)
        model.set_input_embeddings(NanAtMarker(model.get_input_embeddings()))
        return model

    return built


def _manifest(folder: Path) -> ShardSetManifest:
    return ShardSetManifest.model_validate_json((folder / MANIFEST).read_text())


def _refresh_checksums(folder: Path) -> None:
    manifest = _manifest(folder)
    shards = []
    for shard in manifest.shards:
        content = (folder / (shard.name + BIN)).read_bytes()
        file = ShardFile(bytes=len(content), checksum=xxhash.xxh3_128_hexdigest(content))
        shards.append(shard.model_copy(update={"files": {**shard.files, BIN: file}}))
    (folder / MANIFEST).write_text(manifest.model_copy(update={"shards": tuple(shards)}).model_dump_json())
