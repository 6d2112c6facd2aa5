"""Adapters of every method over one model in memory: each does what it does alone, whatever was on before."""

import itertools
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from gristmill.pipelines.cli.main import app
from gristmill.schemas.errors import InputError, ModelError
from gristmill.schemas.training.adapter import LOW_RANK, Adapter
from gristmill.training.models.adapters import with_adapter
from gristmill.training.models.build import open_model
from gristmill.training.models.libraries import quiet_libraries
from gristmill.training.models.merge import load_adapter, probe_ids, probe_outputs, read_configuration
from gristmill.training.models.switch import AdapterSwitch
from typer.testing import CliRunner

from tests.training.kinds.tiny_models import WORDS, model_of, tokenizer_of

METHODS = ("lora", "rslora", "pissa", "dora", "ia3", "prompt", "prefix", "p_tuning")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("swap")
    model_of(tokenizer_of(WORDS, folder / "model"))
    for number, method in enumerate((*METHODS, "lora")):
        name = method if number < len(METHODS) else "lora-2"
        adapter = Adapter.model_validate({"method": method} | ({"rank": 2 + number} if method in LOW_RANK else {}))
        with quiet_libraries():
            model = with_adapter(open_model(folder / "model"), adapter, seed=number)
            torch.manual_seed(number)
            with torch.no_grad():
                for parameter in model.parameters():
                    if parameter.requires_grad:
                        parameter.add_(0.05 * torch.randn_like(parameter))  # as training would
            model.save_pretrained(str(folder / name))
    return folder


def alone(home: Path, name: str | None) -> torch.Tensor:
    """What the model says with one adapter, loaded for this alone."""
    model: Any = open_model(home / "model")
    ids = probe_ids(model)
    if name is not None:
        model = load_adapter(home / name, model, read_configuration(home / name))
    return probe_outputs(model, ids)


def test_every_adapter_comes_back_exactly(home: Path) -> None:
    """Every method after every other, and none after each."""
    names = (None, *METHODS, "lora-2")
    expected = {name: alone(home, name) for name in names}
    switch = AdapterSwitch(home / "model")
    for name in names[1:]:
        switch.add(str(name), home / str(name))
    ids = probe_ids(switch.use(None))
    for one, other in itertools.permutations(names, 2):
        for name in (one, other):
            assert torch.equal(probe_outputs(switch.use(name), ids), expected[name]), (one, other)
            assert switch.active == name
    assert all(not torch.equal(expected[None], expected[name]) for name in names[1:])


def test_an_adapter_in_the_place_of_another(home: Path) -> None:
    switch = AdapterSwitch()
    switch.add("mine", home / "lora")
    switch.add("other", home / "rslora")
    ids = probe_ids(switch.use("other"))
    switch.use("mine")
    switch.replace("mine", home / "lora-2")
    assert torch.equal(probe_outputs(switch.use(switch.active), ids), alone(home, "lora-2"))
    assert torch.equal(probe_outputs(switch.use("other"), ids), alone(home, "rslora"))
    with pytest.raises(InputError, match="two adapters named 'mine'"):
        switch.add("mine", home / "ia3")
    with pytest.raises(InputError, match="adapter 'mien'; expected one of mine, other"):
        switch.use("mien")
    with pytest.raises(ModelError, match=r"no adapter_config.json"):
        switch.add("none", home / "model")
    shutil.copytree(home / "lora", home / "scores")
    config = json.loads((home / "scores" / "adapter_config.json").read_text())
    (home / "scores" / "adapter_config.json").write_text(json.dumps(config | {"task_type": "SEQ_CLS"}))
    with pytest.raises(ModelError, match="an adapter whose model gives a score; expected one for CAUSAL_LM"):
        switch.add("scores", home / "scores")
    assert switch.names == ("mine", "other")
    shutil.copytree(home / "lora", home / "torn")
    (home / "torn" / "adapter_config.json").write_text(json.dumps(config | {"r": 7}))
    switch.add("torn", home / "torn")
    for before in ("mine", None, "mine"):
        switch.use(before)
        with pytest.raises(ModelError, match="the adapter does not fit the model"):
            switch.use("torn")
        assert switch.active is None
    assert torch.equal(probe_outputs(switch.use("mine"), ids), alone(home, "lora-2"))


def test_the_command_says_how_exactly(home: Path) -> None:
    found = CliRunner().invoke(app, ["adapters", "swap", *(str(home / name) for name in ("lora", "pissa", "lora-2"))])
    assert found.exit_code == 0, found.output
    lines = found.stdout.splitlines()
    assert len(lines) == 4
    assert all("restored exactly" in line for line in lines)
    assert lines[-1].startswith("no adapter: restored exactly; 0 from")
