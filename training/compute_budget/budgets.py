"""A model and a number of tokens, and everything that follows from them: cost, loss, steps, epochs, GPU-hours, money."""

import math
from dataclasses import dataclass, field

from gristmill.schemas.errors import RecipeError
from gristmill.schemas.repetition import REPEATED_TOKENS_DECAY, effective_tokens
from gristmill.training.compute_budget.laws import (
    BESIROGLU,
    DE_VRIES,
    FITTED_PARAMETERS,
    FLOPS_PER_PARAMETER_AND_TOKEN,
    FRESH,
    HOFFMANN,
    KAPLAN,
    MUENNIGHOFF,
    OPTIMAL_TOKENS_PER_PARAMETER,
    REPEATED,
    REPEATED_PARAMETERS,
    Law,
    effective_parameters,
)
from gristmill.training.compute_budget.numbers import human

SECONDS_PER_HOUR = 3600
ARITHMETIC = "arithmetic"
GIVEN = "given"


@dataclass(frozen=True)
class BudgetLine:
    """One number of a budget: what it is, how it was computed, by whose formula."""

    name: str
    value: float
    unit: str
    formula: str
    source: str


@dataclass(frozen=True)
class Hardware:
    """gpus: how many at once. peak_tflops: of one, dense, in the precision of training. utilisation: model FLOPs
    utilisation, what part of the peak goes into 6 N D. price_per_gpu_hour: in any currency."""

    peak_tflops: float
    utilisation: float
    gpus: int = 1
    price_per_gpu_hour: float | None = None

    def __post_init__(self) -> None:
        _positive("peak_tflops", self.peak_tflops)
        if self.peak_tflops > 1e5:
            raise RecipeError(
                f"peak_tflops {self.peak_tflops:g}",
                expected="TFLOP/s of one device, such as 989",
                where="compute budget",
            )
        _positive("mfu", self.utilisation)
        if self.utilisation > 1:
            raise RecipeError(
                f"mfu {self.utilisation:g}", expected="a fraction of the peak, such as 0.4", where="compute budget"
            )
        if self.gpus < 1:
            raise RecipeError(f"gpus {self.gpus}", expected="at least 1", where="compute budget")
        if self.price_per_gpu_hour is not None and not 0 <= self.price_per_gpu_hour < math.inf:
            raise RecipeError(f"price {self.price_per_gpu_hour:g}", expected="0 or more", where="compute budget")


@dataclass(frozen=True)
class ComputeBudget:
    """A model and a number of tokens, and everything that follows from them."""

    title: str
    parameters: float
    tokens: float
    lines: tuple[BudgetLine, ...]
    notes: tuple[str, ...] = field(default=())

    def __getitem__(self, name: str) -> float:
        """The value of the line `name`."""
        return next(line.value for line in self.lines if line.name == name)


def compute_budgets(
    *,
    parameters: float | None = None,
    tokens: float | None = None,
    flops: float | None = None,
    tokens_per_parameter: float | None = None,
    unique_tokens: float | None = None,
    batch_tokens: float | None = None,
    hardware: Hardware | None = None,
    smaller: float | None = 2.0,
) -> list[ComputeBudget]:
    """Compute budgets of a training run: the one that is asked for, the compute-optimal one where that is another, and the
    over-trained model, `smaller` times smaller than the optimal one, that reaches the same loss (None: without it).

    parameters, tokens, flops: one or two of them; the third follows. With one, `tokens_per_parameter` (20 when not given)
    decides. unique_tokens: of the corpus; more tokens than that are repeated. batch_tokens: of one update, for the number of
    steps. hardware: for hours, days and money. Raises RecipeError for what cannot be a budget.
    """
    given = {"parameters": parameters, "tokens": tokens, "flops": flops}
    optional = {
        "tokens_per_parameter": tokens_per_parameter,
        "unique_tokens": unique_tokens,
        "batch_tokens": batch_tokens,
    }
    for name, value in {**given, **optional}.items():
        if value is not None:
            _positive(name, value)
    if smaller is not None and not 1 < smaller < math.inf:
        raise RecipeError(f"smaller {smaller:g}", expected="a factor above 1", where="compute budget")
    try:
        return _budgets(given, tokens_per_parameter, (unique_tokens, batch_tokens, hardware), smaller)
    except (OverflowError, ZeroDivisionError) as error:
        raise _out_of_range("a number of the budget") from error


