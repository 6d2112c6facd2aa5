"""The generated run and its summary, made once."""

import pytest
from gristmill.console import Console
from gristmill.pipelines.build import build
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.inspect.report.collect import collect
from gristmill.pipelines.run.run import Run
from gristmill.schemas.report import Summary

from tests.pipelines.inspect.report.generated_runs import recipe_for


@pytest.fixture(scope="session")
def generated_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("generated")
    return build(recipe_for(folder), folder / "run", console=Console(quiet=True), report=False)


@pytest.fixture(scope="session")
def summary(generated_run: Run) -> Summary:
    with Engine() as engine:
        return collect(generated_run, engine)
