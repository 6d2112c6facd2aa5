"""What the answers of a pair differ in, by stored signals: the features of the model of label noise.

Lengths and forms; where the chosen answer stood; and every numeric signal that was measured on both answers
(`loop_character_fraction@chosen` and `@rejected`, or the joined scores `scored_<name>_chosen` and `_rejected`). Not the
source's own scores: the label was made of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.filters.pairs.formats import MARKS
from gristmill.filters.registry import family
from gristmill.filters.scored import PREFIX
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run.dataset import read_part
from gristmill.schemas.manifest import DatasetManifest
from gristmill.schemas.recipe.rules import ORIGINAL
from gristmill.schemas.signals import FamilyKey

LENGTHS, FORMATS, JUDGEMENT = "pair_lengths", "pair_formats", "pair_judgement"
_SCALAR = ("int", "float", "bool")


@dataclass(frozen=True)
class FeatureNames:
    """both: (family and version, signal) of the chosen side and of the rejected one. fixed: families of pairs."""

    both: tuple[tuple[tuple[FamilyKey, str], tuple[FamilyKey, str]], ...]
    fixed: tuple[str, ...]

    @property
    def families(self) -> tuple[FamilyKey, ...]:
        """Every family that is read, each once."""
        found = [(name, ORIGINAL) for name in self.fixed] + [key for sides in self.both for key, _ in sides]
        return tuple(dict.fromkeys(found))

    @property
    def shown(self) -> tuple[str, ...]:
        """What the features are called."""
        found = ["log length ratio"] if LENGTHS in self.fixed else []
        found += [f"{name}_difference" for name in MARKS] if FORMATS in self.fixed else []
        found += ["chosen_position"] if JUDGEMENT in self.fixed else []
        return (*found, *(f"{name}@{key[1]}" for (key, name), _ in self.both))


def feature_names(signals: Mapping[FamilyKey, DatasetManifest]) -> FeatureNames:
    """The features that these signals give."""
    fixed = tuple(name for name in (LENGTHS, FORMATS, JUDGEMENT) if (name, ORIGINAL) in signals)
    both = []
    for name, version in sorted(signals):
        other: FamilyKey | None = None
        if version == "chosen" or version.startswith("chosen+"):
            other = (name, version.replace("chosen", "rejected", 1))
        elif name.startswith(f"{PREFIX}_") and name.endswith("_chosen"):
            other = (f"{name.removesuffix('_chosen')}_rejected", version)
        if other is None or other not in signals:
            continue
        theirs = [signal.name for signal in family(other[0]).signals if signal.type in _SCALAR]
        mine = [signal.name for signal in family(name).signals if signal.type in _SCALAR]
        both += [(((name, version), a), (other, b)) for a, b in zip(mine, theirs, strict=True)]
    return FeatureNames(tuple(both), fixed)


def feature_rows(
    storage: Storage, signals: Mapping[FamilyKey, DatasetManifest], names: FeatureNames, parts: int
) -> np.ndarray:
    """float64 (rows, features), chosen minus rejected, nan where undefined; the rows in the order of the documents."""
    found = [_of_part(storage, signals, names, number) for number in range(parts)]
    return np.concatenate(found) if found else np.zeros((0, len(names.shown)))


def _of_part(
    storage: Storage, signals: Mapping[FamilyKey, DatasetManifest], names: FeatureNames, number: int
) -> np.ndarray:
    def column(key: FamilyKey, signal: str) -> np.ndarray:
        values = read_part(storage, signals[key].parts[number], [signal]).column(0)
        if pa.types.is_boolean(values.type):
            values = values.cast(pa.int8())
        result: np.ndarray = pc.cast(values, pa.float64()).to_numpy()
        return result

    columns: list[np.ndarray] = []
    if LENGTHS in names.fixed:
        chosen, rejected = (column((LENGTHS, ORIGINAL), f"{side}_characters") for side in ("chosen", "rejected"))
        columns.append(np.log((chosen + 1) / (rejected + 1)))
    if FORMATS in names.fixed:
        differences = [column((FORMATS, ORIGINAL), f"{name}_difference") for name in MARKS]
        columns += [np.sign(values) * np.log1p(np.abs(values)) for values in differences]
    if JUDGEMENT in names.fixed:
        columns.append(1.5 - column((JUDGEMENT, ORIGINAL), "chosen_position"))
    columns += [column(*mine) - column(*theirs) for mine, theirs in names.both]
    return np.stack(columns, axis=1)
