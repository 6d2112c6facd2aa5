"""From tokens of a training sequence to the place in the source that they were made from."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
from gristmill.filters.text.text_tokenizer import load_for_text
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.inspect.source_place import SourcePlace, file_headers, places_in_source
from gristmill.pipelines.run.dataset import iterate_part
from gristmill.pipelines.run.run import Run, open_run
from gristmill.pipelines.write.mix.stored import current_corpus
from gristmill.schemas import layout
from gristmill.schemas.errors import InputError, RunError
from gristmill.schemas.shards.format import MANIFEST, TOKENIZER_FOLDER, parse_manifest

AROUND = 60  # characters shown on either side of a token
_COLUMNS = ["doc_id", "source", "url", "text", "metadata"]


@dataclass(frozen=True)
class TokensPlace:
    """places: where in the source tokens come from, in order. text: their words; before, after: what stands around them."""

    places: list[SourcePlace]
    before: str
    text: str
    after: str


def corpus_beside(shards: str | Path) -> Run | None:
    """The run that a folder of shards was written in (`RUN/shards`); None where it lies elsewhere."""
    folder = Storage(str(shards).rstrip("/").rpartition("/")[0] or ".")
    return open_run(folder.url) if folder.exists(layout.OWNER) and folder.exists(layout.MANIFEST) else None


class TrainedPlaces:
    """Looks tokens of shards up in the corpus that the shards were written from.

    run: of the corpus. shards: their folder. Raises RunError for a run whose corpus has not been written.
    """

    def __init__(self, run: Run, shards: str | Path) -> None:
        self.run = run
        corpus = current_corpus(run)
        if corpus is None:
            raise RunError("the corpus of these decisions has not been written", where=run.storage.url)
        self._corpus = corpus
        folder = Storage(str(shards))
        record = parse_manifest(folder.read_bytes(MANIFEST), folder.url).tokenizer
        self._begins_with = int(record.add_bos)
        self._special = record.special_ids
        content = folder.read_bytes(f"{TOKENIZER_FOLDER}/tokenizer.json").decode()
        self._tokenizer = load_for_text(content)
        self._headers = file_headers(run.recipe)

    def of_tokens(self, doc_id: str, ids: np.ndarray, offset: int) -> TokensPlace:
        """Where tokens of a document come from. ids: the tokens; offset: of the first in the document, in tokens.

        Raises InputError if the corpus does not hold the document, or holds another text by now.
        """
        row = self._row(doc_id)
        encoded = self._tokenizer.encode(row["text"], add_special_tokens=False)
        first = max(offset - self._begins_with, 0)
        mine = [token for token in ids.tolist() if token not in self._special]
        if encoded.ids[first : first + len(mine)] != mine:
            raise InputError(
                f"document {doc_id} is another text than the one trained on",
                where=self.run.storage.url,
                expected="the corpus that the shards were written from",
            )
        spans = encoded.offsets[first : first + len(mine)]
        start, end = (spans[0][0], spans[-1][1]) if spans else (len(row["text"]), len(row["text"]))
        text = row["text"]
        header = self._headers.get(row["source"])
        places = places_in_source(text, start, end, metadata=row["metadata"], url=row["url"], file_header=header)
        return TokensPlace(places, text[max(0, start - AROUND) : start], text[start:end], text[end : end + AROUND])

    def _row(self, doc_id: str) -> dict[str, Any]:
        for part in self._corpus.parts:
            seen = 0
            for batch in iterate_part(self.run.storage, part, ["doc_id"]):
                hits = pc.indices_nonzero(pc.equal(batch.column("doc_id"), doc_id)).to_pylist()
                if hits:
                    return self._read(part, seen + hits[0])
                seen += batch.num_rows
        raise InputError(f"no document {doc_id!r}", where=self.run.storage.url, expected="a doc_id of its corpus")

    def _read(self, part: Any, row: int) -> dict[str, Any]:
        seen = 0
        for batch in iterate_part(self.run.storage, part, _COLUMNS, batch_rows=256):
            if row < seen + batch.num_rows:
                found: dict[str, Any] = batch.slice(row - seen, 1).to_pylist()[0]
                return found
            seen += batch.num_rows
        raise AssertionError(f"{part.path} has no row {row}")
