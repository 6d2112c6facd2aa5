"""Recipes: what to read, what to measure, what to keep; loaded from YAML with errors that name file and line."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from gristmill.schemas.cut_options import ONLY_HOW, LineDedup, Substrings
from gristmill.schemas.decontamination import ContaminationPolicy, Decontaminate
from gristmill.schemas.duplicates import ORDER_COLUMNS
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.exclusion import LISTS, ExcludedIds, read_excluded
from gristmill.schemas.foreign import ForeignStep
from gristmill.schemas.mixing import Mix
from gristmill.schemas.pii import Pii
from gristmill.schemas.policy import Rule
from gristmill.schemas.shard_options import ShardOptions
from gristmill.schemas.source import Source
from gristmill.schemas.strict import LanguageName, Strict
from pydantic import AfterValidator, Field, ValidationError, field_validator, model_validator

Scope = Literal["global", "source", "snapshot"]
Normalisation = Literal["case", "whitespace", "digits", "punctuation", "accents"]


def _check_preferences(keys: tuple[str, ...]) -> tuple[str, ...]:
    if len(keys) > ORDER_COLUMNS:
        raise ValueError(f"found {len(keys)} preferences; expected {ORDER_COLUMNS} at most")
    for key in keys:
        words = key.split()
        known = key in ("longest", "oldest", "newest", "source_priority")
        if not known and not (len(words) == 2 and words[0] in ("highest", "lowest")):
            raise ValueError(
                f"found {key!r}; expected longest, oldest, newest, source_priority, 'highest SIGNAL' or 'lowest SIGNAL'"
            )
    return keys


Preferences = Annotated[tuple[str, ...], AfterValidator(_check_preferences)]
DEFAULT_SURVIVOR = ("source_priority", "oldest")


class Floor(Strict):
    """The least a document must have before duplicates are looked for; a policy cannot be looser than it."""

    min_text_bytes: int = Field(1, ge=1)
    languages: tuple[LanguageName, ...] = ()
    min_language_score: float = Field(0.0, ge=0, le=1)


class RuleSet(Strict):
    """Rules of one group of documents: profiles, own rules, and changes to the profiles' rules by name."""

    profiles: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    disable: tuple[str, ...] = ()
    thresholds: dict[str, str] = Field(default_factory=dict)


class Policy(RuleSet):
    """What is kept. `by_source` replaces `by_language`, which replaces the rules given at the top.

    decontaminate: other thresholds and another action than the recipe's own `decontaminate`.
    exclude_ids: documents dropped by name: ids, or .jsonl files with a `doc_id` in each line (read when loaded).
    """

    languages: tuple[LanguageName, ...] = ()
    min_language_score: float = Field(0.0, ge=0, le=1)
    min_text_bytes: int = Field(1, ge=1)
    decontaminate: ContaminationPolicy | None = None
    exclude_ids: ExcludedIds = ()
    by_language: dict[LanguageName, RuleSet] = Field(default_factory=dict)
    by_source: dict[str, RuleSet] = Field(default_factory=dict)


class ExactDedup(Strict):
    """Documents with the same content hash: one survivor of each group is kept.

    normalise: differences that do not count. survivor: first difference decides; `longest`, `oldest`, `newest`,
    `source_priority`, `highest SIGNAL`, `lowest SIGNAL`; the content hash and the id break every tie.
    """

    normalise: tuple[Normalisation, ...] = ()
    scope: Scope = "global"
    survivor: Preferences = DEFAULT_SURVIVOR


class Shingling(Strict):
    """The overlapping runs of words (or of characters, in scripts without spaces) that documents are compared by.

    normalise: differences that do not count. Digits and accents do by default: numbers are what tables and exercises
    are about, and a date that changes on a page moves its similarity by a few shingles only.
    """

    unit: Literal["auto", "word", "character"] = "auto"
    words: int = Field(5, ge=1)
    characters: int = Field(8, ge=1)
    normalise: tuple[Normalisation, ...] = ("case", "punctuation", "whitespace")


