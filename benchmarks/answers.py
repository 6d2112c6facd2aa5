"""Checkers of answers on real sets: checks a second for each kind, and agreement with what is known of the answers.

    python benchmarks/answers.py FOLDER [--workers 2] [--only NAME]

FOLDER holds what is there of: rl/gsm8k-train.jsonl.gz, preference/gsm8k-model-solutions-dev.jsonl.gz (solutions marked right or
wrong), evalsets/math500-dev.jsonl.gz, rl/math-cot-samples-dev.jsonl.gz (solutions marked), evalsets/mmlu-dev-subjects.jsonl.gz,
evalsets/bbh-dev.jsonl.gz, evalsets/humaneval.jsonl.gz, evalsets/mbpp-dev.jsonl.gz, rl/ifeval-input_data.jsonl.gz.

Code: every canonical solution must pass, and every changed one (its results are replaced by another value) must fail.
"""

import argparse
import ast
import gzip
import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gristmill.answers.batch import check_many, self_test_many

Row = dict[str, Any]
LETTERS = "ABCDEFGHIJ"


def rows_of(path: Path) -> list[Row]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


class Bench:
    """What is measured, and how it is printed."""

    def __init__(self, folder: Path, workers: int, only: str) -> None:
        self.folder, self.workers, self.only = folder, workers, only

    def file(self, name: str) -> list[Row] | None:
        path = self.folder / name
        return rows_of(path) if path.exists() and self.only in name else None

    def checked(self, name: str, rows: list[Row], wanted: Iterable[bool]) -> None:
        """Check rows, and print how many verdicts are as they should be."""
        started = time.perf_counter()
        verdicts = list(check_many(rows, self.workers))
        seconds = time.perf_counter() - started
        wrong = [
            (row, verdict, want)
            for row, verdict, want in zip(rows, verdicts, wanted, strict=True)
            if verdict.score is None or (verdict.score == 1.0) != want
        ]
        unscored = sum(verdict.score is None for verdict in verdicts)
        print(
            f"{name}: {1 - len(wrong) / len(rows):.4f} as it should be of {len(rows)}, {unscored} not scored; "
            f"{len(rows) / seconds:,.0f} checks/s with {self.workers} processes"
        )
        for row, verdict, want in wrong[:3]:
            print(f"    should be {want}: {verdict.why}  |  {row['completion'][-70:]!r}")

    def self_tested(self, name: str, rows: list[Row]) -> None:
        started = time.perf_counter()
        outcomes = [found.outcome for found in self_test_many(rows, self.workers)]
        seconds = time.perf_counter() - started
        print(
            f"{name}, self-tests: {outcomes.count('passes')} of {len(rows)} pass; {len(rows) / seconds:,.0f} a second"
        )


def grade_school(bench: Bench) -> None:
    if rows := bench.file("rl/gsm8k-train.jsonl.gz"):
        bench.self_tested("number, GSM8K", [{"checker": "number", "reference": row["answer"]} for row in rows])
    if rows := bench.file("preference/gsm8k-model-solutions-dev.jsonl.gz"):
        solutions = [(value, row["ground_truth"]) for row in rows for value in row.values() if isinstance(value, dict)]
        checks = [
            {"checker": "number", "completion": made["solution"], "reference": truth} for made, truth in solutions
        ]
        bench.checked("number, GSM8K model solutions", checks, [made["is_correct"] for made, _ in solutions])


def mathematics(bench: Bench) -> None:
    if rows := bench.file("evalsets/math500-dev.jsonl.gz"):
        bench.self_tested("expression, MATH", [{"checker": "expression", "reference": row["answer"]} for row in rows])
    if rows := bench.file("rl/math-cot-samples-dev.jsonl.gz"):
        made = [
            (code, row["gt"], bool(score))
            for row in rows
            for code, score in zip(row["code"], row["score"], strict=True)
        ]
        checks = [{"checker": "expression", "completion": code, "reference": truth} for code, truth, _ in made]
        bench.checked("expression, MATH model solutions", checks, [score for _, _, score in made])


