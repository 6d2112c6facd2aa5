"""What a person wrote in a YAML file as a typed document: errors name the file, the line and the nearest valid key."""

import re
from pathlib import Path
from typing import Any, TypeVar

import yaml
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.paths import beside
from gristmill.schemas.strict import Strict
from pydantic import ValidationError


def read_yaml(path: Path) -> tuple[Any, yaml.Node | None]:
    try:
        content = path.read_text(encoding="utf-8")
    except OSError as error:
        raise RecipeError(
            f"cannot read it: {error.strerror}", where=str(path), expected="a YAML file", next_step="check the path"
        ) from error
    except UnicodeDecodeError as error:
        raise RecipeError(
            f"byte {error.start} is not UTF-8", where=str(path), expected="a YAML file in UTF-8"
        ) from error
    try:
        node = yaml.compose(content, Loader=yaml.SafeLoader)
        if node is not None:
            _refuse_repeated_keys(node, path)
        return yaml.safe_load(content), node
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "not YAML"
        raise RecipeError(str(problem), where=f"{path}{line}", expected="valid YAML") from error


def _refuse_repeated_keys(root: yaml.Node, path: Path) -> None:
    """RecipeError for a key that stands twice in one mapping, at any level: YAML would take the last without a word."""
    waiting, seen = [root], {id(root)}
    while waiting:
        node = waiting.pop()
        lines: dict[tuple[str, str], int] = {}
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if not isinstance(key, yaml.ScalarNode):
                continue
            name, line = (key.tag, key.value), key.start_mark.line + 1
            if name in lines:
                raise RecipeError(
                    f"the key `{key.value}` stands twice, in lines {lines[name]} and {line}",
                    where=f"{path}:{line}",
                    expected="each key once",
                    next_step="remove one of them, or put what they hold together",
                )
            lines[name] = line
        children = [one for pair in node.value for one in pair] if isinstance(node, yaml.MappingNode) else node.value
        for child in children if isinstance(node, yaml.CollectionNode) else ():
            if id(child) not in seen:  # an alias stands for its anchor
                seen.add(id(child))
                waiting.append(child)


Model = TypeVar("Model", bound=Strict)
Location = tuple[str | int, ...]


def read_mapping(path: str | Path, model: type[Strict]) -> tuple[dict[str, Any], yaml.Node | None]:
    """The mapping in a YAML file, and its node. RecipeError naming the keys of `model` for a file that holds another thing."""
    data, node = read_yaml(Path(path))
    if not isinstance(data, dict):
        raise RecipeError(
            f"found {type(data).__name__}",
            where=str(path),
            expected=f"a mapping with keys {', '.join(model.model_fields)}",
        )
    return data, node


def load_document(path: str | Path, model: type[Model]) -> Model:
    """The document in a YAML file; paths in it are relative to the file. RecipeError with every problem and its line."""
    data, node = read_mapping(path, model)
    return validated(model, data, path, node)


def validated(
    model: type[Model], data: Any, path: str | Path = "", node: yaml.Node | None = None, at: Location = ()
) -> Model:
    """`data` as `model`; RecipeError with every problem.

    path: the file that the data was read from, whose folder relative paths are taken from. node: the file's YAML, for lines.
    at: where in the file the data stands.
    """
    problems: list[str] = []
    found = checked_part(model, data, problems, path, node, at)
    if found is None:
        raise problems_error(problems, re.sub(r"(?<!^)(?=[A-Z])", " ", model.__name__).lower())
    return found


def checked_part(
    model: type[Model],
    data: Any,
    problems: list[str],
    path: str | Path = "",
    node: yaml.Node | None = None,
    at: Location = (),
) -> Model | None:
    """`data` as `model`, or None after its problems were added to `problems`. See `validated` for the arguments."""
    try:
        return model.model_validate(data, context=beside(path) if path else None)
    except ValidationError as error:
        problems += [_problem(problem, path, node, at) for problem in error.errors()]
        return None


def problems_error(problems: list[str], what: str) -> RecipeError:
    """The error that lists what is wrong with a document."""
    lines = "\n  ".join(problems)
    return RecipeError(f"{len(problems)} problem{'s' if len(problems) > 1 else ''} in the {what}\n  {lines}")


_SAY_WHAT_WAS_FOUND = ("missing", "unknown_key", "value_error")  # kinds of problems whose message needs no more
_SHOWN = 80  # characters of a value that an error shows


def describe(
    problem: str, location: Location, path: str | Path = "", node: yaml.Node | None = None, key: str | None = None
) -> str:
    """A problem with the place where it is: the keys that lead to it and, where `node` is given, file and line.

    key: of the line, where it stands below `location`.
    """
    where = f"{path}:{_line_of(node, (*location, key) if key else location)}: " if node else ""
    name = ".".join(str(part) for part in location)
    return f"{where}{name + ': ' if name else ''}{problem}"


def _problem(found: Any, path: str | Path, node: yaml.Node | None, at: Location) -> str:
    message, value = found["msg"].removeprefix("Value error, "), found["input"]
    if found["type"] not in _SAY_WHAT_WAS_FOUND and (value is None or isinstance(value, str | int | float)):
        message += f"; found {str(value)[:_SHOWN]!r}" if isinstance(value, str) else f"; found {value}"
    return describe(message, (*at, *found["loc"]), path, node, (found.get("ctx") or {}).get("key"))


def _line_of(node: yaml.Node | None, location: Location) -> int:
    """The 1-based line of the deepest node on the way to `location`."""
    line = 1 if node is None else node.start_mark.line + 1
    for part in location:
        if isinstance(node, yaml.MappingNode):
            found = next(((k, v) for k, v in node.value if k.value == str(part)), None)
            if found is None:
                break
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            break
    return line
