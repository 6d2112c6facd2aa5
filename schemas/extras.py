"""What to install when a command needs a package that only an extra brings."""

import re
from importlib.metadata import requires

from gristmill.schemas.errors import PackageError


def package_error(error: ModuleNotFoundError) -> PackageError | None:
    """The error a person can act on, or None when no extra of gristmill brings the missing package."""
    package = (error.name or "").split(".")[0]
    for requirement in requires("gristmill") or []:
        found = re.match(r"([\w.-]+).*;.*extra == [\"'](\w+)[\"']", requirement)
        if found and found[1].lower().replace("-", "_") == package:
            return PackageError(
                f"the package {package} is not installed",
                expected=f"the extra `{found[2]}`, which this command needs",
                next_step=f'`pip install "gristmill[{found[2]}]"`',
            )
    return None
