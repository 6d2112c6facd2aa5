"""Folders of scores, as `gristmill score` writes them: one Parquet file, a row for each row that was scored, and a manifest.

The manifest is written last and names the model by a digest of its files. A recipe joins the columns by `doc_id` (`scores:`).
"""

from dataclasses import dataclass
from typing import Any, Literal

from gristmill.schemas.strict import Strict
from pydantic import Field, model_validator

MANIFEST = "scores.json"
TABLE = "scores.parquet"
ID = "doc_id"
ROW = "row_hash"  # of everything that the row says: scores of an unchanged row are taken over
UNSCORED = "unscored"  # why a row has no score; null for one that has
SIDES = ("chosen", "rejected")  # of a pair: each has columns of its own, with `_<side>` behind their names


@dataclass(frozen=True)
class ScoreKind:
    """What `gristmill score --score NAME` computes. columns: (name, meaning)."""

    name: str
    columns: tuple[tuple[str, str], ...]


PERPLEXITY = ScoreKind(
    "perplexity",
    (
        ("perplexity", "exp of the mean of -log p of the answer's tokens, given all that stands before it"),
        ("answer_tokens", "the answer's tokens, over which the mean is taken"),
    ),
)
IFD = ScoreKind(
    "ifd",
    (
        ("ifd", "perplexity / perplexity_alone (Li et al. 2024, arXiv:2402.00530)"),
        ("ifd_of_losses", "log perplexity / log perplexity_alone (Li et al. 2023, arXiv:2308.12032)"),
        *PERPLEXITY.columns,
        ("perplexity_alone", "the same tokens' perplexity with nothing before them"),
    ),
)
REWARD = ScoreKind("reward", (("reward", "the number that a reward model gives to the prompt with its answer"),))
PASS_RATE = ScoreKind(
    "pass_rate",
    (
        ("pass_rate", "of the completions that were scored, the share that the row's checker accepts"),
        ("samples", "completions that were scored"),
    ),
)
SCORES = {kind.name: kind for kind in (IFD, PERPLEXITY, REWARD, PASS_RATE)}


class ScoreOptions(Strict):
    """What is computed, and how.

    scores: names of SCORES; `reward` needs a reward model, and stands alone, as `pass_rate` does. max_tokens: of a prompt with
    its answer; None: what the model has positions for, at most 4,096. chat_template: one of gristmill's, or `plain`: texts
    with blank lines between; None: the tokenizer's own, `plain` where it has none. samples, max_new_tokens, temperature,
    top_p, seed, checker: of `pass_rate`; checker: for rows that name none.
    """

    scores: tuple[Literal["ifd", "perplexity", "reward", "pass_rate"], ...] = Field(("ifd",), min_length=1)
    max_tokens: int | None = Field(None, ge=2)
    chat_template: Literal["chatml", "gristmill", "plain"] | None = None
    samples: int = Field(8, ge=1)
    max_new_tokens: int = Field(256, ge=1)
    temperature: float = Field(1.0, gt=0)
    top_p: float = Field(1.0, gt=0, le=1)
    seed: int = Field(0, ge=0)
    checker: dict[str, Any] | str | None = None

    @model_validator(mode="after")
    def _one_model_computes_them(self) -> "ScoreOptions":
        alone = [name for name in self.scores if name in (REWARD.name, PASS_RATE.name)]
        if alone and len(set(self.scores)) > 1:
            raise ValueError(f"{alone[0]} stands with other scores; expected it alone, in a folder of its own")
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are computed, each once."""
        return tuple(dict.fromkeys(name for kind in self.scores for name, _ in SCORES[kind].columns))
