"""Which text version each document is written in: one for all, or one for each source."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.filters.transforms.apply import versioned_text
from gristmill.filters.transforms.registry import text_version_key
from gristmill.schemas.recipe.rules import ORIGINAL


@dataclass(frozen=True)
class TextVersions:
    """default: of every source that `by_source` does not name.

    >>> print(TextVersions("clean", {"code": "original"}))
    clean; code: original
    """

    default: str = ORIGINAL
    by_source: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        others = {source: name for source, name in sorted(self.by_source.items()) if name != self.default}
        object.__setattr__(self, "by_source", others)

    def __str__(self) -> str:
        return "; ".join([self.default, *(f"{source}: {name}" for source, name in self.by_source.items())])

    @property
    def all(self) -> tuple[str, ...]:
        """Every version that some document is written in."""
        return tuple(dict.fromkeys([self.default, *self.by_source.values()]))

    @property
    def key(self) -> str:
        """What keys of stages that read these texts are made of."""
        others = (f"{source}: {text_version_key(name)}" for source, name in self.by_source.items())
        return "; ".join([text_version_key(self.default), *others])

    def apply(self, texts: pa.Array, sources: pa.Array) -> tuple[pa.Array, pa.Array]:
        """(texts in their versions, edits that make them of the given originals); `sources` of the texts, row by row."""
        if not self.by_source:
            return versioned_text(texts, self.default)
        rows: list[np.ndarray] = []
        made: list[tuple[pa.Array, pa.Array]] = []
        left = np.ones(len(texts), bool)
        for source, name in self.by_source.items():
            mine = pc.fill_null(pc.equal(sources, source), False).to_numpy(zero_copy_only=False)
            left &= ~mine
            rows.append(np.flatnonzero(mine))
            made.append(versioned_text(texts.take(pa.array(rows[-1])), name))
        rows.append(np.flatnonzero(left))
        made.append(versioned_text(texts.take(pa.array(rows[-1])), self.default))
        back = pa.array(np.argsort(np.concatenate(rows), kind="stable"))
        versioned, edits = (pa.concat_arrays(column).take(back) for column in zip(*made, strict=True))
        return versioned, edits


ORIGINALS = TextVersions()
