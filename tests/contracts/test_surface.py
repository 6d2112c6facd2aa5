"""The public surface is frozen: a new or missing command, option, column or key fails here and is named."""

import click
import typer
from gristmill.pipelines.cli.main import app
from gristmill.schemas import corpus, decision, document, edits, recipe, source
from gristmill.schemas.policy import Profile, Rule

ENGINE = {"--engine", "--master"}
SPARK = ENGINE | {"--partitions", "--conf", "--quiet"}
COMMANDS = {
    "build": {"recipe", "--out", "--sample", "--report"} | SPARK,
    "reselect": {"run", "--policy", "--name"} | SPARK,
    "materialise": {"run"} | SPARK,
    "diff": {"a", "b", "--examples"} | ENGINE,
    "explain": {"run", "doc_id"},
    "report": {"run", "--quiet"} | ENGINE,
    "doctor": ENGINE,
    "schema": {"what"},
    "signals": {"family"},
    "profiles": {"name"},
}
COLUMNS = {
    "documents": (
        document.DOCUMENT,
        "doc_id source snapshot url timestamp content_hash text text_bytes metadata location status reason detail",
    ),
    "decisions": (
        decision.DECISION,
        "doc_id source kept failed_rules text_bytes tokens duplicate_of similarity cluster cluster_size why band",
    ),
    "corpus": (
        corpus.CORPUS,
        "doc_id text source snapshot url timestamp language tokens cluster_size text_bytes content_hash metadata",
    ),
    "edits": (corpus.EDIT_ROW, "doc_id edits"),
}
KEYS = {
    recipe.Recipe: "name seed sources signals floor policy dedup text keep_text card",
    recipe.Floor: "min_text_bytes languages min_language_score",
    recipe.Policy: (
        "profiles rules disable thresholds languages min_language_score min_text_bytes by_language by_source"
    ),
    recipe.Dedup: "exact near lines substrings",
    recipe.ExactDedup: "normalise scope survivor",
    source.Source: ("name path exclude root format columns snapshot extract max_document_bytes encoding priority"),
    source.Columns: "text id url timestamp metadata",
    Rule: "name signal keep if_null source",
    Profile: "name version description source languages text_version rules",
}


def test_commands_and_options() -> None:
    group = typer.main.get_command(app)
    found = {
        name: {
            parameter.opts[0] if parameter.opts[0].startswith("-") else parameter.name
            for parameter in command.params
            if "--help" not in parameter.opts
        }
        for name, command in group.commands.items()  # type: ignore[attr-defined]
    }
    assert found == COMMANDS
    assert isinstance(group, click.Group) or hasattr(group, "commands")


def test_columns() -> None:
    for name, (schema, columns) in COLUMNS.items():
        assert schema.names == columns.split(), name
    assert [field.name for field in edits.EDIT] == ["start", "end", "replacement", "reason"]


def test_keys_of_recipes() -> None:
    for model, keys in KEYS.items():
        assert list(model.model_fields) == keys.split(), model.__name__
