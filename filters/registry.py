"""Every signal family, by name; adding one is its own file plus a line here.

An installed package adds families by entry points of the group `gristmill.signals`, named as their family; a recipe
names one as `module:attribute` (`adopt`). Some families exist once for each thing a recipe names (an evaluation set, a
classifier, a datatrove step, a column of scores): `<prefix>_<name>`, made by a function of that name. Their signals are called
as the family, with `_<quantity>` or without.
"""

from functools import cache
from importlib.resources import files

from gristmill.schemas.errors import RecipeError
from gristmill.schemas.lookup import installed_names, load_registered, nearest_name
from gristmill.schemas.signals import Family, Signal

FAMILIES: dict[str, str] = {
    "answer_self_test": "gristmill.filters.prompts.self_test",
    "bad_words": "gristmill.filters.c4.bad_words",
    "book_text": "gristmill.filters.books.signals",
    "c4_code": "gristmill.filters.c4.lines:CODE",
    "c4_datatrove": "gristmill.filters.c4.lines:DATATROVE",
    "c4_datatrove_any_end": "gristmill.filters.c4.lines:DATATROVE_ANY_END",
    "c4_dolma": "gristmill.filters.c4.dolma",
    "c4_paper": "gristmill.filters.c4.lines:PAPER",
    "code_files": "gristmill.filters.code.signals",
    "code_fences": "gristmill.filters.dialogue.code",
    "contradictions": "gristmill.filters.dialogue.contradictions",
    "content_key": "gristmill.filters.dedup.content_key",
    "conversation_languages": "gristmill.filters.dialogue.languages",
    "conversation_structure": "gristmill.filters.dialogue.structure",
    "copied_prompt": "gristmill.filters.dialogue.copied",
    "truncation": "gristmill.filters.dialogue.truncation",
    "final_answer": "gristmill.filters.dialogue.final_answer",
    "fineweb_lines": "gristmill.filters.fineweb.quality",
    "fineweb_tokens": "gristmill.filters.fineweb.quality:TOKENS",
    "gopher_datatrove": "gristmill.filters.gopher.datatrove",
    "gopher_quality": "gristmill.filters.gopher.quality",
    "gopher_repetition": "gristmill.filters.gopher.repetition",
    "gopher_repetition_dclm": "gristmill.filters.gopher.repetition_dclm",
    "gopher_repetition_lines": "gristmill.filters.gopher.repetition_lines",
    "json_answers": "gristmill.filters.dialogue.json_answers",
    "label_noise": "gristmill.filters.pairs.whole_set:LABEL_NOISE",
    "language": "gristmill.filters.language.identify",
    "loops": "gristmill.filters.dialogue.loops",
    "pair_cycles": "gristmill.filters.pairs.whole_set:CYCLES",
    "pair_formats": "gristmill.filters.pairs.formats",
    "pair_judgement": "gristmill.filters.pairs.judgement",
    "pair_lengths": "gristmill.filters.pairs.lengths",
    "pair_likeness": "gristmill.filters.pairs.likeness",
    "perplexity": "gristmill.filters.model_signals.perplexity",
    "pii": "gristmill.filters.pii.counts",
    "redpajama": "gristmill.filters.redpajama.signals",
    "refinedweb": "gristmill.filters.refinedweb.signals",
    "refusals": "gristmill.filters.dialogue.phrases",
    "task_class": "gristmill.filters.dialogue.task_class",
    "template_tokens": "gristmill.filters.dialogue.template_tokens",
    "tokens": "gristmill.filters.tokens",
    "toxic_words": "gristmill.filters.model_signals.toxic_words",
    "url_rules": "gristmill.filters.url",
    "web_page": "gristmill.filters.html.page_signals",
}

NAMED_FAMILIES: dict[str, str] = {
    "contamination": "gristmill.filters.decontamination.family:named_family",
    "datatrove": "gristmill.filters.datatrove.steps:named_family",
    "quality": "gristmill.filters.model_signals.quality:named_family",
    "scored": "gristmill.filters.scored:named_family",
    "toxicity": "gristmill.filters.model_signals.toxicity:named_family",
    "transformer": "gristmill.filters.model_signals.transformer:named_family",
}


