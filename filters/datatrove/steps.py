"""datatrove's filters and formatters as steps: each filter's verdict with its reason, all changes of text as edits.

Steps run in the order given, each on the text that those before it left, as in a datatrove pipeline; but a document that
one drops goes on to the next, so that the decision has every reason. Only classes of `datatrove.pipeline.filters` and
`.formatters` are run, and none may open a connection: what needs a download is an error before the run starts.
"""

import contextlib
import inspect
import json
import socket
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from importlib import import_module
from typing import Any

import numpy as np
import pyarrow as pa
from gristmill.filters.transforms.apply import compose
from gristmill.filters.transforms.edit_arrays import edits_array, no_edits, rows_of_counts
from gristmill.filters.transforms.encoding_repair import changed_words
from gristmill.filters.transforms.per_document import ByteOffsets
from gristmill.schemas.errors import ModelError, PackageError, RecipeError
from gristmill.schemas.lookup import unknown_name_error
from gristmill.schemas.recipe.datatrove_steps import KEPT, NO_REASON, RULE_PREFIX, DatatroveStep
from gristmill.schemas.rows.edits import EDITS
from gristmill.schemas.signals import Family, Signal

_PACKAGE = "datatrove.pipeline."
_NOT_FROM_RECIPES = ("exclusion_writer", "batch_size")
_STATELESS = frozenset(
    {
        "filters.C4ParagraphFilter",
        "filters.C4QualityFilter",
        "filters.FineWebQualityFilter",
        "filters.GopherQualityFilter",
        "filters.GopherRepetitionFilter",
        "filters.RegexFilter",
        "filters.URLFilter",
        "formatters.FTFYFormatter",
        "formatters.SymbolLinesFormatter",
    }
)
_STATE = {
    "filters.SamplerFilter": "it draws one number after the other, so which documents it keeps depends on their order",
    "filters.C4BadWordsFilter": "with keep_fraction it draws one number after the other",
    "formatters.PIIFormatter": "it takes its replacements in turn, so the text depends on the order of documents",
}
_PROBE = "The mill turns when the river is high. Of all that grain we keep what weighs enough to be bread.\n"


def signal_name(name: str) -> str:
    return f"datatrove_{name}_reason"


def named_family(name: str) -> Family:
    """`datatrove_<name>`, measured by pipelines/measure/datatrove_steps: the steps of a recipe are one chain."""
    return Family(
        name=f"datatrove_{name}",
        version=1,
        signals=(Signal(signal_name(name), "string", "name", f"`{KEPT}`, or why the step {name} drops it"),),
        measure="",
        source="datatrove, docs/recipes.md",
        libraries=("datatrove",),
        recipe_key="datatrove_steps",
    )


def step_class(reference: str) -> type:
    """The class behind `filters.NAME` or `formatters.NAME`; RecipeError when datatrove has none.

    PackageError where datatrove, or what it imports, is not installed.
    """
    kind, _, name = reference.partition(".")
    try:
        module = import_module(_PACKAGE + kind)
    except ModuleNotFoundError as error:
        raise PackageError(
            f"the package {error.name} is not installed",
            where=f"datatrove_steps: {reference}",
            expected="datatrove and what it needs",
            next_step="`pip install datatrove`",
        ) from error
    base = import_module(f"{_PACKAGE}filters.base_filter").BaseFilter if kind == "filters" else None
    base = base or import_module(f"{_PACKAGE}formatters.base").BaseFormatter
    known = {
        key: value
        for key, value in vars(module).items()
        if inspect.isclass(value) and issubclass(value, base) and value.__module__.startswith(_PACKAGE + kind)
    }
    if name not in known:
        raise unknown_name_error("datatrove step", reference, [f"{kind}.{key}" for key in known])
    found: type = known[name]
    return found


def check_steps(steps: Sequence[DatatroveStep]) -> list[str]:
    """What to warn of. RecipeError or ModelError for a step that is unknown, misconfigured, or needs a download."""
    warnings = []
    names = [step.name for step in steps]
    for step in steps:
        where = f"datatrove_steps: {step.datatrove}"
        if names.count(step.name) > 1:
            raise RecipeError(f"two steps are named {step.name!r}", where=where, expected="a `name` for each")
        _check_options(step, where)
        try:
            with _without_network():
                _apply(
                    _built(step.model_dump_json()), step.is_filter, _document(_PROBE, "probe", {"url": "http://a.org"})
                )
        except ImportError as error:
            raise ModelError(str(error), where=where, expected="the packages that the step needs") from error
        except Exception as error:  # whatever the step says of its own options
            if _wanted_network(error):
                raise ModelError(
                    "the step wants to download something",
                    where=where,
                    expected="a step whose files are on this machine",
                ) from error
            raise RecipeError(
                f"{type(error).__name__}: {error}"[:500], where=where, expected="options that it takes"
            ) from error
        why = _state_of(step)
        if why:
            warnings.append(
                f"datatrove step {step.name} keeps state between documents: {why}; results are not reproducible"
            )
        elif step.datatrove not in _STATELESS:
            warnings.append(f"datatrove step {step.name} is not known to be stateless: results may not be reproducible")
    return warnings