class NearDedup(Strict):
    """Documents of Jaccard similarity `similarity` or more: found by MinHash LSH, verified, one of them kept.

    recall: the least probability with which a pair of exactly that similarity is found; bands and rows follow from it
    unless given. verify: the true Jaccard of the shingles, or its estimate from the signatures.
    link: `star` drops a document if and only if it is similar to a kept one before it in survivor order; `component`
    keeps the first document of every connected component, however long the chain.
    max_hubs: kept documents of a bucket that later ones are compared with, the rest is counted.
    survivor: None takes what `exact` says. against: finished runs whose kept documents come before every new one.
    index_store: what verification against this run will read: `documents` (their texts), or `shingles` stored for every
    document (about as large as the text).
    """

    shingle: Shingling = Field(default_factory=Shingling)
    permutations: int = Field(112, ge=1, le=4096)
    seed: int = Field(1, ge=0, lt=1 << 32)
    similarity: float = Field(0.8, gt=0, lt=1)
    recall: float = Field(0.9, gt=0, lt=1)
    bands: int | None = Field(None, ge=1, le=4096)
    rows: int | None = Field(None, ge=1)
    verify: Literal["shingles", "signature"] = "shingles"
    link: Literal["star", "component"] = "star"
    scope: Scope = "global"
    survivor: Preferences | None = None
    max_hubs: int = Field(64, ge=1)
    against: tuple[str, ...] = ()
    index_store: Literal["documents", "shingles"] = "documents"

    @model_validator(mode="after")
    def _bands_with_rows(self) -> "NearDedup":
        if (self.bands is None) != (self.rows is None):
            raise ValueError("bands and rows are given together or not at all")
        if self.bands is not None and self.rows is not None and self.bands * self.rows > self.permutations:
            raise ValueError(f"{self.bands} bands of {self.rows} rows need {self.bands * self.rows} permutations")
        return self


class Dedup(Strict):
    exact: ExactDedup | None = Field(default_factory=ExactDedup)
    near: NearDedup | None = None
    lines: LineDedup | None = None
    substrings: Substrings | None = None

    @property
    def finds_any(self) -> bool:
        """Whether any kind of duplicate is looked for."""
        return self.exact is not None or self.near is not None

    @property
    def exact_order(self) -> tuple[str, ...]:
        """Survivor preferences among exact copies."""
        return self.exact.survivor if self.exact else ()

    @property
    def near_order(self) -> tuple[str, ...]:
        """Survivor preferences among near duplicates."""
        if self.near is None:
            return ()
        if self.near.survivor is not None:
            return self.near.survivor
        return self.exact.survivor if self.exact else DEFAULT_SURVIVOR

    @property
    def cutting(self) -> dict[str, Any]:
        """The options that say what text is cut, empty when none is."""
        options = {"lines": self.lines, "substrings": self.substrings}
        return {name: chosen.model_dump(exclude=ONLY_HOW) for name, chosen in options.items() if chosen is not None}

    @property
    def cut_order(self) -> tuple[str, ...]:
        """Survivor preferences that say which copy of a line or substring is the first."""
        return self.exact.survivor if self.exact else DEFAULT_SURVIVOR


class Card(Strict):
    """What the dataset card says beside the figures."""

    licence: str = "other"
    languages: tuple[str, ...] = ()
    description: str = ""


