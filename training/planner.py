"""How large a model, how many tokens, how many GPU-hours: each number with its formula and where the formula is from.

Three published fits, none of them ours:

- training costs C = 6 N D FLOPs for N parameters and D tokens (Kaplan et al. 2020, arXiv 2001.08361, section 2.1;
  attention over the context is left out);
- with D = 20 N a budget C is best spent (Hoffmann et al. 2022, arXiv 2203.15556, "Chinchilla", approaches 1 and 2);
  what loss to expect, and what a smaller model trained longer costs, by their law L = E + A / N^alpha + B / D^beta with
  the constants re-estimated by Besiroglu et al. 2024 (arXiv 2404.10102), which agree with the 20;
- tokens seen again are worth less (Muennighoff et al. 2023, arXiv 2305.16264, equations 5 and 6, appendix A).
"""

import math
import re
from dataclasses import dataclass, field

from gristmill.schemas.errors import RecipeError

FLOPS_PER_PARAMETER_AND_TOKEN = 6
OPTIMAL_TOKENS_PER_PARAMETER = 20.0
SECONDS_PER_HOUR = 3600

KAPLAN = "Kaplan et al. 2020, section 2.1"
HOFFMANN = "Hoffmann et al. 2022, approaches 1 and 2"
BESIROGLU = "Besiroglu et al. 2024, refit of Hoffmann et al. 2022"
MUENNIGHOFF = "Muennighoff et al. 2023, appendix A"
DE_VRIES = "de Vries 2023, 'Go smol or go home', with the constants of Besiroglu et al. 2024"
ARITHMETIC = "arithmetic"
GIVEN = "given"

# Where the fits were made; outside they extrapolate.
FITTED_PARAMETERS = (44e6, 16e9)  # Hoffmann et al. 2022
REPEATED_PARAMETERS = (7e6, 9e9)  # Muennighoff et al. 2023


@dataclass(frozen=True)
class Law:
    """L(N, D) = E + A / N^alpha + B / D^beta, in nats a token."""

    e: float
    a: float
    b: float
    alpha: float
    beta: float

    def loss(self, parameters: float, tokens: float) -> float:
        return self.e + self.a / parameters**self.alpha + self.b / tokens**self.beta

    def parameters_for(self, tokens: float) -> float:
        """The N for which D tokens are compute-optimal: alpha A / N^alpha = beta B / D^beta."""
        return (self.alpha * self.a / (self.beta * self.b)) ** (1 / self.alpha) * tokens ** (self.beta / self.alpha)

    def tokens_for(self, parameters: float, loss: float) -> float:
        """The D at which N parameters reach a loss; infinite when no number of tokens does."""
        left = loss - self.e - self.a / parameters**self.alpha
        return (self.b / left) ** (1 / self.beta) if left > 0 else math.inf


FRESH = Law(e=1.8172, a=482.01, b=2085.43, alpha=0.3478, beta=0.3658)
REPEATED = Law(e=math.exp(0.6254804), a=math.exp(6.255414), b=math.exp(7.3049974), alpha=0.3526596, beta=0.3526596)
REPEATED_TOKENS_DECAY = 15.387756  # R*_D
EXCESS_PARAMETERS_DECAY = 5.309743  # R*_N


def effective_tokens(tokens: float, unique: float) -> float:
    """What `tokens` read from `unique` ones are worth in fresh ones: U + U R* (1 - exp(-R / R*)), R = D / U - 1.

    >>> effective_tokens(100, 200)
    100
    >>> round(effective_tokens(400, 100) / 400, 3)
    0.931
    """
    if tokens <= unique:
        return tokens
    return unique + _decayed(unique, tokens / unique - 1, REPEATED_TOKENS_DECAY)


def effective_parameters(parameters: float, unique: float) -> float:
    """The same for parameters beyond those that `unique` tokens are optimal for."""
    enough = min(parameters, REPEATED.parameters_for(unique))
    return enough + _decayed(enough, parameters / enough - 1, EXCESS_PARAMETERS_DECAY)


def _decayed(base: float, repeats: float, decay: float) -> float:
    return base * decay * (1 - math.exp(-repeats / decay))


@dataclass(frozen=True)
class Line:
    """One number of a plan: what it is, how it was computed, by whose formula."""

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
                f"peak_tflops {self.peak_tflops:g}", expected="TFLOP/s of one device, such as 989", where="plan"
            )
        _positive("mfu", self.utilisation)
        if self.utilisation > 1:
            raise RecipeError(f"mfu {self.utilisation:g}", expected="a fraction of the peak, such as 0.4", where="plan")
        if self.gpus < 1:
            raise RecipeError(f"gpus {self.gpus}", expected="at least 1", where="plan")
        if self.price_per_gpu_hour is not None and not 0 <= self.price_per_gpu_hour < math.inf:
            raise RecipeError(f"price {self.price_per_gpu_hour:g}", expected="0 or more", where="plan")


