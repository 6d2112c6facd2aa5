"""Parameter-efficient fine-tuning: what is trained beside frozen weights."""

from typing import Literal

from gristmill.schemas.strict import Strict
from pydantic import Field, model_validator

PROMPT_LEARNING = frozenset({"prompt", "prefix", "p_tuning"})  # vectors in front of every text
QUANTIZED = frozenset({"qlora", "qdora"})  # over weights in 4 bits
LOW_RANK = frozenset({"lora", "rslora", "pissa", "dora", *QUANTIZED})


class Adapter(Strict):
    """What is trained in place of the model's weights, which stay as they are.

    method: `lora` (Hu 2021), `rslora` (Kalajdzievski 2023), `pissa` (Meng 2024), `dora` (Liu 2024), `qlora` and `qdora`
    (over weights in NF4 with double quantisation, Dettmers 2023), `prompt` (Lester 2021), `prefix` (Li 2021), `p_tuning`
    (Liu 2021), `ia3` (Liu 2022). rank, alpha (by default twice the rank), dropout: of the low-rank methods. targets: the
    names of the modules that are adapted; by default every linear layer but the output. virtual_tokens: of prompt,
    prefix and p_tuning.
    """

    method: Literal["lora", "rslora", "pissa", "dora", "qlora", "qdora", "prompt", "prefix", "p_tuning", "ia3"] = "lora"
    rank: int = Field(16, ge=1)
    alpha: float | None = Field(None, gt=0)
    dropout: float = Field(0.0, ge=0, lt=1)
    targets: tuple[str, ...] = ()
    virtual_tokens: int = Field(20, ge=1)

    @property
    def learns_prompts(self) -> bool:
        return self.method in PROMPT_LEARNING

    @property
    def quantizes(self) -> bool:
        return self.method in QUANTIZED

    def check_reference(self) -> None:
        """ValueError where the model with the adapter switched off is not the model before step 1, which a reference is."""
        if self.method == "pissa":
            raise ValueError(
                "found adapter pissa, which takes the main directions out of the weights: with it switched off the reference "
                "would be another model; expected lora, rslora, dora or a quantised one"
            )

    @model_validator(mode="after")
    def _options_of_the_method(self) -> "Adapter":
        given = self.model_fields_set
        if self.learns_prompts and "targets" in given:
            raise ValueError(f"targets with {self.method}, which adapts no module; expected them left out")
        wrong = given & {"rank", "alpha", "dropout"} if self.method not in LOW_RANK else set()
        if wrong:
            raise ValueError(f"{', '.join(sorted(wrong))} with {self.method}; expected a low-rank method, as lora")
        if not self.learns_prompts and "virtual_tokens" in given:
            raise ValueError(f"virtual_tokens with {self.method}; expected prompt, prefix or p_tuning")
        return self
