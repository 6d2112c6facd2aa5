"""The command line. Commands import what they need when they run, so that `--help` answers at once."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from gristmill.pipelines.cli.adapters import adapters
from gristmill.pipelines.cli.average import average
from gristmill.pipelines.cli.compute_budget import compute_budget
from gristmill.pipelines.cli.decontaminate import decontaminate
from gristmill.pipelines.cli.evaluate import evaluate
from gristmill.pipelines.cli.export import export
from gristmill.pipelines.cli.forget import forget
from gristmill.pipelines.cli.mix import mix
from gristmill.pipelines.cli.options import (
    AllowIncomplete,
    Conf,
    EngineName,
    Master,
    Partitions,
    Quiet,
    RunPath,
    console_of,
    engine_of,
    leave_if_incomplete,
)
from gristmill.pipelines.cli.preferences import preferences
from gristmill.pipelines.cli.purge import purge
from gristmill.pipelines.cli.renamed import Commands
from gristmill.pipelines.cli.score import score
from gristmill.pipelines.cli.shards import shards, tokenizer
from gristmill.pipelines.cli.signal_models import classifier, lm
from gristmill.pipelines.cli.trace import trace
from gristmill.pipelines.cli.train import ledger, train

if TYPE_CHECKING:
    from gristmill.schemas.errors import GristmillError

app = typer.Typer(
    name="gristmill",
    cls=Commands,
    help="Build text corpora for language models: measure once, decide many times.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
INTERRUPTED = 130  # the shell's 128 + SIGINT


@app.command()
def build(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help="A recipe in YAML.")],
    out: Annotated[str | None, typer.Option(help="Folder or URL of the run; needed unless --sample is given.")] = None,
    sample: Annotated[
        str | None, typer.Option(help="Only a sample, such as 1%: estimates keep rate, time, disk.")
    ] = None,
    engine: EngineName = "sail",
    master: Master = None,
    partitions: Partitions = None,
    conf: Conf = None,
    report: Annotated[bool, typer.Option(help="Write report.html.")] = True,
    allow_incomplete: AllowIncomplete = False,
    quiet: Quiet = False,
) -> None:
    """Build a corpus: read, measure, decide, write, report. The same command again goes on where it stopped."""
    from gristmill.schemas.errors import RecipeError

    if sample is not None:
        from gristmill.pipelines.estimate import estimate, parse_fraction

        estimated = estimate(
            recipe,
            parse_fraction(sample),
            out,
            engine=engine_of(engine, master, partitions, conf),
            console=console_of(quiet),
        )
        print(estimated)
        leave_if_incomplete(estimated.incomplete, allow_incomplete, quiet=False)
        return
    if out is None:
        raise RecipeError("no output folder", expected="--out FOLDER", next_step="or dry-run with --sample 1%")
    from gristmill.pipelines.build import build as run_build
    from gristmill.schemas import layout

    run = run_build(
        recipe, out, engine=engine_of(engine, master, partitions, conf), console=console_of(quiet), report=report
    )
    print(run)
    if report and not quiet:
        print(f"report: {run.storage.address(layout.REPORT_PAGE)}")
    leave_if_incomplete(run.incomplete, allow_incomplete, quiet)


@app.command()
def reselect(
    run: RunPath,
    policy: Annotated[str, typer.Option(help="A YAML file with a policy, or a recipe whose policy is taken.")],
    name: Annotated[str | None, typer.Option(help="Name of the selection; default: the policy file's name.")] = None,
    engine: EngineName = "sail",
    master: Master = None,
    partitions: Partitions = None,
    conf: Conf = None,
    allow_incomplete: AllowIncomplete = False,
    quiet: Quiet = False,
) -> None:
    """Decide again under another policy, without reading text."""
    from gristmill.pipelines.decide.reselect import reselect as run_reselect

    chosen = run_reselect(
        run, policy, name, engine=engine_of(engine, master, partitions, conf), console=console_of(quiet)
    )
    print(chosen)
    if not quiet:
        print(f"next: gristmill diff {chosen.storage.url} {chosen.storage.url}:{chosen.selection}")
        print(f"      gristmill materialise {chosen.storage.url}:{chosen.selection}")
    leave_if_incomplete(chosen.incomplete, allow_incomplete, quiet)


@app.command()
def materialise(
    run: RunPath,
    engine: EngineName = "sail",
    master: Master = None,
    partitions: Partitions = None,
    conf: Conf = None,
    quiet: Quiet = False,
) -> None:
    """Write the corpus of a selection."""
    from gristmill.pipelines.write.corpus import materialise as run_materialise

    corpus = run_materialise(run, engine=engine_of(engine, master, partitions, conf), console=console_of(quiet))
    print(f"{corpus.name}: {corpus.rows:,} documents, {corpus.text_bytes:,} bytes of text")


@app.command()
def diff(
    a: Annotated[str, typer.Argument(metavar="A", help="A run folder, or RUN:SELECTION.")],
    b: Annotated[str, typer.Argument(metavar="B", help="A run folder, or RUN:SELECTION.")],
    examples: Annotated[int, typer.Option(min=0, help="Documents shown for each kind of change.")] = 5,
    engine: EngineName = "sail",
    master: Master = None,
) -> None:
    """Show what changed from A to B: flips and tokens by source and by rule."""
    from gristmill.pipelines.inspect.diff import diff as run_diff

    print(run_diff(a, b, engine=engine_of(engine, master), examples=examples))


@app.command()
def explain(run: RunPath, doc_id: Annotated[str, typer.Argument(help="A document's id, or its beginning.")]) -> None:
    """Say why a document was kept or dropped: every signal, rule, threshold and margin."""
    from gristmill.pipelines.inspect.explain import explain as run_explain

    print(run_explain(run, doc_id))


@app.command()
def report(run: RunPath, engine: EngineName = "sail", master: Master = None, quiet: Quiet = False) -> None:
    """Write report.html of a run or selection."""
    from gristmill.pipelines.inspect.report.write import write_report
    from gristmill.pipelines.run.run import open_run

    with engine_of(engine, master) as running:
        print(f"report: {write_report(open_run(run), running, console_of(quiet))}")


@app.command()
def doctor(
    recipe: Annotated[Path | None, typer.Argument(help="A recipe whose steps are examined, too.")] = None,
    engine: EngineName = "sail",
    master: Master = None,
) -> None:
    """Check this machine, or with --engine spark / --master the executors of a cluster."""
    from gristmill.pipelines.build import checked
    from gristmill.pipelines.cli.doctor import examine
    from gristmill.pipelines.policy.load import load_recipe

    problems = 0
    chosen = None if recipe is None else checked(load_recipe(recipe)).recipe
    on_cluster = engine == "spark" or master is not None
    for line, is_problem in examine(engine_of(engine, master), on_cluster, chosen):
        print(line)
        problems += is_problem
    raise typer.Exit(1 if problems else 0)


@app.command()
def schema(
    what: Annotated[
        str, typer.Argument(help="recipe, policy, training, a kind of training (sft, ...), or the path of a recipe.")
    ] = "recipe",
) -> None:
    """Print the JSON Schema of recipes, for editors."""
    import json

    from gristmill.pipelines.cli.schema import json_schema

    print(json.dumps(json_schema(what), indent=1))


@app.command()
def signals(family: Annotated[str | None, typer.Argument(help="Only this family.")] = None) -> None:
    """List signal families and what they measure."""
    from gristmill.pipelines.cli.listing import list_signals

    print(list_signals(family))


@app.command()
def profiles(name: Annotated[str | None, typer.Argument(help="Show the rules of this profile.")] = None) -> None:
    """List profiles, or the rules of one."""
    from gristmill.pipelines.cli.listing import list_profiles

    print(list_profiles(name))


app.command()(decontaminate)
app.add_typer(classifier, name="classifier")
app.add_typer(lm, name="lm")
app.command()(mix)
app.command()(export)
app.command()(preferences)
app.command()(forget)
app.command()(purge)
app.add_typer(adapters, name="adapters")
app.add_typer(shards, name="shards")
app.add_typer(tokenizer, name="tokenizer")
app.command()(score)
app.command()(train)
app.command()(compute_budget)
app.command()(average)
app.command()(ledger)
app.command()(evaluate)
app.command()(trace)


def _print_version(value: bool) -> None:
    if value:
        import gristmill

        print(gristmill.__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options before the command."""


def main() -> None:
    """Entry point: errors a person can act on are one message and an exit code, never a traceback."""
    from gristmill.schemas.errors import GristmillError, file_system_error

    try:
        app()
    except GristmillError as error:
        _leave(error)
    except ModuleNotFoundError as error:
        from gristmill.schemas.extras import package_error

        found = package_error(error)
        if found is None:
            raise
        _leave(found)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:  # of a command that reads or writes a few files by itself
        _leave(file_system_error(error.errno, str(error.strerror or error), str(error.filename or "")))
    except SystemExit as leaving:
        if leaving.code != INTERRUPTED:  # what typer makes of an interrupt from the keyboard
            raise
        print("\nstopped; finished work is kept: the same command goes on from here", file=sys.stderr)
        sys.stderr.flush()
        os._exit(INTERRUPTED)  # tasks still in their native code must not hold the terminal


def _leave(error: "GristmillError") -> NoReturn:
    print(f"error: {error}", file=sys.stderr)
    sys.exit(error.exit_code)
