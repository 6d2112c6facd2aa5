"""One peer of the stream benchmark, in its own environment: `stream_peers.py NAME TOKENS WORK SECONDS` prints JSON.

TOKENS: a raw uint16 file. Every peer is given windows of 2,049 consecutive tokens of it in its own format, written by its
own writer, and hands out shuffled batches of 16 windows, each read with the number of workers that is best for it.
"""

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

WINDOW, BATCH, EOS = 2049, 16, 0
WITH_POSITIONS = "with position ids and labels"
LITDATA_ROWS = 8192


def windows(tokens: Path) -> np.ndarray:
    """uint16 (windows, WINDOW) as a memory map."""
    flat = np.memmap(tokens, np.uint16, "r")
    count = len(flat) // WINDOW
    return flat[: count * WINDOW].reshape(count, WINDOW)


def loader(dataset: object, workers: int, **options: object) -> Iterable:
    from torch.utils.data import DataLoader

    return DataLoader(dataset, batch_size=BATCH, num_workers=workers, **options)  # type: ignore[arg-type]


def torch_dataloader(tokens: Path, work: Path) -> dict[str, Callable[[], Iterable]]:
    """A map-style dataset over the memory map, shuffled by the DataLoader, two workers."""
    import torch

    class Rows(torch.utils.data.Dataset):
        def __init__(self) -> None:
            self.rows = windows(tokens)

        def __len__(self) -> int:
            return len(self.rows)

        def __getitem__(self, i: int) -> torch.Tensor:
            return torch.from_numpy(self.rows[i].astype(np.int64))

    return {"2 workers": lambda: loader(Rows(), 2, shuffle=True)}


def datasets(tokens: Path, work: Path) -> dict[str, Callable[[], Iterable]]:
    """Hugging Face datasets: Parquet files of list columns, streamed with a shuffle buffer of 1,000."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from datasets import load_dataset

    work.mkdir(parents=True, exist_ok=True)
    rows = windows(tokens)
    for part, start in enumerate(range(0, len(rows), LITDATA_ROWS)):
        path = work / f"{part:05d}.parquet"
        if not path.exists():
            flat = pa.array(np.ascontiguousarray(rows[start : start + LITDATA_ROWS]).ravel())
            column = pa.FixedSizeListArray.from_arrays(flat, WINDOW)
            pq.write_table(pa.table({"input_ids": column}), path, row_group_size=1024, compression="none")
    files = sorted(map(str, work.glob("*.parquet")))

    def stream(form: str | None, workers: int) -> Iterable:
        rows = load_dataset("parquet", data_files=files, split="train", streaming=True).shuffle(0, buffer_size=1000)
        if form == "numpy batches":
            return rows.with_format("numpy").iter(batch_size=BATCH)
        return loader(rows.with_format("torch"), workers)

    return {
        "numpy batches": lambda: stream("numpy batches", 0),
        "torch, 0 workers": lambda: stream(None, 0),
        "torch, 2 workers": lambda: stream(None, 2),
    }


def mosaicml_streaming(tokens: Path, work: Path) -> dict[str, Callable[[], Iterable]]:
    """MDS shards of one uint16 array a sample."""
    _let_torchvision_load()
    from streaming import MDSWriter, StreamingDataset

    if not (work / "index.json").exists():
        with MDSWriter(out=str(work), columns={"input_ids": f"ndarray:uint16:{WINDOW}"}) as writer:
            for row in windows(tokens):
                writer.write({"input_ids": row})

    class Rows(StreamingDataset):
        def __getitem__(self, at: int) -> np.ndarray:
            return super().__getitem__(at)["input_ids"].astype(np.int64)

    def stream(workers: int) -> Iterable:
        return loader(Rows(local=str(work), shuffle=True, batch_size=BATCH), workers)

    return {"0 workers": lambda: stream(0), "2 workers": lambda: stream(2)}


def _let_torchvision_load() -> None:
    """`streaming` imports torchvision, whose wheel brings no operators for a torch without CUDA: name those it asks for."""
    import torch

    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _KEPT.append(library)


_KEPT: list[object] = []  # a torch library ends with its object


def litdata(tokens: Path, work: Path) -> dict[str, Callable[[], Iterable]]:
    """Chunks of 8,192 windows for its TokensLoader."""
    from litdata import StreamingDataLoader, StreamingDataset, TokensLoader, optimize

    if not (work / "index.json").exists():
        optimize(
            fn=_Rows(tokens),
            inputs=list(range(0, len(windows(tokens)), LITDATA_ROWS)),
            output_dir=str(work),
            chunk_size=LITDATA_ROWS * WINDOW,
            item_loader=TokensLoader(block_size=WINDOW),
            num_workers=1,
        )

    def stream(workers: int) -> Iterable:
        rows = StreamingDataset(str(work), item_loader=TokensLoader(block_size=WINDOW), shuffle=True)
        return StreamingDataLoader(rows, batch_size=BATCH, num_workers=workers)

    def all_three(workers: int) -> Iterator[dict]:
        return (with_positions(ids) for ids in stream(workers))

    return {
        "0 workers": lambda: stream(0),
        "2 workers": lambda: stream(2),
        f"0 workers, {WITH_POSITIONS}": lambda: all_three(0),
        f"2 workers, {WITH_POSITIONS}": lambda: all_three(2),
    }


def with_positions(ids: "torch.Tensor") -> dict[str, "torch.Tensor"]:
    """What gristmill hands out, made of a batch of ids whose documents end with EOS: three int64 tensors."""
    import torch

    columns = torch.arange(WINDOW)
    begins = torch.zeros(ids.shape, dtype=torch.bool)
    begins[:, 0] = True
    begins[:, 1:] = ids[:, :-1] == EOS
    document = np.maximum.accumulate(np.where(begins.numpy(), columns.numpy(), 0), axis=1)
    ids = ids.long()
    return {
        "input_ids": ids,
        "position_ids": columns - torch.from_numpy(document),
        "labels": ids.masked_fill(begins, -100),
    }


class _Rows:
    """The windows from a row on, one tensor after the other, for litdata's writer."""

    def __init__(self, tokens: Path) -> None:
        self.tokens = tokens

    def __call__(self, start: int) -> Iterator:
        import torch

        for row in windows(self.tokens)[start : start + LITDATA_ROWS]:
            yield torch.from_numpy(row.astype(np.int32))


def rate(batches: Iterable, seconds: float) -> float:
    """Tokens a second, from the second batch on."""
    served, began = 0, 0.0
    for number, batch in enumerate(batches):
        values = batch["input_ids"] if isinstance(batch, dict) else batch
        if number == 0:
            began = time.perf_counter()
            continue
        served += values.shape[0] * values.shape[1]
        if time.perf_counter() - began > seconds:
            break
    return served / (time.perf_counter() - began)


PEERS = {
    "torch DataLoader": torch_dataloader,
    "datasets": datasets,
    "mosaicml-streaming": mosaicml_streaming,
    "litdata": litdata,
}

if __name__ == "__main__":
    import torch

    torch.set_num_threads(1)
    name, tokens, work, seconds = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), float(sys.argv[4])
    rates = {way: rate(start(), seconds) for way, start in PEERS[name](tokens, work).items()}
    print(json.dumps(rates))