class Recipe(Strict):
    """One corpus: sources, signals, policy, duplicates, text.

    signals: families to measure beyond those the policy needs, each with its options.
    text: the text version written to the corpus; by default what the profiles name, else the original.
    pii: what happens to personal data and secrets, after everything else that changes the text.
    shards: the corpus, or its mix, as token shards in shards/.
    keep_text: what the finished run stores in documents/: `all` texts, only `kept` ones, or `none`.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    seed: int = 0
    sources: tuple[Source, ...] = Field(min_length=1)
    signals: dict[str, dict[str, Any]] = Field(default_factory=dict)
    floor: Floor = Field(default_factory=Floor)
    policy: Policy = Field(default_factory=Policy)
    dedup: Dedup = Field(default_factory=Dedup)
    decontaminate: Decontaminate | None = None
    foreign: tuple[ForeignStep, ...] = ()
    mix: Mix | None = None
    text: str | None = None
    pii: Pii | None = None
    shards: ShardOptions | None = None
    keep_text: Literal["all", "kept", "none"] = "all"
    card: Card = Field(default_factory=Card)

    @property
    def contamination(self) -> ContaminationPolicy | None:
        """What of contamination decides; None without evaluation sets."""
        return None if self.decontaminate is None else self.policy.decontaminate or self.decontaminate

    @property
    def cutting(self) -> dict[str, Any]:
        """The options that say what text is cut, empty when none is."""
        chosen = self.contamination
        if chosen is None or chosen.action != "cut":
            return self.dedup.cutting
        fields = set(ContaminationPolicy.model_fields)
        return {"contamination": chosen.model_dump(include=fields), **self.dedup.cutting}

    @field_validator("signals", mode="before")
    @classmethod
    def _options_may_be_empty(cls, value: Any) -> Any:
        if isinstance(value, list):
            return {name: {} for name in value}
        if isinstance(value, dict):
            return {name: options or {} for name, options in value.items()}
        return value

    @model_validator(mode="after")
    def _names_are_unique(self) -> "Recipe":
        names = [source.name for source in self.sources]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two sources are named {name!r}; expected unique names")
        return self


def load_recipe(path: str | Path) -> Recipe:
    """The recipe in a YAML file; paths in it are relative to the file. RecipeError names file, line and nearest key."""
    return Recipe.model_validate(_resolve_paths(load_document(path, Recipe), Path(path).resolve().parent))


def load_mix(path: str | Path) -> Mix:
    """The mix in a YAML file: the `mix:` part of a recipe, alone or inside a recipe."""
    data = _read_yaml(Path(path))[0]
    if isinstance(data, dict) and "mix" in data:
        found = load_recipe(path).mix if "sources" in data else validated(Mix, data["mix"], path)
        return found or Mix()
    return Mix.model_validate(load_document(path, Mix))


def load_policy(path: str | Path) -> Policy:
    """The policy in a YAML file: the `policy:` part of a recipe, alone or inside a recipe."""
    data = _read_yaml(Path(path))[0]
    if isinstance(data, dict) and "policy" in data:
        return load_recipe(path).policy
    return Policy.model_validate(_resolve_excluded(load_document(path, Policy), Path(path).resolve().parent))


def _read_yaml(path: Path) -> tuple[Any, yaml.Node | None]:
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


def load_document(path: str | Path, model: type[Strict]) -> dict[str, Any]:
    """The file's data, checked against `model`."""
    data, node = _read_yaml(Path(path))
    if not isinstance(data, dict):
        raise RecipeError(
            f"found {type(data).__name__}",
            where=str(path),
            expected=f"a mapping with keys {', '.join(model.model_fields)}",
        )
    validated(model, data, path, node)
    return data


Model = TypeVar("Model", bound=Strict)


def validated(model: type[Model], data: Any, path: str | Path = "", node: yaml.Node | None = None) -> Model:
    """`data` as `model`; RecipeError with every problem, and the lines of `path` where its YAML `node` is given."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        problems = "\n  ".join(_describe(path, node, problem) for problem in error.errors())
        count = error.error_count()
        what = re.sub(r"(?<!^)(?=[A-Z])", " ", model.__name__).lower()
        raise RecipeError(f"{count} problem{'s' if count > 1 else ''} in the {what}\n  {problems}") from error


def _describe(path: str | Path, node: yaml.Node | None, problem: Any) -> str:
    location = list(problem["loc"])
    key = (problem.get("ctx") or {}).get("key")
    where = f"{path}:{_line_of(node, [*location, key] if key else location)}: " if node else ""
    name = ".".join(str(part) for part in location)
    return f"{where}{name + ': ' if name else ''}{problem['msg'].removeprefix('Value error, ')}"


def _line_of(node: yaml.Node | None, location: list[Any]) -> int:
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


def _resolve_paths(data: dict[str, Any], base: Path) -> dict[str, Any]:
    """Sources' paths with ~ and ${NAME} expanded and relative ones taken from the recipe's folder."""
    sources = []
    for source in data.get("sources") or []:
        source = dict(source)
        for key in ("path", "root"):
            if isinstance(source.get(key), str):
                source[key] = resolve_path(source[key], base)
            elif isinstance(source.get(key), list):
                source[key] = [resolve_path(item, base) for item in source[key]]
        sources.append(source)
    signals = data.get("signals")
    data = _resolve_key(_resolve_sets(_resolve_tokenizer(_resolve_runs(data, base), base), base), base)
    data = _resolve_shards(data, base)
    if isinstance(data.get("policy"), dict):
        data = {**data, "policy": _resolve_excluded(data["policy"], base)}
    if isinstance(signals, dict):
        signals = {family: dict(_resolve_options(options or {}, base)) for family, options in signals.items()}
    return {**data, "sources": sources} | ({"signals": signals} if signals is not None else {})


def _resolve_runs(data: dict[str, Any], base: Path) -> dict[str, Any]:
    """The paths of `dedup.near.against` resolved as the sources' are."""
    dedup = data.get("dedup")
    near = dedup.get("near") if isinstance(dedup, dict) else None
    if not isinstance(near, dict) or not isinstance(near.get("against"), list):
        return data
    against = [resolve_path(run, base) if isinstance(run, str) else run for run in near["against"]]
    return {**data, "dedup": {**data["dedup"], "near": {**near, "against": against}}}