@dataclass(frozen=True)
class Plan:
    """A model and a number of tokens, and everything that follows from them."""

    title: str
    parameters: float
    tokens: float
    lines: tuple[Line, ...]
    notes: tuple[str, ...] = field(default=())

    def __getitem__(self, name: str) -> float:
        """The value of the line `name`."""
        return next(line.value for line in self.lines if line.name == name)


def plans(
    *,
    parameters: float | None = None,
    tokens: float | None = None,
    flops: float | None = None,
    tokens_per_parameter: float | None = None,
    unique_tokens: float | None = None,
    batch_tokens: float | None = None,
    hardware: Hardware | None = None,
    smaller: float | None = 2.0,
) -> list[Plan]:
    """The plan that is asked for, the compute-optimal one beside it when that is another, and the over-trained model
    `smaller` times smaller than the optimal one that reaches the same loss.

    parameters, tokens, flops: one or two of them; the third follows. With one, `tokens_per_parameter` (20 when not
    given) decides. RecipeError for what cannot be a plan.
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
        raise RecipeError(f"smaller {smaller:g}", expected="a factor above 1", where="plan")
    try:
        return _plans(given, tokens_per_parameter, (unique_tokens, batch_tokens, hardware), smaller)
    except (OverflowError, ZeroDivisionError) as error:
        raise _out_of_range("a number of the plan") from error


def _plans(
    given: dict[str, float | None], tokens_per_parameter: float | None, context: tuple, smaller: float | None
) -> list[Plan]:
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
        found.append(_plan(f"as asked ({kind}: {d / n:.3g} tokens a parameter)", n, d, how, *context))
    best_how = (
        how
        if is_optimal
        else {
            "parameters": ("sqrt(C / (6 * 20)), C of the plan above", HOFFMANN),
            "tokens": ("20 * parameters", HOFFMANN),
        }
    )
    found.append(_plan("compute-optimal", best_n, best_d, best_how, *context))
    if smaller is not None:
        found.append(_over_trained(best_n, best_d, smaller, context))
    return found


def _over_trained(parameters: float, tokens: float, smaller: float, context: tuple) -> Plan:
    small = parameters / smaller
    needed = FRESH.tokens_for(small, FRESH.loss(parameters, tokens))
    title = f"over-trained: {smaller:g} times smaller, same loss"
    if needed == math.inf:
        note = f"a model {smaller:g} times smaller does not reach that loss with any number of tokens ({DE_VRIES})"
        return Plan(title, small, math.inf, (), (note,))
    how = {
        "parameters": (f"optimal / {smaller:g}", ARITHMETIC),
        "tokens": ("D with L(N / k, D) = L(N, 20 N)", DE_VRIES),
    }
    plan = _plan(title, small, needed, how, *context)
    more = needed / smaller / tokens
    return Plan(
        title,
        small,
        needed,
        (*plan.lines, Line("compute", more, "times the optimal", "6 N D / (6 N D of the optimal)", ARITHMETIC)),
        plan.notes,
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
            where="plan",
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


def _plan(
    title: str,
    n: float,
    d: float,
    how: How,
    unique: float | None,
    batch: float | None,
    hardware: Hardware | None,
) -> Plan:
    if not (1 <= n < math.inf and 1 <= d < math.inf):
        raise RecipeError(f"{n:.3g} parameters and {d:.3g} tokens", expected="at least one of each", where=title)
    flops = FLOPS_PER_PARAMETER_AND_TOKEN * n * d
    lines = [
        Line("parameters", n, "", *how["parameters"]),
        Line("tokens", d, "", *how["tokens"]),
        Line("FLOPs", flops, "", "6 * parameters * tokens", KAPLAN),
        Line("loss", FRESH.loss(n, d), "nats a token, all tokens fresh", _formula(FRESH), BESIROGLU),
    ]
    notes = _extrapolations(n, FITTED_PARAMETERS, "Hoffmann et al. 2022")
    if batch is not None:
        if d < batch:
            raise RecipeError(f"{d:,.0f} tokens", expected=f"at least one batch of {batch:,.0f}", where=title)
        lines.append(Line("steps", math.ceil(d / batch), "updates", "ceil(tokens / batch)", ARITHMETIC))
    if unique is not None:
        repetition, more = _repetition(n, d, unique)
        lines += repetition
        notes += more
    if hardware is not None:
        lines += _hours(flops, hardware)
    for line in lines:
        if not math.isfinite(line.value):
            raise _out_of_range(line.name)
    return Plan(title, n, d, tuple(lines), tuple(notes))


def _repetition(n: float, d: float, unique: float) -> tuple[list[Line], list[str]]:
    epochs = Line("epochs", d / unique, "of the corpus", "tokens / unique tokens", ARITHMETIC)
    if d <= unique:
        return [epochs], []
    worth = effective_tokens(d, unique)
    fresh = REPEATED.loss(n, d)
    repeated = REPEATED.loss(effective_parameters(n, unique), worth)
    formula = f"U + U R* (1 - exp(-(D / U - 1) / R*)), R* = {REPEATED_TOKENS_DECAY:.4g}"
    lines = [
        epochs,
        Line("worth", worth, "fresh tokens", formula, MUENNIGHOFF),
        Line("lost to repetition", 1 - worth / d, "of the tokens' worth", "1 - worth / tokens", MUENNIGHOFF),
        Line(
            "loss from repetition",
            repeated - fresh,
            "nats a token more than all fresh",
            "L(N', D') - L(N, D), " + _formula(REPEATED),
            MUENNIGHOFF,
        ),
    ]
    return lines, _extrapolations(n, REPEATED_PARAMETERS, "Muennighoff et al. 2023")


def _hours(flops: float, hardware: Hardware) -> list[Line]:
    hours = flops / (hardware.peak_tflops * 1e12 * hardware.utilisation) / SECONDS_PER_HOUR
    formula = f"FLOPs / ({hardware.peak_tflops:g}e12 * {hardware.utilisation:g}) / 3600"
    lines = [
        Line("GPU-hours", hours, "", formula, ARITHMETIC),
        Line("days", hours / hardware.gpus / 24, f"on {hardware.gpus} GPUs", "GPU-hours / GPUs / 24", ARITHMETIC),
    ]
    if hardware.price_per_gpu_hour is not None:
        price = hardware.price_per_gpu_hour
        lines.append(Line("money", hours * price, "", f"GPU-hours * {price:g}", ARITHMETIC))
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
        f"{what} would be too large a number", expected="a plan within what numbers can hold", where="plan"
    )


def _positive(name: str, value: float) -> None:
    if not 0 < value < math.inf:
        raise RecipeError(f"{name} {value:g}", expected="a finite number above 0", where="plan")


SUFFIXES = {"K": 1e3, "M": 1e6, "B": 1e9, "G": 1e9, "T": 1e12}


_COUNT = re.compile(  # digits, or groups of three of them; a fraction; an exponent; a suffix
    r"(?P<sign>[+-]?)(?P<whole>\d+|\d{1,3}(?:,\d{3})+|\d{1,3}(?:_\d{3})+)?"
    r"(?P<rest>(?:\.\d*)?(?:e[+-]?\d+)?) ?(?P<suffix>[kmbgt]?)",
    re.IGNORECASE | re.ASCII,
)


def parse_count(text: str, name: str) -> float:
    """A number such as 1.3B, 300e9, 15T, 2,000,000 or 2_000_000; RecipeError otherwise.

    A comma or an underscore separates groups of three digits and nothing else: `1,3B` is an error, not 13B.

    >>> parse_count("1.3B", "parameters")
    1300000000.0
    """
    found = _COUNT.fullmatch(text.strip())
    try:
        if found is None:
            raise ValueError(text)
        whole = (found["whole"] or "").replace(",", "").replace("_", "")
        return float(found["sign"] + whole + found["rest"]) * SUFFIXES.get(found["suffix"].upper(), 1.0)
    except ValueError:
        raise RecipeError(
            f"{name} {text!r}", expected="a number such as 1.3B, 300e9, 15T or 2,000,000", where="plan"
        ) from None


def human(value: float) -> str:
    """Three digits and a suffix; scientific from 10^15 on.

    >>> human(1.3e9), human(2.5e21), human(0.0312), human(512), human(999_999_999)
    ('1.3B', '2.5e+21', '0.0312', '512', '1B')
    """
    rounded = float(f"{value:.3g}")
    if abs(rounded) >= 1e15:
        return f"{value:.3g}"
    for suffix in ("T", "B", "M"):
        if abs(rounded) >= SUFFIXES[suffix]:
            return f"{rounded / SUFFIXES[suffix]:.3g}{suffix}"
    return f"{value:,.0f}" if abs(rounded) >= 1000 else f"{value:.3g}"


def render(found: list[Plan]) -> str:
    """The plans as text: each number, its unit, its formula and its source."""
    blocks = []
    for plan in found:
        rows = [
            (line.name, f"{human(line.value)} {line.unit}".strip(), line.formula, line.source) for line in plan.lines
        ]
        widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
        lines = [plan.title]
        for name, value, formula, source in rows:
            explained = GIVEN if formula == GIVEN else f"= {formula}  [{source}]"
            lines.append(f"  {name:<{widths[0]}}  {value:<{widths[1]}}  {explained}")
        blocks.append("\n".join([*lines, *(f"  note: {note}" for note in plan.notes)]))
    return "\n\n".join(blocks)
