"""How many prompts a finished model answers as a checker wants: what training was for, before and after it.

The likeliest token is taken at each place, so a model answers the same each time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gristmill.schemas.errors import RecipeError
from gristmill.training.data.conversations import ConversationEncoder
from gristmill.training.data.prompts import prompt_ids, prompt_of, prompt_text
from gristmill.training.data.row_files import need_columns, read_rows, usable_rows
from gristmill.training.models.adapters import ADAPTER, read_configuration
from gristmill.training.models.build import own_device, positions_of
from gristmill.training.models.finished import ends_of, load_causal, load_tokenizer, need_chat_template
from gristmill.training.models.merge import load_adapter, refuse_another_base
from gristmill.training.models.sampling import Sampling, draw_completions
from gristmill.training.rewards.scoring import CheckerScorer, Score

ROWS = 16  # completions that are drawn at once


@dataclass(frozen=True)
class JudgedCompletion:
    """One completion. score: of its checker, None where it could not be scored. tokens: of the completion, its end included."""

    row: str
    prompt: str
    completion: str
    score: Score
    tokens: int


@dataclass(frozen=True)
class Answers:
    """What a model wrote to the prompts of a set."""

    model: Path
    answers: tuple[JudgedCompletion, ...]

    @property
    def scored(self) -> list[float]:
        return [one.score for one in self.answers if one.score is not None]

    @property
    def passed(self) -> int:
        """Completions that have full marks."""
        return sum(score >= 1 for score in self.scored)

    def __str__(self) -> str:
        count, scored = len(self.answers), len(self.scored)
        mean = sum(self.scored) / scored if scored else float("nan")
        length = sum(one.tokens for one in self.answers) / count
        unscored = f"; {count - scored:,} not scored" if scored < count else ""
        return f"{self.model}: {self.passed:,} of {count:,} pass; mean reward {mean:.3f}; {length:.1f} tokens{unscored}"


def answers_of(
    model: str | Path, rows: str | Path, checker: Any = None, *, max_new_tokens: int = 64, max_tokens: int | None = None
) -> Answers:
    """Complete the prompt of every row, and check each completion.

    model: a folder of a model, or of an adapter. rows: as `kind: grpo` takes them, with `prompt`, `answer` and, where `checker`
    is None, `checker`. max_tokens: of prompt and completion, by default as many as the model has
    positions, 4,096 at most. RecipeError or ModelError for what cannot be completed.
    """
    folder = Path(model)
    tokenizer = load_tokenizer(folder)
    max_tokens = max_tokens or positions_of(_beneath(folder))
    if max_new_tokens >= max_tokens:
        raise RecipeError(
            f"max_new_tokens {max_new_tokens:,}",
            where=str(folder),
            expected=f"fewer than the {max_tokens:,} tokens of a prompt and its completion",
        )
    scorer = CheckerScorer(checker)
    encoder = ConversationEncoder(tokenizer, max_tokens)
    read = read_rows(str(rows))
    need_columns(read, (("prompt",),), "evaluate")
    if any(isinstance(record.get("prompt"), list) for record in read.records):
        need_chat_template(tokenizer, folder, marks=False)

    def prompt(record: Any) -> tuple[Any, list[int]]:
        scorer.check(record)
        asked = prompt_of(record)
        return asked, prompt_ids(asked, record.get("tools"), encoder, max_new_tokens)

    usable = usable_rows(read, prompt, leave_out=None, use="completed")
    net = _loaded(folder, tokenizer, max_tokens).to(own_device())
    ids = [ids for _, ids in usable.prepared]
    sampling = Sampling(max_new_tokens, top_k=1, rows=ROWS)
    drawn = draw_completions(net, ids, [0] * len(ids), sampling, ends_of(net, tokenizer), tokenizer.pad_token_id)
    texts = [tokenizer.decode(own, skip_special_tokens=True) for own in drawn]
    prompts = [prompt_text(asked) for asked, _ in usable.prepared]
    scores = scorer(prompts, texts, usable.rows.records)
    found = zip(usable.rows.ids, prompts, texts, scores, [len(own) for own in drawn], strict=True)
    return Answers(folder, tuple(JudgedCompletion(*one) for one in found))


def lines_of(found: Answers) -> Iterator[dict[str, Any]]:
    """One JSON object for each completion."""
    for one in found.answers:
        yield {"model": str(found.model), **vars(one)}


def _beneath(folder: Path) -> Path:
    """The folder of the weights: the adapter's model, where the folder is that of an adapter."""
    if not (folder / ADAPTER).is_file():
        return folder
    return Path(str(read_configuration(folder).base_model_name_or_path))


def _loaded(folder: Path, tokenizer: Any, max_tokens: int) -> Any:
    """The model of a folder, or an adapter of a folder on its model."""
    base = _beneath(folder)
    if base == folder:
        return load_causal(folder, tokenizer, max_tokens)
    refuse_another_base(folder, base)
    return load_adapter(folder, load_causal(base, tokenizer, max_tokens, grows=False), read_configuration(folder))