def _budgets(
    given: dict[str, float | None], tokens_per_parameter: float | None, context: tuple, smaller: float | None
) -> list[ComputeBudget]:
    n, d, how = _resolved(given["parameters"], given["tokens"], given["flops"], tokens_per_parameter)
    compute = FLOPS_PER_PARAMETER_AND_TOKEN * n * d
    if not math.isfinite(compute):
        raise _out_of_range("FLOPs")
    best_n = math.sqrt(compute / (FLOPS_PER_PARAMETER_AND_TOKEN * OPTIMAL_TOKENS_PER_PARAMETER))
    best_d = OPTIMAL_TOKENS_PER_PARAMETER * best_n
    found = []
    is_optimal = math.isclose(d / n, OPTIMAL_TOKENS_PER_PARAMETER, rel_tol=1e-6)
    if not is_optimal:
        kind = "over-trained" if d / n > OPTIMAL_TOKENS_PER_PARAMETER else "under-trained"
        found.append(_budget(f"as asked ({kind}: {d / n:.3g} tokens a parameter)", n, d, how, *context))
    best_how = (
        how
        if is_optimal
        else {
            "parameters": ("sqrt(C / (6 * 20)), C of the budget above", HOFFMANN),
            "tokens": ("20 * parameters", HOFFMANN),
        }
    )
    found.append(_budget("compute-optimal", best_n, best_d, best_how, *context))
    if smaller is not None:
        found.append(_over_trained(best_n, best_d, smaller, context))
    return found


def _over_trained(parameters: float, tokens: float, smaller: float, context: tuple) -> ComputeBudget:
    small = parameters / smaller
    needed = FRESH.tokens_for(small, FRESH.loss(parameters, tokens))
    title = f"over-trained: {smaller:g} times smaller, same loss"
    if needed == math.inf:
        note = f"a model {smaller:g} times smaller does not reach that loss with any number of tokens ({DE_VRIES})"
        return ComputeBudget(title, small, math.inf, (), (note,))
    how = {
        "parameters": (f"optimal / {smaller:g}", ARITHMETIC),
        "tokens": ("D with L(N / k, D) = L(N, 20 N)", DE_VRIES),
    }
    budget = _budget(title, small, needed, how, *context)
    more = needed / smaller / tokens
    return ComputeBudget(
        title,
        small,
        needed,
        (*budget.lines, BudgetLine("compute", more, "times the optimal", "6 N D / (6 N D of the optimal)", ARITHMETIC)),
        budget.notes,
    )


How = dict[str, tuple[str, str]]


def _resolved(
    parameters: float | None, tokens: float | None, flops: float | None, ratio: float | None
) -> tuple[float, float, How]:
    """(parameters, tokens, formula and source of each) from one or two of the three."""
    count = sum(value is not None for value in (parameters, tokens, flops))
    if count in (0, 3):
        raise RecipeError(
            "neither parameters nor tokens nor FLOPs" if not count else "parameters, tokens and FLOPs",
            expected="one or two of them: the rest follows",
            where="compute budget",
        )
    if count == 2 and ratio is not None:
        raise RecipeError("two of parameters, tokens, FLOPs and tokens_per_parameter", expected="one of them with it")
    r, six = ratio or OPTIMAL_TOKENS_PER_PARAMETER, FLOPS_PER_PARAMETER_AND_TOKEN
    source = HOFFMANN if r == OPTIMAL_TOKENS_PER_PARAMETER else "given tokens per parameter"
    given = (GIVEN, GIVEN)
    if parameters is not None and tokens is not None:
        return parameters, tokens, {"parameters": given, "tokens": given}
    if flops is not None:
        if parameters is not None:
            return parameters, flops / (six * parameters), {"parameters": given, "tokens": ("C / (6 N)", KAPLAN)}
        if tokens is not None:
            return flops / (six * tokens), tokens, {"parameters": ("C / (6 D)", KAPLAN), "tokens": given}
        n = math.sqrt(flops / (six * r))
        return n, r * n, {"parameters": (f"sqrt(C / (6 * {r:g}))", source), "tokens": (f"{r:g} * parameters", source)}
    if parameters is not None:
        return parameters, r * parameters, {"parameters": given, "tokens": (f"{r:g} * parameters", source)}
    assert tokens is not None
    return tokens / r, tokens, {"parameters": (f"tokens / {r:g}", source), "tokens": given}


