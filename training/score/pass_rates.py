"""How hard prompts are for a model: the share of its sampled completions that the row's checker accepts.

A completion is drawn by a key of seed, row id and its number (training.models.sampling), so it does not depend on what else is
drawn, nor on the process. A completion that could not be checked counts neither way.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from gristmill.answers.batch import check_many
from gristmill.schemas.scores import ScoreOptions
from gristmill.training.data.conversations import ConversationEncoder
from gristmill.training.data.prompts import prompt_ids, prompt_of, reference_of, require_checker
from gristmill.training.data.row_files import UnusableRow
from gristmill.training.models.finished import ends_of
from gristmill.training.models.sampling import Sampling, draw_completions, key_of
from gristmill.training.score.likelihood import Values

AT_ONCE = 32  # completions that are drawn at once


class PassRateScorer:
    """Pass rates of prompts by a causal language model."""

    def __init__(self, model: Any, encoder: ConversationEncoder, options: ScoreOptions, plain: bool) -> None:
        self.model, self.encoder, self.options, self.plain = model, encoder, options, plain
        tokenizer = encoder.tokenizer
        self.pad_id = tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id
        self.ends = ends_of(model, tokenizer)

    def __call__(self, records: Sequence[Mapping[str, Any]], ids: Sequence[str]) -> list[Values | str]:
        """The columns of each row, or why it has none."""
        found: list[Values | str] = []
        asked: list[tuple[int, list[int], Any]] = []
        for number, record in enumerate(records):
            try:
                asked.append((number, self._prompt(record), self._checker(record)))
                found.append({})
            except UnusableRow as reason:
                found.append(str(reason))
        samples = self.options.samples
        completions = self._completions([prompt for _, prompt, _ in asked], [ids[number] for number, _, _ in asked])
        questions = [
            {"checker": spec, "completion": text, "reference": reference_of(records[number])}
            for (number, _, spec), texts in zip(asked, completions, strict=True)
            for text in texts
        ]
        verdicts = iter(check_many(questions, workers=1)) if questions else iter(())
        for number, _, _ in asked:
            scores = [score for score in (next(verdicts).score for _ in range(samples)) if score is not None]
            passed = sum(score >= 1 for score in scores)
            found[number] = (
                {"pass_rate": passed / len(scores), "samples": len(scores)}
                if scores
                else "no completion could be checked"
            )
        return found

    def _prompt(self, record: Mapping[str, Any]) -> list[int]:
        prompt = prompt_of(record)
        if self.plain and not isinstance(prompt, str):
            prompt = "\n\n".join([*(message["content"] for message in prompt), ""])
        return prompt_ids(prompt, record.get("tools"), self.encoder, self.options.max_new_tokens)

    def _checker(self, record: Mapping[str, Any]) -> Any:
        spec = record.get("checker", self.options.checker)
        if spec is None:
            raise UnusableRow("without a checker")
        require_checker(spec)
        return spec

    def _completions(self, prompts: Sequence[list[int]], ids: Sequence[str]) -> list[list[str]]:
        """The texts of each prompt's completions."""
        options = self.options
        sampling = Sampling(options.max_new_tokens, options.temperature, options.top_p, 0, AT_ONCE)
        jobs = [
            (prompt, key_of(options.seed, _number_of(name), sample))
            for prompt, name in zip(prompts, ids, strict=True)
            for sample in range(options.samples)
        ]
        order = sorted(range(len(jobs)), key=lambda number: (len(jobs[number][0]), number))
        drawn = draw_completions(
            self.model,
            [jobs[number][0] for number in order],
            [jobs[number][1] for number in order],
            sampling,
            self.ends,
            self.pad_id,
        )
        texts = [""] * len(jobs)
        for number, own in zip(order, drawn, strict=True):
            texts[number] = self.encoder.tokenizer.decode(own, skip_special_tokens=True)
        return [texts[first : first + options.samples] for first in range(0, len(texts), options.samples)]


def _number_of(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