def option_problems(reference: str, options: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(option, what is wrong) by the signature of a step's class: options that it has not, and those that it wants.

    What values an option may have is known to the step alone, and found by running it (`check_steps`).
    Raises RecipeError when datatrove has no such step.
    """
    parameters = inspect.signature(step_class(reference)).parameters
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    known = {name: one for name, one in parameters.items() if one.kind in named and name not in _NOT_FROM_RECIPES}
    if reference == "filters.LambdaFilter":
        return [("", "it takes a function; expected a step whose options are plain data")]
    open_ended = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters.values())
    unknown = [name for name in options if name not in known and (name in _NOT_FROM_RECIPES or not open_ended)]
    found = [(name, str(unknown_name_error("option", name, known))) for name in unknown]
    wanted = [name for name, one in known.items() if one.default is inspect.Parameter.empty and name not in options]
    return found + [("", f"the option {name!r} is missing; expected it, as it has no default") for name in wanted]


def _check_options(step: DatatroveStep, where: str) -> None:
    problems = option_problems(step.datatrove, step.options)
    if problems:
        raise RecipeError("; ".join(problem for _, problem in problems), where=where)


def _state_of(step: DatatroveStep) -> str | None:
    if step.datatrove == "formatters.PIIFormatter":
        given = [step.options.get(name) for name in ("email_replacement", "ip_replacement")]
        if all(isinstance(one, str) or (isinstance(one, list) and len(one) == 1) for one in given):
            return None  # one replacement of each kind comes in no order
    if step.datatrove == "filters.C4BadWordsFilter" and not step.options.get("keep_fraction"):
        return None
    return _STATE.get(step.datatrove)


class _NetworkError(OSError):
    """A step tried to open a connection."""


def _wanted_network(error: BaseException | None) -> bool:
    """Whether an error comes from a refused connection, however clients of the network have wrapped it."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, _NetworkError) or isinstance(getattr(error, "os_error", None), _NetworkError):
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False


@contextlib.contextmanager
def _without_network() -> Iterator[None]:
    """Refuse connections to other machines: nothing is downloaded while a recipe is checked or run."""
    connect = socket.socket.connect

    def refuse_connection(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            raise _NetworkError("connections are refused")
        connect(self, address)

    def refuse_lookup(*_: Any, **__: Any) -> Any:
        raise _NetworkError("connections are refused")

    lookup = socket.getaddrinfo
    socket.socket.connect, socket.getaddrinfo = refuse_connection, refuse_lookup  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        socket.socket.connect, socket.getaddrinfo = connect, lookup  # type: ignore[method-assign]


@lru_cache(maxsize=32)
def _built(step_json: str) -> Any:
    step = DatatroveStep.model_validate_json(step_json)
    return step_class(step.datatrove)(**step.options)


def _document(text: str, doc_id: str, metadata: dict[str, Any]) -> Any:
    from datatrove.data import Document

    return Document(text=text, id=doc_id, metadata=metadata)


def _apply(built: Any, is_filter: bool, document: Any) -> str:
    """Run one step on one document, which it may change; the reason, KEPT when it keeps it."""
    if not is_filter:
        document.text = built.format(document.text)
        return KEPT
    (result,) = built.filter_batch([document])
    kept, reason = result if isinstance(result, tuple) else (result, None)
    return KEPT if kept else str(reason or NO_REASON)


def result_schema(names: Sequence[str]) -> pa.Schema:
    """Columns of `run_steps`: for each step its reason and its error, then the edits of the whole chain."""
    fields = [pa.field(name + suffix, pa.large_string()) for name in names for suffix in ("", " error")]
    return pa.schema([*fields, pa.field("edits", EDITS)])


def run_steps(batch: pa.RecordBatch, config: Mapping[str, Any]) -> pa.RecordBatch:
    """Columns doc_id, text, url, timestamp, metadata -> result_schema. config: {"steps": [JSON of a DatatroveStep]}.

    A step that fails on a document leaves the error's text and the document as it was.
    """
    steps = [DatatroveStep.model_validate_json(one) for one in config["steps"]]
    built = [_built(one) for one in config["steps"]]
    documents = [_document(row["text"] or "", row["doc_id"], _metadata(row)) for row in batch.to_pylist()]
    columns: list[pa.Array] = []
    edits = no_edits(len(documents))
    for step, chosen in zip(steps, built, strict=True):
        reasons: list[str | None] = []
        errors: list[str | None] = []
        before = [document.text for document in documents]
        with _without_network():
            for document, text in zip(documents, before, strict=True):
                reason, failure = None, None
                try:
                    reason = _apply(chosen, step.is_filter, document)
                    document.text.encode()  # a lone surrogate is no text
                except Exception as error:  # named in the document's error column; the run goes on
                    reason, failure = None, f"{type(error).__name__}: {error}"[:500]
                if reason != KEPT:
                    document.text = text  # what a filter left of a text that it drops is no edit
                reasons.append(reason)
                errors.append(failure)
        columns += [pa.array(reasons, pa.large_string()), pa.array(errors, pa.large_string())]
        made = _edits(before, [document.text for document in documents], RULE_PREFIX + step.name)
        edits = compose(edits, made) if len(edits.values) else made
    return pa.RecordBatch.from_arrays([*columns, edits], schema=result_schema([step.name for step in steps]))


def _metadata(row: Mapping[str, Any]) -> dict[str, Any]:
    found = json.loads(row["metadata"] or "{}")
    return {**found, **{name: row[name] for name in ("url", "timestamp") if row[name] is not None}}


def _edits(before: Sequence[str], after: Sequence[str], reason: str) -> pa.Array:
    """EDITS by words that turn each text into the other."""
    counts = np.zeros(len(before), np.int64)
    spans: list[tuple[int, int, str]] = []
    for row, (old, new) in enumerate(zip(before, after, strict=True)):
        if old == new:
            continue
        offsets = ByteOffsets(old)
        found = [(offsets[a], offsets[b], text) for a, b, text in changed_words(old, new)]
        counts[row] = len(found)
        spans += found
    starts, ends, texts = zip(*spans, strict=True) if spans else ((), (), ())
    return edits_array(
        rows_of_counts(counts),
        np.array(starts, np.int64),
        np.array(ends, np.int64),
        pa.array(texts, pa.large_string()),
        pa.repeat(pa.scalar(reason, pa.large_string()), len(spans)),
    )
