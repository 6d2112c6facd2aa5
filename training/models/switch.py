"""One model in memory and several adapters over it, put on and taken off while it runs.

Adapters of one method lie beside each other and are switched by name. peft holds no two methods at once, vectors in front of a
text exclude each other, and PiSSA moves a part of the weights into its adapter: such adapters are loaded when they are put on,
and where one has changed the weights beneath it, these are read again. So what an adapter makes of the model is, bit for bit,
what it makes of it alone, whatever was on before.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import peft
from gristmill.schemas.errors import InputError, ModelError
from gristmill.training.models.adapters import read_configuration
from gristmill.training.models.merge import (
    AdapterInfo,
    adapter_info,
    base_model,
    fitting,
    gives_scores,
    load_adapter,
    probe_ids,
    probe_outputs,
    refuse_another_base,
)


class AdapterSwitch:
    """A model and the adapters that may be on it, one at a time.

    `use` puts one on, or takes it off, and returns the model, which is called as any model of transformers. Not for several
    threads at once: what one of them puts on is on for all.

    active: the name of the adapter that is on, None for the model alone.
    """

    def __init__(self, base: str | Path | None = None) -> None:
        """base: the folder of the model; by default the one that the first adapter names."""
        self._base = None if base is None else Path(base)
        self._folders: dict[str, Path] = {}
        self._task = "CAUSAL_LM"
        self._model: Any = None  # the base alone, or peft's model around it
        self.active: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Of the adapters that were added, in their order."""
        return tuple(self._folders)

    def add(self, name: str, folder: str | Path) -> AdapterInfo:
        """Make an adapter known by a name; it is loaded when it is first put on.

        InputError for a name that another adapter has; ModelError for a folder without an adapter, and for one that was
        trained over another model, or one of another task.
        """
        if name in self._folders:
            raise InputError(f"two adapters named {name!r}", expected="a name for each", next_step="call `replace`")
        return self._know(name, Path(folder))

    def replace(self, name: str, folder: str | Path) -> AdapterInfo:
        """Put another adapter in the place of one, such as its next version; it is on at once if that one was."""
        was_on = self.active == name
        self._folder_of(name)
        found = self._know(name, Path(folder))
        if self._is_loaded(name):
            self._leave_base_alone()
        if was_on:
            self.use(name)
        return found

    def use(self, name: str | None) -> Any:
        """Put an adapter on, or with None take it off; returns the model, in evaluation mode.

        InputError for a name that was not added; ModelError for an adapter that does not fit, and then none is on.
        """
        folder = None if name is None else self._folder_of(name)
        self.active = None
        if name is None or folder is None:
            self._take_off()
        else:
            try:
                self._put_on(name, folder)
            except ModelError:
                self._model = None  # half of the adapter may be in it: it is read again
                raise
        self.active = name
        return self._model.eval().requires_grad_(False)

    def _know(self, name: str, folder: Path) -> AdapterInfo:
        found, task = adapter_info(folder), str(read_configuration(folder).task_type)
        if self._folders and gives_scores(task) != gives_scores(self._task):
            raise ModelError(
                f"an adapter whose model gives {'a score' if gives_scores(task) else 'no score'}",
                where=str(folder),
                expected=f"one for {self._task}, as those that are here",
                next_step="make another AdapterSwitch for it",
            )
        base = Path(found.base) if self._base is None else self._base
        refuse_another_base(folder, base)
        self._base, self._folders[name] = base, folder
        self._task = task
        return found

    def _folder_of(self, name: str) -> Path:
        if name not in self._folders:
            raise InputError(f"adapter {name!r}", expected=f"one of {', '.join(self._folders) or 'those added'}")
        return self._folders[name]

    def _put_on(self, name: str, folder: Path) -> None:
        config = read_configuration(folder)
        if not self._lies_beside_others(config):
            self._leave_base_alone()
            self._model = load_adapter(folder, self._model_alone(), config, self._key(name))
            return
        with fitting(folder):
            if not self._is_loaded(name):
                self._model.load_adapter(str(folder), adapter_name=self._key(name))
            self._model.base_model.enable_adapter_layers()
            self._model.set_adapter(self._key(name))

    def _take_off(self) -> None:
        if self._is_wrapped() and all(_keeps_weights(one) for one in self._model.peft_config.values()):
            self._model.base_model.disable_adapter_layers()  # they stay, so that putting one on again costs nothing
        else:
            self._leave_base_alone()
            self._model = self._model_alone()

    def _lies_beside_others(self, config: Any) -> bool:
        """Whether an adapter may lie beside those that are loaded."""
        if not self._is_wrapped():
            return False
        loaded = next(iter(self._model.peft_config.values()))
        return config.peft_type == loaded.peft_type and _keeps_weights(config) and _keeps_weights(loaded)

    def _is_wrapped(self) -> bool:
        return isinstance(self._model, peft.PeftModel)

    def _is_loaded(self, name: str) -> bool:
        return self._is_wrapped() and self._key(name) in self._model.peft_config

    def _key(self, name: str) -> str:
        """What peft calls an adapter: part of the names of weights, so that neither a dot nor a method's name may be in it."""
        return f"swapped{list(self._folders).index(name)}"

    def _model_alone(self) -> Any:
        if self._base is None:
            raise ModelError("no model", expected="the folder of a base model, or an adapter that names it")
        return base_model(self._base, self._task) if self._model is None else self._model

    def _leave_base_alone(self) -> None:
        """Take every adapter out of the model; where one has changed its weights, the model is read again."""
        if not self._is_wrapped():
            return
        config = next(iter(self._model.peft_config.values()))
        if config.is_prompt_learning:
            self._model = self._model.get_base_model()
        else:
            self._model = self._model.unload() if _keeps_weights(config) else None


class Swapped(NamedTuple):
    """How an adapter came back after every other had been on. change: the largest difference of a logit from the model without
    an adapter; drift: from the adapter's own first outputs, 0 where they are restored exactly; seconds: to put it on again."""

    name: str
    change: float
    drift: float
    seconds: float


def swap_through(switch: AdapterSwitch) -> Iterator[Swapped]:
    """Put each adapter on, then each again in the opposite order, and compare what the model says of 64 random tokens.

    The last one is the model without an adapter, whose name is ''.
    """
    ids = probe_ids(switch.use(None))
    names: list[str | None] = [None, *switch.names]
    first = {name: probe_outputs(switch.use(name), ids) for name in names}
    for name in reversed(names):
        started = time.perf_counter()
        model = switch.use(name)
        seconds = time.perf_counter() - started
        found = probe_outputs(model, ids)
        change, drift = (float((found - other).abs().max()) for other in (first[None], first[name]))
        yield Swapped(name or "", change, drift, seconds)


def _keeps_weights(config: Any) -> bool:
    """Whether an adapter works inside the layers and leaves their weights as they are, which PiSSA does not."""
    return not config.is_prompt_learning and not isinstance(getattr(config, "init_lora_weights", True), str)
