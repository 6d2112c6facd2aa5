"""gristmill: build text corpora for language models; measure once, decide many times.

Everything that a person does is here. The public names are imported on first use, so that `import gristmill` stays cheap.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    # A corpus: build it, look into it, decide again.
    "build": "gristmill.pipelines.build",
    "estimate": "gristmill.pipelines.estimate",
    "open_run": "gristmill.pipelines.run.run",
    "Run": "gristmill.pipelines.run.run",
    "reselect": "gristmill.pipelines.decide.reselect",
    "materialise": "gristmill.pipelines.write.corpus",
    "export_rows": "gristmill.pipelines.write.export",
    "diff": "gristmill.pipelines.inspect.diff",
    "explain": "gristmill.pipelines.inspect.explain",
    "contamination": "gristmill.pipelines.inspect.contamination",
    "preference_figures": "gristmill.pipelines.inspect.preferences",
    "mix": "gristmill.pipelines.write.mix.command",
    "forget": "gristmill.pipelines.forget.forget",
    "purge": "gristmill.pipelines.scrub.keep_text:purge_raw",
    # Strings in hand, without a recipe.
    "measure": "gristmill.pipelines.inspect.in_hand",
    "near_duplicates": "gristmill.pipelines.inspect.in_hand",
    "extract": "gristmill.filters.html.extract",
    "Extraction": "gristmill.filters.html.extract",
    # Answers that a program can check.
    "checker": "gristmill.answers.registry",
    "check_many": "gristmill.answers.batch",
    "self_test": "gristmill.answers.self_test:self_test",
    "self_test_many": "gristmill.answers.batch",
    "Checker": "gristmill.answers.contract",
    "AnswerKind": "gristmill.answers.contract",
    "Verdict": "gristmill.answers.verdict",
    # Token shards.
    "train_tokenizer": "gristmill.pipelines.shards.train_tokenizer",
    "write_shards": "gristmill.pipelines.shards.write",
    "verify_shards": "gristmill.pipelines.shards.verify",
    "export_shards": "gristmill.pipelines.shards.export",
    "erase_forgotten": "gristmill.pipelines.shards.tombstones",
    # Training.
    "train": "gristmill.training.run.train",
    "compute_budgets": "gristmill.training.compute_budget.budgets",
    "score_rows": "gristmill.training.score.run",
    "ScoreOptions": "gristmill.schemas.scores",
    "average_checkpoints": "gristmill.training.run.averaging",
    "TrainingRun": "gristmill.training.inspect.trace",
    "RowTrainingRun": "gristmill.training.inspect.trace",
    "AdapterSwitch": "gristmill.training.models.switch",
    # Models that filters use.
    "train_fasttext": "gristmill.pipelines.signal_models.train_fasttext",
    "train_kenlm": "gristmill.pipelines.signal_models.train_kenlm",
    # What a person writes.
    "Recipe": "gristmill.schemas.recipe.corpus",
    "Policy": "gristmill.schemas.recipe.policy",
    "TrainingRecipe": "gristmill.schemas.training.recipe",
    "PretrainRecipe": "gristmill.schemas.training.pretrain",
    "load_recipe": "gristmill.pipelines.policy.load",
    "load_training_recipe": "gristmill.training.kinds.registry",
    # Where it runs, and what it says meanwhile.
    "Engine": "gristmill.pipelines.engine.session",
    "Console": "gristmill.console",
    # For signals, steps and kinds of rows of one's own.
    "Family": "gristmill.schemas.signals",
    "Signal": "gristmill.schemas.signals",
    "Step": "gristmill.pipelines.run.step",
    "StrictOptions": "gristmill.schemas.strict:Strict",
    "RecipePath": "gristmill.schemas.paths",
    "Place": "gristmill.pipelines.run.step",
    "RunContext": "gristmill.pipelines.run.context",
    "RowKind": "gristmill.schemas.rows.kind",
    "View": "gristmill.schemas.rows.kind",
    "RowError": "gristmill.schemas.rows.kind",
    "Form": "gristmill.pipelines.sources.forms.form",
    "DatasetSpec": "gristmill.schemas.layout",
    "Life": "gristmill.schemas.layout",
    "layout_fingerprint": "gristmill.pipelines.run.stages",
    # For kinds of training of one's own.
    "TrainingKind": "gristmill.training.run.kind:Kind",
    "RowTrainingKind": "gristmill.training.kinds.rows",
    "Rows": "gristmill.training.data.rows",
    "WatchedTrainer": "gristmill.training.run.trainer",
    "WatchedTrlTrainer": "gristmill.training.kinds.trl_trainer",
    # Errors that a person can act on.
    "GristmillError": "gristmill.schemas.errors",
    "RecipeError": "gristmill.schemas.errors",
    "InputError": "gristmill.schemas.errors",
    "ModelError": "gristmill.schemas.errors",
    "RunError": "gristmill.schemas.errors",
    "BalanceError": "gristmill.schemas.errors",
    "PackageError": "gristmill.schemas.errors",
}

__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'gristmill' has no {name!r}; public names: {', '.join(sorted(_PUBLIC))}")
    module, _, attribute = _PUBLIC[name].partition(":")
    try:
        return getattr(import_module(module), attribute or name)
    except ModuleNotFoundError as error:
        from gristmill.schemas.extras import package_error

        explained = package_error(error)
        if explained is None:
            raise
        raise explained from error


def __dir__() -> list[str]:
    return sorted(__all__)
