"""What a worker that looks for personal data imports, and what it leaves to whoever needs it."""

import importlib.util
import subprocess
import sys

import pytest
from gristmill.filters.pii.worker import hidden


def test_a_hidden_package_is_as_if_not_installed_and_there_again_afterwards() -> None:
    sys.modules.pop("this", None)
    with hidden("this"):
        assert importlib.util.find_spec("this") is None
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module("this")
    assert importlib.util.find_spec("this") is not None
    with hidden("json"):  # is imported already
        assert importlib.import_module("json").loads("1") == 1


@pytest.mark.slow
def test_a_worker_starts_without_transformers_and_can_still_import_it() -> None:
    code = (
        "import sys, gristmill.filters.pii.worker\n"
        "print('presidio_analyzer' in sys.modules, 'transformers' in sys.modules)\n"
        "import transformers\n"
        "print(transformers.PreTrainedModel.__name__)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["True False", "PreTrainedModel"]