def _resolve_shards(data: dict[str, Any], base: Path) -> dict[str, Any]:
    """The path of `shards.tokenizer` resolved as the sources' are."""
    shards = data.get("shards")
    if not isinstance(shards, dict) or not isinstance(shards.get("tokenizer"), str):
        return data
    return {**data, "shards": {**shards, "tokenizer": resolve_path(shards["tokenizer"], base)}}


def _resolve_tokenizer(data: dict[str, Any], base: Path) -> dict[str, Any]:
    """The path of `dedup.substrings.tokenizer` resolved as the sources' are."""
    dedup = data.get("dedup")
    substrings = dedup.get("substrings") if isinstance(dedup, dict) else None
    if not isinstance(substrings, dict) or not isinstance(substrings.get("tokenizer"), str):
        return data
    resolved = {**substrings, "tokenizer": resolve_path(substrings["tokenizer"], base)}
    return {**data, "dedup": {**data["dedup"], "substrings": resolved}}


def _resolve_excluded(policy: dict[str, Any], base: Path) -> dict[str, Any]:
    """A policy whose `exclude_ids` holds the ids of the files it names."""
    entries = policy.get("exclude_ids")
    if not entries:
        return policy
    found = [resolve_path(entry, base) if entry.endswith(LISTS) else entry for entry in entries]
    return {**policy, "exclude_ids": read_excluded(found)}


def _resolve_key(data: dict[str, Any], base: Path) -> dict[str, Any]:
    """The path of `pii.key_file` resolved as the sources' are."""
    pii = data.get("pii")
    if not isinstance(pii, dict) or not isinstance(pii.get("key_file"), str):
        return data
    return {**data, "pii": {**pii, "key_file": resolve_path(pii["key_file"], base)}}


def _resolve_sets(data: dict[str, Any], base: Path) -> dict[str, Any]:
    """The paths of `decontaminate.sets` resolved as the sources' are."""
    chosen = data.get("decontaminate")
    if not isinstance(chosen, dict) or not isinstance(chosen.get("sets"), list):
        return data
    sets = []
    for one in chosen["sets"]:
        path = one["path"]
        paths = [resolve_path(item, base) for item in path] if isinstance(path, list) else resolve_path(path, base)
        sets.append({**one, "path": paths})
    return {**data, "decontaminate": {**chosen, "sets": sets}}


def _resolve_options(options: dict[str, Any], base: Path) -> Iterator[tuple[str, Any]]:
    """Options of a family; a value that names a file beside the recipe becomes that file's path."""
    for key, value in options.items():
        if isinstance(value, dict):
            yield key, dict(_resolve_options(value, base))
        else:
            yield key, [_found(item, base) for item in value] if isinstance(value, list) else _found(value, base)


def _found(value: Any, base: Path) -> Any:
    if not isinstance(value, str) or not value:
        return value
    resolved = resolve_path(value, base)
    return resolved if "://" not in resolved and os.path.exists(resolved) else value


def resolve_path(path: str, base: Path) -> str:
    expanded = os.path.expandvars(os.path.expanduser(path))
    if "://" in expanded or os.path.isabs(expanded):
        return expanded
    return os.path.normpath(base / expanded)