def choices(bench: Bench) -> None:
    if rows := bench.file("evalsets/mmlu-dev-subjects.jsonl.gz"):
        for form in ("The answer is ({}).", "**{}**", "Answer: {}. {}", "{1}"):
            checks, wanted = [], []
            for number, row in enumerate(rows):
                chosen = (row["answer"] + number % 2) % len(row["choices"])  # every other one is wrong
                checks.append(
                    {
                        "checker": {"kind": "choice", "choices": row["choices"]},
                        "completion": form.format(LETTERS[chosen], row["choices"][chosen]),
                        "reference": row["answer"],
                    }
                )
                wanted.append(chosen == row["answer"])
            bench.checked(f"choice, MMLU as {form!r}", checks, wanted)
    if rows := bench.file("evalsets/bbh-dev.jsonl.gz"):
        kinds = {"True": "yes_no", "False": "yes_no", "Yes": "yes_no", "No": "yes_no", "yes": "yes_no", "no": "yes_no"}
        checks = [
            {
                "checker": "choice" if row["target"].startswith("(") else kinds.get(row["target"], "exact"),
                "completion": f"Let me see. So the answer is {row['target']}.",
                "reference": row["target"],
            }
            for row in rows
        ]
        bench.checked("choice, yes_no and exact, BIG-Bench Hard", checks, [True] * len(rows))


class _Changed(ast.NodeTransformer):
    """Every value that a function returns becomes another."""

    def visit_Return(self, node: ast.Return) -> ast.Return:
        value = node.value or ast.Constant(None)
        return ast.Return(ast.Tuple([value, ast.Constant("changed")], ast.Load()))


def changed(source: str) -> str:
    return ast.unparse(ast.fix_missing_locations(_Changed().visit(ast.parse(source))))


def code(bench: Bench) -> None:
    if rows := bench.file("evalsets/humaneval.jsonl.gz"):
        checkers = [
            {"kind": "code", "tests": row["test"], "entry_point": row["entry_point"], "prompt": row["prompt"]}
            for row in rows
        ]
        solutions = [row["canonical_solution"] for row in rows]
        code_checks(
            bench, "code, HumanEval", checkers, solutions, [row["prompt"] + row["canonical_solution"] for row in rows]
        )
    if rows := bench.file("evalsets/mbpp-dev.jsonl.gz"):
        checkers = [{"kind": "code", "tests": row["test_list"], "setup": row["test_setup_code"]} for row in rows]
        solutions = [row["code"] for row in rows]
        code_checks(bench, "code, MBPP", checkers, solutions, solutions)


def code_checks(bench: Bench, name: str, checkers: list[Row], solutions: list[str], wholes: list[str]) -> None:
    checks = [
        {"checker": checker, "completion": solution} for checker, solution in zip(checkers, solutions, strict=True)
    ]
    bench.checked(f"{name}, canonical", checks, [True] * len(checks))
    checks = [
        {"checker": checker, "completion": changed(whole)} for checker, whole in zip(checkers, wholes, strict=True)
    ]
    bench.checked(f"{name}, changed", checks, [False] * len(checks))


def instructions(bench: Bench) -> None:
    if rows := bench.file("rl/ifeval-input_data.jsonl.gz"):
        checks = [
            {
                "checker": {
                    "kind": "ifeval",
                    "instruction_id_list": row["instruction_id_list"],
                    "kwargs": [
                        {key: value for key, value in given.items() if value is not None} for given in row["kwargs"]
                    ],
                    "loose": True,
                },
                "completion": row["prompt"] * 4,
            }
            for row in rows
        ]
        started = time.perf_counter()
        verdicts = list(check_many(checks, bench.workers))
        print(
            f"ifeval: {len(rows) / (time.perf_counter() - started):,.0f} checks/s, "
            f"{sum(verdict.score is None for verdict in verdicts)} not scored of {len(rows)}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", default="", help="a part of the names of the files to read")
    options = parser.parse_args()
    bench = Bench(options.folder, options.workers, options.only)
    list(check_many([{"checker": "expression", "completion": r"\boxed{x+x}", "reference": "2x"}] * options.workers))
    for part in (grade_school, mathematics, choices, instructions, code):
        part(bench)


if __name__ == "__main__":
    main()