def _budget(
    title: str,
    n: float,
    d: float,
    how: How,
    unique: float | None,
    batch: float | None,
    hardware: Hardware | None,
) -> ComputeBudget:
    if not (1 <= n < math.inf and 1 <= d < math.inf):
        raise RecipeError(f"{n:.3g} parameters and {d:.3g} tokens", expected="at least one of each", where=title)
    flops = FLOPS_PER_PARAMETER_AND_TOKEN * n * d
    lines = [
        BudgetLine("parameters", n, "", *how["parameters"]),
        BudgetLine("tokens", d, "", *how["tokens"]),
        BudgetLine("FLOPs", flops, "", "6 * parameters * tokens", KAPLAN),
        BudgetLine("loss", FRESH.loss(n, d), "nats a token, all tokens fresh", _formula(FRESH), BESIROGLU),
    ]
    notes = _extrapolations(n, FITTED_PARAMETERS, "Hoffmann et al. 2022")
    if batch is not None:
        if d < batch:
            raise RecipeError(f"{d:,.0f} tokens", expected=f"at least one batch of {batch:,.0f}", where=title)
        lines.append(BudgetLine("steps", math.ceil(d / batch), "updates", "ceil(tokens / batch)", ARITHMETIC))
    if unique is not None:
        repetition, more = _repetition(n, d, unique)
        lines += repetition
        notes += more
    if hardware is not None:
        lines += _hours(flops, hardware)
    for line in lines:
        if not math.isfinite(line.value):
            raise _out_of_range(line.name)
    return ComputeBudget(title, n, d, tuple(lines), tuple(notes))


def _repetition(n: float, d: float, unique: float) -> tuple[list[BudgetLine], list[str]]:
    epochs = BudgetLine("epochs", d / unique, "of the corpus", "tokens / unique tokens", ARITHMETIC)
    if d <= unique:
        return [epochs], []
    worth = effective_tokens(d, unique)
    fresh = REPEATED.loss(n, d)
    repeated = REPEATED.loss(effective_parameters(n, unique), worth)
    formula = f"U + U R* (1 - exp(-(D / U - 1) / R*)), R* = {REPEATED_TOKENS_DECAY:.4g}"
    lines = [
        epochs,
        BudgetLine("worth", worth, "fresh tokens", formula, MUENNIGHOFF),
        BudgetLine("lost to repetition", 1 - worth / d, "of the tokens' worth", "1 - worth / tokens", MUENNIGHOFF),
        BudgetLine(
            "loss from repetition",
            repeated - fresh,
            "nats a token more than all fresh",
            "L(N', D') - L(N, D), " + _formula(REPEATED),
            MUENNIGHOFF,
        ),
    ]
    return lines, _extrapolations(n, REPEATED_PARAMETERS, "Muennighoff et al. 2023")


def _hours(flops: float, hardware: Hardware) -> list[BudgetLine]:
    hours = flops / (hardware.peak_tflops * 1e12 * hardware.utilisation) / SECONDS_PER_HOUR
    formula = f"FLOPs / ({hardware.peak_tflops:g}e12 * {hardware.utilisation:g}) / 3600"
    lines = [
        BudgetLine("GPU-hours", hours, "", formula, ARITHMETIC),
        BudgetLine("days", hours / hardware.gpus / 24, f"on {hardware.gpus} GPUs", "GPU-hours / GPUs / 24", ARITHMETIC),
    ]
    if hardware.price_per_gpu_hour is not None:
        price = hardware.price_per_gpu_hour
        lines.append(BudgetLine("money", hours * price, "", f"GPU-hours * {price:g}", ARITHMETIC))
    return lines


def _formula(law: Law) -> str:
    return f"{law.e:.4g} + {law.a:.4g} / N^{law.alpha:.4g} + {law.b:.4g} / D^{law.beta:.4g}"


def _extrapolations(n: float, fitted: tuple[float, float], whose: str) -> list[str]:
    if fitted[0] <= n <= fitted[1]:
        return []
    low, high = (human(bound) for bound in fitted)
    return [f"{human(n)} parameters are outside the {low} to {high} of {whose}: their loss is extrapolated"]


def _out_of_range(what: str) -> RecipeError:
    return RecipeError(
        f"{what} would be too large a number", expected="a budget within what numbers can hold", where="compute budget"
    )


def _positive(name: str, value: float) -> None:
    if not 0 < value < math.inf:
        raise RecipeError(f"{name} {value:g}", expected="a finite number above 0", where="compute budget")
