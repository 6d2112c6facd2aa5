"""`gristmill preferences`: biases, cycles and label noise of preference pairs."""

from gristmill.pipelines.cli.options import RunPath


def preferences(run: RunPath) -> None:
    """What a set of preference pairs is biased by, before and after the policy."""
    from gristmill.pipelines.inspect.preferences import preference_figures

    print(preference_figures(run))