# Families and signals that were called otherwise before.
RENAMED = {"cut_ends": "truncation", "cut_by_length": "truncated_by_length"}
GROUP = "gristmill.signals"
SIGNAL_LIST = "signals.tsv"
_adopted: dict[str, str] = {}  # family -> `module:attribute` that a recipe named


def known_families() -> dict[str, str]:
    """Every family that is there once: name -> `module:attribute`."""
    return {**FAMILIES, **installed_names(GROUP), **_adopted}


def adopt(reference: str) -> str:
    """Make the family `module:attribute` known in this process; returns its name.

    RecipeError where it cannot be loaded, is no Family, or has the name of another one.
    """
    found = load_registered({}, "signal family", reference, "FAMILY")
    if not isinstance(found, Family):
        raise RecipeError(f"{reference!r} is no signal family", expected="an object of gristmill.Family")
    if known_families().get(found.name, reference) != reference:
        raise RecipeError(
            f"the signal family {reference!r} is called {found.name!r}, as another one is", expected="a name of its own"
        )
    _adopted[found.name] = reference
    return found.name


def recipe_family(name: str) -> Family:
    """The family that a recipe names: a registered name, or `module:attribute`, whose family is known hereafter."""
    return family(adopt(name) if ":" in name else name)


@cache
def family(name: str) -> Family:
    """The family registered under `name`; RecipeError with the nearest names when there is none."""
    if name in RENAMED:
        raise RecipeError(f"signal family {name!r} is called {RENAMED[name]!r} now")
    prefix, _, given = name.partition("_")
    if name not in known_families() and prefix in NAMED_FAMILIES and given:
        found = load_registered(NAMED_FAMILIES, "signal family", prefix)(given)
    else:
        found = load_registered(known_families(), "signal family", name, "FAMILY")
    assert isinstance(found, Family)
    return found


def signals() -> dict[str, tuple[Family, Signal]]:
    """Every signal by name, with the family that measures it."""
    return _signals_of(tuple(known_families()))


def signal_hint(name: str) -> str:
    """What to write instead of a signal that nothing measures, as the end of an error."""
    if name in RENAMED:
        return f"it is called `{RENAMED[name]}` now"
    nearest = nearest_name(name, signals())
    return f"did you mean `{nearest}`?" if nearest else "`gristmill signals` lists them"


@cache
def _listed() -> dict[str, tuple[str, ...]]:
    """Family -> its signals, as `make docs` found them: so that a build imports only the families that it needs. A family
    that is not listed is imported whenever a signal is looked for."""
    lines = files("gristmill.filters").joinpath(SIGNAL_LIST).read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    return {name: tuple(names.split(" ")) for name, names in rows}


@cache
def _owners() -> dict[str, str]:
    """Signal -> the family that measures it, of those that are listed."""
    return {signal: name for name, names in _listed().items() if name in FAMILIES for signal in names}


def signal_list() -> str:
    """What `make docs` writes to SIGNAL_LIST."""
    rows = [f"{name}\t{' '.join(signal.name for signal in family(name).signals)}\n" for name in sorted(FAMILIES)]
    return "# the signals of each family of registry.py; written by `make docs`\n" + "".join(rows)


@cache
def _signals_of(names: tuple[str, ...]) -> dict[str, tuple[Family, Signal]]:
    return {signal.name: (family(name), signal) for name in names for signal in family(name).signals}


def find_signal(name: str) -> tuple[Family, Signal] | None:
    """The signal of this name with the family that measures it; None when there is none.

    Of the families that gristmill brings only the one that measures it is imported.
    """
    foreign = _signals_of(
        tuple(one for one, at in known_families().items() if one not in _listed() or FAMILIES.get(one) != at)
    )
    if name in foreign:
        return foreign[name]
    if name in _owners():
        return _signals_of((_owners()[name],))[name]
    if name.partition("_")[0] not in NAMED_FAMILIES:
        return None
    for owner in (name.rpartition("_")[0], name):  # `<prefix>_<given>_<quantity>`, or `<prefix>_<given>`
        found = family(owner) if "_" in owner else None
        for signal in found.signals if found else ():
            if signal.name == name:
                return found, signal
    return None
