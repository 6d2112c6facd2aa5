"""The recipe's `preferences:` and `balance:`: what a set of preference pairs is asked as a whole, and strata of equal size."""

from gristmill.schemas.strict import Strict
from pydantic import Field, field_validator

LENGTH = "length"  # of `Balance.by`: of the two answers of a pair


class LabelNoise(Strict):
    """A logistic regression on what both answers differ in, fitted without the pair and without others of its prompt.

    folds: of the cross-validation, drawn by prompt and `seed`. max_pairs: to fit on, drawn by id.
    """

    folds: int = Field(5, ge=2, le=50)
    seed: int = Field(0, ge=0)
    max_pairs: int = Field(200_000, ge=100)


class Preferences(Strict):
    """Signals of pairs that only the whole set gives.

    cycles: `pair_in_cycle`, preferences of one prompt that contradict each other (A over B, B over C, C over A).
    label_noise: `label_probability`, how likely the label is by a simple model; null: none.
    """

    cycles: bool = True
    label_noise: LabelNoise | None = LabelNoise()


class Balance(Strict):
    """Strata of rows that pass everything else, cut down to like sizes by draws from the ids and `seed`.

    by: `length`: of pairs, in strata of equal length ratio, as many whose chosen answer is the longer one as the other way
        round; or a signal (`name` or `name@view`): its values are strata, those of a number by `edges`, ascending, a value on
        an edge in the stratum above it.
    max_ratio: of a stratum (of `length`: a side) to the smallest. max_rows: of a stratum. Rows without a value stay.
    """

    by: str
    edges: tuple[float, ...] = ()
    max_ratio: float = Field(1.0, ge=1)
    max_rows: int | None = Field(None, ge=1)
    seed: int = Field(0, ge=0)

    @field_validator("edges")
    @classmethod
    def _ascending(cls, edges: tuple[float, ...]) -> tuple[float, ...]:
        if list(edges) != sorted(set(edges)):
            raise ValueError(f"found {', '.join(map(str, edges))}; expected edges in ascending order")
        return edges
