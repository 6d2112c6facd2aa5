"""Every form of records, the special ones first; adding one is its own file plus a line here and in schemas/recipe/source."""

from functools import cache

from gristmill.pipelines.sources.forms.form import Form, Record, called
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.lookup import installed_names, load_registered
from gristmill.schemas.recipe.source import FORMS_GROUP, Source
from gristmill.schemas.rows.kind import RowError
from gristmill.schemas.rows.registry import row_kind

FORMS: dict[str, str] = {
    "discussion": "gristmill.pipelines.sources.forms.discussion",
    "question_answers": "gristmill.pipelines.sources.forms.question_answers",
    "ifeval": "gristmill.pipelines.sources.forms.ifeval",
    "code_tests": "gristmill.pipelines.sources.forms.code_tests",
    "openassistant": "gristmill.pipelines.sources.forms.openassistant",
    "labelled": "gristmill.pipelines.sources.forms.labelled",
    "prometheus": "gristmill.pipelines.sources.forms.prometheus",
    "transcripts": "gristmill.pipelines.sources.forms.transcripts",
    "preference": "gristmill.pipelines.sources.forms.preference",
    "outcomes": "gristmill.pipelines.sources.forms.outcomes",
    "ratings": "gristmill.pipelines.sources.forms.ratings",
    "votes": "gristmill.pipelines.sources.forms.votes",
    "rated_answers": "gristmill.pipelines.sources.forms.rated_answers",
    "choices": "gristmill.pipelines.sources.forms.choices",
    "gsm8k": "gristmill.pipelines.sources.forms.gsm8k",
    "math": "gristmill.pipelines.sources.forms.math",
    "messages": "gristmill.pipelines.sources.forms.messages",
    "sharegpt": "gristmill.pipelines.sources.forms.sharegpt",
    "alpaca": "gristmill.pipelines.sources.forms.alpaca",
    "prompt_completion": "gristmill.pipelines.sources.forms.prompt_completion",
}


@cache
def form(name: str) -> Form:
    """The form of this name; RecipeError where there is none."""
    found = load_registered(FORMS, "form of records", name, "FORM", group=FORMS_GROUP)
    if not isinstance(found, Form):
        raise RecipeError(f"{name!r} is no form of records", where="format", expected="an object of gristmill.Form")
    return found


def check_form(source: Source) -> None:
    """RecipeError where the source names a form whose records are never rows of its kind."""
    if source.form == "auto" or source.rows in form(source.form).kinds:
        return
    raise RecipeError(
        f"format {source.form!r} with rows {source.rows!r}; its records become {' or '.join(form(source.form).kinds)}",
        expected=f"one of {', '.join(one.name for one in forms_of(source.rows)) or 'no format'}",
        where=f"source {source.name}",
        next_step="leave out `format`, or change `rows`",
    )


@cache
def forms_of(kind: str) -> tuple[Form, ...]:
    """The forms whose records become rows of a kind, installed ones first, in the order in which they are asked."""
    names = [*installed_names(FORMS_GROUP), *FORMS]
    return tuple(found for found in map(form, dict.fromkeys(names)) if kind in found.kinds)


@cache
def own_form(kind: str) -> Form:
    """The form of records that are rows of a kind already, as `RowKind.encode` takes them."""
    found = row_kind(kind)

    def matches(record: Record) -> bool:
        lists = (record.get(key) for key in found.message_lists if key in found.required)
        return all(record.get(key) is not None for key in found.required) and all(
            isinstance(one, list) for one in lists
        )

    return Form(found.name, (kind,), matches, lambda record, kind, source: [dict(record)])


def form_of(record: Record, source: Source) -> Form:
    """The form that the source names, else the first that the record has; RowError where it has none."""
    if source.form != "auto":
        return form(source.form)
    for one in (*forms_of(source.rows), own_form(source.rows)):
        if called(one, one.matches, record):
            return one
    columns = ", ".join(map(str, list(record)[:20])) or "nothing"
    known = ", ".join(one.name for one in forms_of(source.rows)) or "none"
    raise RowError("unknown_form", f"columns {columns}; forms of rows that are a {source.rows}: {known}")
