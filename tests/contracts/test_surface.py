"""The public surface is frozen: a new or missing command, option, column or key fails here and is named."""

import subprocess
import sys

import click
import gristmill
import typer
from gristmill.pipelines.cli.main import app
from gristmill.schemas import scores as score_options
from gristmill.schemas.recipe import corpus as corpus_recipe
from gristmill.schemas.recipe import (
    curate,
    datatrove_steps,
    decontamination,
    dedup,
    policy,
    preferences,
    scores,
    source,
)
from gristmill.schemas.recipe import mix as mixing
from gristmill.schemas.recipe import shards as shard_options
from gristmill.schemas.recipe.rules import Profile, Rule
from gristmill.schemas.rows import corpus, decision, document, edits
from gristmill.schemas.rows import decontamination as hits
from gristmill.schemas.training import adapter, rollouts
from gristmill.schemas.training import dpo as dpo_recipe
from gristmill.schemas.training import orpo as orpo_recipe
from gristmill.schemas.training import ppo as ppo_recipe
from gristmill.schemas.training import pretrain as pretrain_recipe
from gristmill.schemas.training import recipe as training_recipe
from gristmill.schemas.training import reward as reward_recipe
from gristmill.schemas.training import sft as sft_recipe

PACKAGE = """
__version__ build estimate open_run Run reselect materialise export_rows diff explain contamination
mix forget purge measure near_duplicates extract
Extraction
checker check_many self_test self_test_many Checker AnswerKind Verdict
train_tokenizer write_shards verify_shards export_shards erase_forgotten train compute_budgets average_checkpoints TrainingRun
RowTrainingRun AdapterSwitch score_rows ScoreOptions preference_figures
train_fasttext train_kenlm Recipe Policy TrainingRecipe PretrainRecipe load_recipe load_training_recipe Engine Console Family
Signal Step StrictOptions RecipePath Place RunContext
RowKind View RowError Form DatasetSpec Life layout_fingerprint GristmillError RecipeError InputError ModelError
RunError BalanceError PackageError
TrainingKind RowTrainingKind Rows WatchedTrainer WatchedTrlTrainer
"""
ENGINE = {"--engine", "--master"}
SPARK = ENGINE | {"--partitions", "--conf", "--quiet"}
COMMANDS = {
    "build": {"recipe", "--out", "--sample", "--report", "--allow-incomplete"} | SPARK,
    "reselect": {"run", "--policy", "--name", "--allow-incomplete"} | SPARK,
    "materialise": {"run"} | SPARK,
    "export": {"run", "--out", "--format", "--validation", "--seed", "--fields", "--quiet"},
    "forget": {"run", "doc_ids", "--record", "--content", "--shards", "--erase"} | SPARK,
    "diff": {"a", "b", "--examples"} | ENGINE,
    "explain": {"run", "doc_id"},
    "preferences": {"run"},
    "report": {"run", "--quiet"} | ENGINE,
    "doctor": {"recipe"} | ENGINE,
    "schema": {"what"},
    "train": {"recipe", "--out", "--restart", "--dry-run", "--measure", "--quiet"},
    "score": {
        *("rows", "--model", "--out", "--score", "--max-tokens", "--chat-template", "--samples", "--max-new-tokens"),
        *("--temperature", "--top-p", "--checker", "--seed", "--quiet"),
    },
    "compute-budget": {
        *("--parameters", "--tokens", "--flops", "--tokens-per-parameter", "--corpus-tokens", "--shards"),
        *("--batch-tokens", "--peak-tflops", "--mfu", "--gpus", "--price", "--smaller"),
    },
    "average": {"sources", "--out", "--last", "--ema"},
    "ledger": {"run", "--unskip"},
    "evaluate": {"models", "--rows", "--checker", "--max-new-tokens", "--max-tokens", "--out"},
    "trace": {"run", "--step", "--document", "--rank", "--row", "--token", "--corpus", "--branch", "--json"},
    "signals": {"family"},
    "profiles": {"name"},
    "purge": {"run", "--raw"} | SPARK,
    "shards write": {
        "corpus",
        "--tokenizer",
        "--out",
        "--validation",
        "--tokens-per-shard",
        "--bos",
        "--eos",
        "--add-bos",
        "--sentinels",
        "--loss-column",
        "--chat-template",
        "--seed",
        "--replace",
    }
    | SPARK,
    "decontaminate": {
        "data",
        "--against",
        "--out",
        "--text",
        "--id",
        "--ngrams",
        "--min-overlap",
        "--min-match",
        "--action",
        "--write",
        "--also",
        "--conf",
        "--partitions",
        "--quiet",
    }
    | SPARK,
    "classifier train": {
        "--out",
        "--positives",
        "--negatives",
        "--labelled",
        "--label-column",
        "--positive-label",
        "--text-column",
        "--keep-fraction",
        "--normalisation",
        "--word-ngrams",
        "--character-ngrams",
        "--diluted",
        "--dimensions",
        "--epochs",
        "--learning-rate",
        "--buckets",
        "--max-texts",
        "--threads",
        "--seed",
        "--quiet",
    },
    "lm train": {
        "texts",
        "--out",
        "--language",
        "--tokenizer",
        "--reference",
        "--order",
        "--vocabulary",
        "--prune",
        "--type",
        "--memory",
        "--temporary",
        "--text-column",
        "--quiet",
    },
    "mix": {"run", "--mix", "--dry-run"} | SPARK,
    "adapters list": {"folder"},
    "adapters info": {"adapter"},
    "adapters merge": {"adapter", "--out", "--base"},
    "adapters swap": {"folders", "--base"},
    "shards verify": {"folder", "--run", "--quiet"},
    "shards export": {"folder", "--out", "--format", "--quiet"},
    "shards erase": {"folder", "--quiet"},
    "tokenizer train": {
        "corpus",
        "--out",
        "--vocab-size",
        "--pattern",
        "--special",
        "--max-megabytes",
        "--seed",
        "--replace",
        "--quiet",
    },
}
COLUMNS = {
    "documents": (
        document.DOCUMENT,
        "doc_id source snapshot url timestamp content_hash text text_bytes metadata location status reason detail pieces "
        "fields",
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
    "contamination/hits": (
        hits.HIT,
        "doc_id part row set item number overlap longest ngrams matched of weighted starts ends",
    ),
    "contamination/report": (
        hits.ITEM_REPORT,
        "number set item words ngrams excerpt documents overlap longest example",
    ),
}
OF_ROWS = (  # keys of every kind that trains a finished model on rows
    "name kind steps batch_sequences micro_batch_sequences seed optimizer precision activation_checkpointing compile "
    "fsdp validation checkpoints stability averaging log rows validation_rows forgotten_rows model tokenizer chat_template "
    "max_tokens "
    "unusable_rows adapter"
)
OF_ROLLOUTS = "rewards generations max_new_tokens temperature top_p top_k reward_seconds samples"
KEYS = {
    corpus_recipe.Recipe: (
        "name rows seed sources signals scores floor policy dedup embed select contradictions preferences decontaminate "
        "datatrove_steps mix steps text pii shards keep_text card"
    ),
    scores.ScoreColumn: "path column id source",
    score_options.ScoreOptions: (
        "scores max_tokens chat_template samples max_new_tokens temperature top_p seed checker"
    ),
    shard_options.ShardOptions: (
        "tokenizer bos eos pad mask separator sentinels add_bos validation_fraction tokens_per_shard loss_column "
        "chat_template seed"
    ),
    policy.Floor: "min_text_bytes languages min_language_score",
    policy.Policy: (
        "profiles rules disable thresholds languages min_language_score min_text_bytes decontaminate select balance "
        "exclude_ids by_language by_source"
    ),
    dedup.Dedup: "exact near semantic lines substrings",
    dedup.SemanticDedup: "min_similarity neighbours",
    curate.Contradictions: "min_similarity answers neighbours",
    preferences.Preferences: "cycles label_noise",
    preferences.LabelNoise: "folds seed max_pairs",
    preferences.Balance: "by edges max_ratio max_rows seed",
    curate.Embed: "view model dimension seed",
    curate.Select: "budget method by max_similarity topics seed neighbours",
    dedup.ExactDedup: "view normalise scope survivor",
    source.Source: (
        "name path exclude root format rows columns snapshot extract max_document_bytes encoding delimiter "
        "max_field_lines roles pairs articles latex crawl books wiki threads code priority licence text"
    ),
    source.LatexOptions: "captions tables acknowledgements",
    source.ArticleOptions: "tables captions sub_articles",
    source.CodeOptions: "documents order max_file_bytes revision file_header",
    source.CrawlOptions: "store files connections",
    source.BookOptions: "front_matter contents notes word_list",
    source.WikiOptions: "name namespaces",
    source.ThreadOptions: "min_score",
    source.PairOptions: "choose min_margin score max_pairs seed",
    source.Columns: "text separator id url timestamp metadata",
    decontamination.Decontaminate: (
        "max_loss_fraction above_max_loss min_overlap min_match action sets ngrams min_words max_items normalise view"
    ),
    datatrove_steps.DatatroveStep: "datatrove options name",
    mixing.Mix: (
        "by shares temperature language_temperature tokens max_repetitions limits max_copies upweight if_infeasible seed"
    ),
    mixing.GroupLimit: "max_repetitions max_tokens",
    mixing.Upweight: "by power min_weight max_weight",
    decontamination.EvaluationSet: "name path fields format id",
    pretrain_recipe.PretrainRecipe: (
        "name kind steps batch_sequences micro_batch_sequences seed optimizer precision activation_checkpointing compile "
        "fsdp validation checkpoints stability averaging log shards model objective stream"
    ),
    sft_recipe.SftRecipe: f"{OF_ROWS} packing",
    reward_recipe.RewardRecipe: f"{OF_ROWS} centering",
    dpo_recipe.DpoRecipe: f"{OF_ROWS} losses loss_weights beta label_smoothing",
    orpo_recipe.OrpoRecipe: f"{OF_ROWS} odds_weight",
    rollouts.RlooRecipe: f"{OF_ROWS} {OF_ROLLOUTS} kl clip_low clip_high vllm normalise_advantages reward_range",
    rollouts.GrpoRecipe: f"{OF_ROWS} {OF_ROLLOUTS} kl clip_low clip_high vllm loss scale",
    ppo_recipe.PpoRecipe: (
        f"{OF_ROWS} {OF_ROLLOUTS} epochs minibatches kl value discount trace_decay clip_ratio clip_value value_weight "
        "whiten_rewards clip_score penalty_without_end"
    ),
    rollouts.RewardChoice: "checker function model weight",
    adapter.Adapter: "method rank alpha dropout targets virtual_tokens",
    pretrain_recipe.StreamOptions: "window packing seed mixture phases verify",
    training_recipe.Optimizer: (
        "learning_rate warmup_steps schedule min_learning_rate_fraction decay_fraction weight_decay beta1 beta2 epsilon clip"
    ),
    training_recipe.Checkpoints: "every_steps stable_after_steps keep_stable",
    training_recipe.Stability: (
        "enabled window min_steps loss_sigma min_rise grad_norm_sigma min_grad_norm_ratio skip_updates "
        "look_ahead_batches max_rollbacks"
    ),
    Rule: "name signal keep if_null source",
    Profile: "name version description source languages text_version rules",
}


def _commands(group: click.Group, before: str = "") -> dict[str, click.Command]:
    """Every command by its full name, those of sub-groups too."""
    found: dict[str, click.Command] = {}
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            found |= _commands(command, f"{before}{name} ")
        else:
            found[before + name] = command
    return found


def test_commands_and_options() -> None:
    found = {
        name: {
            parameter.opts[0] if parameter.opts[0].startswith("-") else parameter.name
            for parameter in command.params
            if "--help" not in parameter.opts
        }
        for name, command in _commands(typer.main.get_command(app)).items()  # type: ignore[arg-type]
    }
    assert found == COMMANDS


def test_names_of_the_package() -> None:
    """Everything that a person does is importable from `gristmill`, and every name can be had."""
    assert set(gristmill.__all__) == set(PACKAGE.split())
    for name in gristmill.__all__:
        assert getattr(gristmill, name) is not None, name
    assert set(dir(gristmill)) == set(gristmill.__all__)


def test_no_name_imports_what_is_heavy_before_it_is_used() -> None:
    """`import gristmill` alone, and every name of the half that needs no torch."""
    code = (
        "import sys, gristmill\n"
        "print('AT IMPORT', sorted({'torch', 'numba', 'pyspark', 'pyarrow', 'pydantic'} & set(sys.modules)))\n"
        "gristmill.Family, gristmill.Step, gristmill.Recipe, gristmill.build, gristmill.measure\n"
        "print('TORCH', 'torch' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["AT IMPORT []", "TORCH False"]


def test_columns() -> None:
    for name, (schema, columns) in COLUMNS.items():
        assert schema.names == columns.split(), name
    assert [field.name for field in edits.EDIT] == ["start", "end", "replacement", "reason"]


def test_keys_of_recipes() -> None:
    for model, keys in KEYS.items():
        assert list(model.model_fields) == keys.split(), model.__name__
