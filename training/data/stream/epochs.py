"""How often a run reads its corpus."""

from gristmill.training.data.stream.history import StreamHistory
from gristmill.training.data.stream.plan import Plan

SOURCES_SHOWN = 5


def epochs(plan: Plan, history: StreamHistory, sequences: int) -> dict[str, float]:
    """How often the first `sequences` served sequences read each source, in epochs of that source."""
    return plan.epochs(history.phases, history.reach(sequences))


def epochs_in_words(plan: Plan, history: StreamHistory, sequences: int) -> str:
    """The same in words.

    Those of all sources together first, as far as they differ those of each source.
    """
    found = epochs(plan, history, sequences)
    total = sum(found[source.name] * source.tokens for source in plan.sources) / max(plan.tokens, 1)
    said = f"{total:.3g} epochs of {plan.tokens:,} tokens"
    if len({round(count, 2) for count in found.values()}) > 1:
        most = sorted(found.items(), key=lambda item: -item[1])
        named = ", ".join(f"{name} {count:.3g}" for name, count in most[:SOURCES_SHOWN])
        said += f" ({named}{', …' if len(most) > SOURCES_SHOWN else ''})"
    return said
