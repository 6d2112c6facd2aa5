"""Text from an order-2 Markov source, and what the best possible predictor of each objective would lose on it.

All numbers are nats a token. `source_entropy` is H(x_t | x_t-1, x_t-2): the floor of causal language modelling. The
other objectives see both sides, so their floor is another one; it is computed exactly, on the very windows a model is
judged on, by summing over what is hidden (forward-backward over pairs of neighbouring symbols).
"""

from dataclasses import dataclass

import numpy as np

SYMBOLS = 4


@dataclass(frozen=True)
class Source:
    """transition[a, b, c] = P(c | a, b); pairs[a, b]: the stationary distribution of two neighbours."""

    transition: np.ndarray
    pairs: np.ndarray

    @classmethod
    def random(cls, seed: int, concentration: float = 0.15, floor: float = 0.02) -> "Source":
        """A random source in which every symbol can follow every pair."""
        drawn = np.random.default_rng(seed).dirichlet(np.full(SYMBOLS, concentration), (SYMBOLS, SYMBOLS))
        transition = (1 - floor) * drawn + floor / SYMBOLS
        pairs = np.full((SYMBOLS, SYMBOLS), 1 / SYMBOLS**2)
        for _ in range(2000):
            pairs = np.einsum("ab,abc->bc", pairs, transition)
        return cls(transition, pairs)

    @property
    def unigram_entropy(self) -> float:
        frequency = self.pairs.sum(axis=0)
        return float(-(frequency * np.log(frequency)).sum())

    @property
    def source_entropy(self) -> float:
        return float(-np.einsum("ab,abc,abc->", self.pairs, self.transition, np.log(self.transition)))

    def windows(self, seed: int, rows: int, width: int) -> dict[str, np.ndarray]:
        """One document a row, from the stationary distribution, as the stream serves windows."""
        random = np.random.default_rng(seed)
        ids = np.empty((rows, width), np.int64)
        first = random.choice(SYMBOLS**2, rows, p=self.pairs.ravel())
        ids[:, 0], ids[:, 1] = first // SYMBOLS, first % SYMBOLS
        steps = self.transition.cumsum(axis=2)
        draws = random.random((rows, width))
        for column in range(2, width):
            row = steps[ids[:, column - 2], ids[:, column - 1]]
            ids[:, column] = np.minimum((draws[:, column, None] > row).sum(axis=1), SYMBOLS - 1)
        places = np.tile(np.arange(width), (rows, 1))
        return {"input_ids": ids, "position_ids": places, "labels": np.where(places == 0, -100, ids)}

    def both_sides(self, evidence: np.ndarray, at: np.ndarray) -> np.ndarray:
        """P(x_t = c | everything shown), (rows, width, symbols).

        evidence[row, t, c] = P(what is shown at t | x_t = c) for its neighbours; at[row, t, c] the same for itself.
        """
        rows, width, _ = evidence.shape
        before = np.empty((rows, width, SYMBOLS, SYMBOLS))  # P(x_t-1, x_t, shown before t)
        after = np.ones((rows, width, SYMBOLS, SYMBOLS))  # P(shown after t | x_t-1, x_t)
        before[:, 1] = self.pairs * evidence[:, 0, :, None]
        for t in range(2, width):
            seen = before[:, t - 1] * evidence[:, t - 1, None, :]
            before[:, t] = np.einsum("rab,abc->rbc", seen, self.transition)
            before[:, t] /= before[:, t].sum(axis=(1, 2), keepdims=True)
        for t in range(width - 2, 0, -1):
            seen = after[:, t + 1] * evidence[:, t + 1, None, :]
            after[:, t] = np.einsum("abc,rbc->rab", self.transition, seen)
            after[:, t] /= after[:, t].max(axis=(1, 2), keepdims=True)
        posterior = np.empty((rows, width, SYMBOLS))
        posterior[:, 1:] = np.einsum("rtab,rtab->rtb", before[:, 1:], after[:, 1:]) * at[:, 1:]
        posterior[:, 0] = np.einsum("ra,rab->ra", at[:, 0], before[:, 1] * evidence[:, 1, None, :] * after[:, 1])
        return posterior / posterior.sum(axis=2, keepdims=True)

    def masked_floor(
        self, ids: np.ndarray, shown: np.ndarray, chosen: np.ndarray, mask_id: int, fraction: float
    ) -> tuple[float, float]:
        """(best loss, loss of the best predictor that sees no neighbour) of masked language modelling.

        Both know the objective: of the chosen 80 % are masked, 10 % random, 10 % themselves, and which of the tokens
        shown as text are chosen is not told.
        """
        own = (shown[:, :, None] == np.arange(SYMBOLS)).astype(float)
        masked = (shown == mask_id)[:, :, None]
        itself = np.where(masked, 0.8, 0.1 * own + 0.1 / SYMBOLS)
        neighbour = np.where(masked, 0.8 * fraction, (1 - fraction) * own + fraction * itself)
        best = self.both_sides(neighbour, itself)
        blind = itself * self.pairs.sum(axis=0)
        blind /= blind.sum(axis=2, keepdims=True)
        return _loss(best, ids, chosen), _loss(blind, ids, chosen)

    def span_floor(self, ids: np.ndarray, noise: np.ndarray) -> float:
        """Best loss on span tokens for a predictor that is told where spans lie, what stands before each token (spans
        already written included) and the text outside spans after it. A model is told less: not the spans' lengths."""
        rows, width = ids.shape
        own = (ids[:, :, None] == np.arange(SYMBOLS)).astype(float)
        evidence = np.where(noise[:, :, None], 1.0, own)
        after = np.ones((rows, width, SYMBOLS, SYMBOLS))
        for t in range(width - 2, 0, -1):
            seen = after[:, t + 1] * evidence[:, t + 1, None, :]
            after[:, t] = np.einsum("abc,rbc->rab", self.transition, seen)
            after[:, t] /= after[:, t].max(axis=(1, 2), keepdims=True)
        best = np.full((rows, width, SYMBOLS), np.nan)
        row = np.arange(rows)
        for t in range(2, width):
            best[:, t] = self.transition[ids[:, t - 2], ids[:, t - 1]] * after[row, t, ids[:, t - 1]]
        best /= best.sum(axis=2, keepdims=True)
        return _loss(best, ids, noise & (np.arange(width) >= 2))


def _loss(posterior: np.ndarray, ids: np.ndarray, counted: np.ndarray) -> float:
    taken = np.take_along_axis(posterior, ids[:, :, None], axis=2)[:, :, 0]
    return float(-np.log(taken[counted]).mean())
