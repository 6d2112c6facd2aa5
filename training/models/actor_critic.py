"""A policy and its value function in one module: the value is a head on the policy's trunk, or on a trunk of its own."""

from typing import Any, NamedTuple

import torch


class Judged(NamedTuple):
    """Of each token but the first of a row, (rows, tokens - 1): its log-probability, the entropy of the distribution that it
    was drawn from, and the value of the text before it. All float32."""

    logps: torch.Tensor
    entropies: torch.Tensor
    values: torch.Tensor


class ActorCritic(torch.nn.Module):
    """policy: a decoder with its output layer, with or without an adapter. trunk: of the value, None to share the policy's."""

    def __init__(self, policy: Any, trunk: torch.nn.Module | None = None, temperature: float = 1.0) -> None:
        super().__init__()
        self.policy, self.trunk, self.temperature = policy, trunk, temperature
        self.config = policy.config
        self.value = torch.nn.Linear(self.config.hidden_size, 1)
        torch.nn.init.zeros_(self.value.weight)
        torch.nn.init.zeros_(self.value.bias)
        for module in self.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0  # the ratio of two passes shall tell of the weights alone

    @property
    def base(self) -> Any:
        """The policy without peft's wrapping; an adapter in its layers stays."""
        return self.policy.get_base_model() if hasattr(self.policy, "get_base_model") else self.policy

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> Judged:
        """input_ids, attention_mask: int64 (rows, tokens), padded on the right."""
        hidden = self._hidden(self.base.get_decoder(), input_ids, attention_mask)
        logits = self.base.get_output_embeddings()(hidden[:, :-1]).float() / self.temperature
        logps = logits.log_softmax(-1)
        chosen = logps.gather(2, input_ids[:, 1:, None])[..., 0]
        entropies = -(logps.exp() * logps).sum(-1)
        trunk = hidden if self.trunk is None else self._hidden(self.trunk, input_ids, attention_mask)
        return Judged(chosen, entropies, self.value(trunk[:, :-1].to(self.value.weight.dtype))[..., 0].float())

    def _hidden(self, trunk: Any, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = trunk(
            input_ids=input_ids, attention_mask=attention_mask, use_cache=False
        ).last_hidden_state
        return found

    def activation_checkpointing_enable(self, **options: Any) -> None:
        """What `activation_checkpointing: true` asks for."""
        enable = getattr(self.policy, "activation_checkpointing_enable", None)
        (enable or self.policy.gradient_checkpointing_enable)(**options)
        if hasattr(self.policy, "peft_config"):
            self.policy.enable_input_require_grads()

    gradient_checkpointing_enable = activation_checkpointing_enable  # its name in transformers 5.17

    def value_state(self) -> dict[str, torch.Tensor]:
        """The tensors of the value, for a file of their own."""
        parts = {"value": self.value, "trunk": self.trunk}
        return {
            f"{name}.{key}": tensor.contiguous()
            for name, part in parts.items()
            if part is not None
            for key, tensor in part.state_dict().items()
        }

    def load_value_state(self, state: dict[str, torch.Tensor]) -> None:
        for name, part in (("value", self.value), ("trunk", self.trunk)):
            if part is not None:
                own = {key.partition(".")[2]: tensor for key, tensor in state.items() if key.startswith(f"{name}.")}
                part.load_state_dict(own)
