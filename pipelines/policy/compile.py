"""From a policy as written to rules ready to run: profiles resolved, thresholds replaced, every signal checked."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from gristmill.filters.datatrove.steps import signal_name as datatrove_signal
from gristmill.filters.decontamination.family import family_name, match_signal, overlap_signal
from gristmill.filters.profiles import profile
from gristmill.filters.registry import family, find_signal, signal_hint
from gristmill.filters.scored import family_name as score_family
from gristmill.filters.transforms.registry import TEXT_VERSIONS
from gristmill.filters.transforms.versions import checked_rule, checked_version
from gristmill.pipelines.policy.languages import (
    Options,
    check_keys_of_signals,
    floor_with_labels,
    language_options,
    policy_with_labels,
    rule_with_labels,
)
from gristmill.pipelines.policy.load import signal_options
from gristmill.pipelines.policy.named_rule import NamedRule
from gristmill.pipelines.policy.score_expression import ScoreExpression, parse_score
from gristmill.pipelines.policy.text_versions import TextVersions
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.lookup import nearest_name
from gristmill.schemas.recipe.corpus import Recipe
from gristmill.schemas.recipe.datatrove_steps import KEPT, DatatroveStep
from gristmill.schemas.recipe.datatrove_steps import RULE_PREFIX as DATATROVE_PREFIX
from gristmill.schemas.recipe.decontamination import MATCH_RULE_SUFFIX, RULE_PREFIX, ContaminationPolicy, Decontaminate
from gristmill.schemas.recipe.exclusion import read_excluded
from gristmill.schemas.recipe.mix import Mix
from gristmill.schemas.recipe.pii import Pii
from gristmill.schemas.recipe.policy import Floor, Policy, RuleSet
from gristmill.schemas.recipe.preferences import LENGTH
from gristmill.schemas.recipe.rules import ORIGINAL, Rule
from gristmill.schemas.rows.document import KIND as DOCUMENT_KIND
from gristmill.schemas.rows.kind import RowKind
from gristmill.schemas.rows.mixed import CLUSTER_SIZE
from gristmill.schemas.rows.pair import KIND as PAIR_KIND
from gristmill.schemas.rows.registry import row_kind
from gristmill.schemas.signals import Family, FamilyKey, Signal

DOC_ID = "doc_id"
DOCUMENT_SIGNALS = {"text_bytes": "int", DOC_ID: "string"}  # known from documents/ without measuring
NUMERIC = ("int", "float")
PAIR = PAIR_KIND.name
OF_PAIRS = ("pair_lengths", "pair_formats", "pair_judgement")  # what `preferences:` reads


@dataclass(frozen=True)
class CompiledPolicy:
    """Floor rules, then policy rules; `texts` says in which version each document is written."""

    floor: tuple[NamedRule, ...]
    rules: tuple[NamedRule, ...]
    texts: TextVersions
    datatrove: tuple[NamedRule, ...] = ()  # whose signal is the reason that decisions show

    @cached_property
    def needed(self) -> dict[tuple[str, str], list[str]]:
        """(family, text version) -> signals that the rules read."""
        wanted: dict[tuple[str, str], list[str]] = {}
        for named in (*self.floor, *self.rules, *self.datatrove):
            name, version = named.rule.signal_name, named.rule.text_version
            if name in DOCUMENT_SIGNALS:
                continue
            members = wanted.setdefault((signal_family(name), version), [])
            if name not in members:
                members.append(name)
        if self.reads_language:
            members = wanted.setdefault(("language", ORIGINAL), [])
            if "language" not in members:
                members.append("language")
        return wanted

    @property
    def reads_language(self) -> bool:
        return any(named.by_language or named.not_languages for named in self.rules)


@dataclass(frozen=True)
class CompiledRecipe:
    """What a recipe decides and measures: its policy, its floor alone, and every family with its options."""

    policy: CompiledPolicy
    floor: CompiledPolicy
    families: Mapping[FamilyKey, Mapping[str, Any]]


def compile_all(recipe: Recipe) -> CompiledRecipe:
    """RecipeError for everything that is wrong with what a recipe decides, and with the options of what it measures."""
    signal_options(recipe)
    floor = compile_policy(Policy(), recipe.floor, None, language_options(recipe), kind=row_kind(recipe.rows))
    policy = compile_recipe(recipe)
    families = {**needed_families(recipe, policy), **needed_families(recipe, floor)}
    content_key = content_key_of(recipe)
    if recipe.dedup.exact and content_key is not None:
        families[content_key] = {"normalise": sorted(recipe.dedup.exact.normalise)}
    for (name, version), options in families.items():
        _check_kind(family(name), version, recipe.rows)
        family(name).check_options(options)
    return CompiledRecipe(policy, floor, families)


def content_key_of(recipe: Recipe) -> FamilyKey | None:
    """The family of exact duplicates on the view that they are told by; None where none are looked for."""
    if recipe.dedup.exact is None:
        return None
    return "content_key", checked_version(
        recipe.dedup.exact.view or ORIGINAL, row_kind(recipe.rows), "dedup.exact.view"
    )


def _check_kind(chosen: Family, version: str, rows: str) -> None:
    """RecipeError where a family cannot be measured on rows of this kind, or not on a part of them."""
    if chosen.rows and rows not in chosen.rows:
        raise RecipeError(
            f"the signals of `{chosen.name}` are those of a {' or a '.join(chosen.rows)}; the rows of the recipe are of"
            f" the kind {rows}",
            where=f"signals.{chosen.name}",
            expected=f"`rows: {chosen.rows[0]}`, or signals of a {rows}",
        )
    if version != ORIGINAL and "pieces" in chosen.reads:
        raise RecipeError(
            f"the signals of `{chosen.name}` are measured on whole rows",
            where=f"signals.{chosen.name}@{version}",
            expected=f"no text version behind the name of a signal of `{chosen.name}`",
        )


def compile_recipe(recipe: Recipe) -> CompiledPolicy:
    """The policy of a recipe, its evaluation sets and what `pii:` drops included."""
    signal_options(recipe)
    check_keys_of_signals(recipe)
    own = {source.name: source.text for source in recipe.sources if source.text is not None}
    kind = row_kind(recipe.rows)
    compiled = compile_policy(recipe.policy, recipe.floor, recipe.text, language_options(recipe), own, kind)
    compiled = replace(compiled, datatrove=tuple(map(_datatrove_rule, recipe.datatrove_steps)))
    if recipe.pii is not None:
        compiled = replace(compiled, rules=(*compiled.rules, *_pii_rules(recipe.pii, compiled.texts)))
    chosen = recipe.contamination
    if chosen is None or recipe.decontaminate is None:
        if recipe.policy.decontaminate is not None:
            raise RecipeError(
                "the policy says when a document is contaminated, but there are no evaluation sets",
                where="policy.decontaminate",
                expected="`decontaminate: {sets: [...]}` in the recipe",
            )
        return compiled
    if chosen.action == "cut":
        return compiled  # the thresholds say what is cut, see pipelines/cut/evaluation_items
    return replace(compiled, rules=(*compiled.rules, *_contamination_rules(recipe.decontaminate, chosen)))


def _datatrove_rule(step: DatatroveStep) -> NamedRule:
    """A formatter keeps what it can read; where it fails, the document is unmeasured, as with a filter."""
    rule = Rule(
        name=step.name, signal=datatrove_signal(step.name), keep=f"== {KEPT}", source=f"datatrove, {step.datatrove}"
    )
    return NamedRule(DATATROVE_PREFIX + step.name, rule)


def _contamination_rules(sets: Decontaminate, chosen: ContaminationPolicy) -> tuple[NamedRule, ...]:
    """Rules of every set, for every document whatever its source and language."""
    found = []
    for one in sets.sets:
        name = RULE_PREFIX + one.name
        overlap = Rule(name=one.name, signal=overlap_signal(one.name), keep=f"< {chosen.min_overlap}")
        found.append(NamedRule(name, overlap))
        if chosen.min_match is not None:
            name += MATCH_RULE_SUFFIX
            match = Rule(name=name, signal=match_signal(one.name), keep=f"< {chosen.min_match}")
            found.append(NamedRule(name, match))
    return tuple(found)


def compile_policy(
    policy: Policy,
    floor: Floor,
    text: str | None = None,
    language_options: Options | None = None,
    text_by_source: Mapping[str, str] | None = None,
    kind: RowKind = DOCUMENT_KIND,
) -> CompiledPolicy:
    """The policy with its floor. text: the version of every document; text_by_source: of those of some sources.
    kind: of the rows that it is for.

    RecipeError when a profile, rule name, signal or language is unknown, or the policy is looser than the floor."""
    options = language_options or {}
    policy, floor = policy_with_labels(policy, options), floor_with_labels(floor, options)
    _check_not_looser(policy, floor)
    rules: list[NamedRule] = []
    own_sources, own_languages = tuple(sorted(policy.by_source)), tuple(sorted(policy.by_language))
    versions: set[str] = set()
    by_source: dict[str, set[str]] = {source: set() for source in own_sources}
    rules += _gate("policy", policy.min_text_bytes, policy.languages, policy.min_language_score, policy, floor)
    excluded = read_excluded(policy.exclude_ids)
    if excluded:
        listed = ", ".join(f"'{doc_id}'" for doc_id in excluded)
        rules.append(
            NamedRule("policy/excluded_id", Rule(name="excluded_id", signal=DOC_ID, keep=f"not in [{listed}]"))
        )
    for name, rule in _resolve(policy, versions):
        rules.append(NamedRule(name, rule, not_sources=own_sources, not_languages=own_languages))
    for language in own_languages:
        for name, rule in _resolve(policy.by_language[language], versions):
            rules.append(NamedRule(name, rule, by_language=language, not_sources=own_sources))
    for source in own_sources:
        for name, rule in _resolve(policy.by_source[source], by_source[source]):
            rules.append(NamedRule(name, rule, by_source=source))
    chosen = {} if text else {source: _one_version(found, source) for source, found in by_source.items() if found}
    texts = TextVersions(text or _one_version(versions), {**chosen, **(text_by_source or {})})
    for name in texts.all:
        if name not in TEXT_VERSIONS:
            raise RecipeError(
                f"text version `{name}` is unknown", where="text", expected=f"one of {', '.join(sorted(TEXT_VERSIONS))}"
            )
    floor_rules = tuple(_gate("floor", floor.min_text_bytes, floor.languages, floor.min_language_score))
    for named in (*floor_rules, *rules):
        _check_signal(named)
    rules = [replace(named, rule=checked_rule(named.rule, kind, f"rule `{named.name}`")) for named in rules]
    return CompiledPolicy(floor_rules, tuple(rule_with_labels(named, options) for named in rules), texts)


def _one_version(versions: set[str], source: str | None = None) -> str:
    """The text version that profiles write; RecipeError when they disagree."""
    named = sorted(versions - {ORIGINAL})
    if len(named) > 1:
        raise RecipeError(
            f"profiles write different texts: {', '.join(named)}",
            where="policy" if source is None else f"policy.by_source.{source}",
            next_step="choose one with `text:` in the recipe or of the source",
        )
    return named[0] if named else ORIGINAL


def _pii_rules(pii: Pii, texts: TextVersions) -> tuple[NamedRule, ...]:
    """Every document is judged by what was found in the text that it is written in."""
    others = tuple(texts.by_source)
    found = [replace(named, not_sources=others) for named in _pii_rules_of(pii, texts.default)]
    for source, version in texts.by_source.items():
        found += [replace(named, by_source=source) for named in _pii_rules_of(pii, version)]
    return tuple(found)


def _pii_rules_of(pii: Pii, text: str) -> tuple[NamedRule, ...]:
    """A document must have been scanned, and hold nothing of the kinds that drop it."""
    at = "" if text == ORIGINAL else f"@{text}"
    rules = [Rule(name="not_scanned", signal=f"pii_total{at}", keep=">= 0", if_null="drop", source="recipe")]
    for kind, action in pii.actions.items():
        if action == "drop":
            rules.append(Rule(name=kind, signal=f"pii_{kind}_count{at}", keep="== 0", source="recipe"))
    return tuple(NamedRule(f"pii/{rule.name}", rule) for rule in rules)


def _gate(
    owner: str,
    min_text_bytes: int,
    languages: tuple[str, ...],
    min_score: float,
    policy: Policy | None = None,
    floor: Floor | None = None,
) -> list[NamedRule]:
    """The three conditions a floor and a policy share; a policy's are left out where they only repeat the floor's."""
    found = []
    if floor is None or min_text_bytes > floor.min_text_bytes:
        name = "empty" if min_text_bytes == 1 else "few_bytes"
        found.append(NamedRule(f"{owner}/{name}", Rule(name=name, signal="text_bytes", keep=f">= {min_text_bytes}")))
    if languages and (floor is None or languages != floor.languages):
        keep = f"in [{', '.join(languages)}]"
        rule = Rule(name="other_language", signal="language", keep=keep, if_null="drop")
        found.append(NamedRule(f"{owner}/other_language", rule))
    if min_score > (0.0 if floor is None else floor.min_language_score):
        rule = Rule(name="unsure_language", signal="language_score", keep=f">= {min_score}", if_null="drop")
        found.append(NamedRule(f"{owner}/unsure_language", rule))
    return found


def _check_not_looser(policy: Policy, floor: Floor) -> None:
    """A policy states its own gate only to be stricter than the floor, on which duplicates were measured."""
    problems = []
    given = policy.model_fields_set
    if "min_text_bytes" in given and policy.min_text_bytes < floor.min_text_bytes:
        problems.append(f"min_text_bytes {policy.min_text_bytes} is below {floor.min_text_bytes}")
    if floor.languages and policy.languages and not set(policy.languages) <= set(floor.languages):
        extra = sorted(set(policy.languages) - set(floor.languages))
        problems.append(f"languages {', '.join(extra)} are not among {', '.join(floor.languages)}")
    if "min_language_score" in given and policy.min_language_score < floor.min_language_score:
        problems.append(f"min_language_score {policy.min_language_score} is below {floor.min_language_score}")
    if problems:
        raise RecipeError(
            f"the policy is looser than the floor: {'; '.join(problems)}",
            where="policy",
            expected="at least the floor, on which duplicates were measured",
            next_step="lower `floor:` in the recipe and build again",
        )


def _resolve(rules: RuleSet, versions: set[str]) -> list[tuple[str, Rule]]:
    """Named rules of one rule set; records the text versions of its profiles."""
    found: dict[str, Rule] = {}
    for profile_name in rules.profiles:
        chosen = profile(profile_name)
        versions.add(chosen.text_version)
        for rule in chosen.rules:
            found[f"{profile_name}/{rule.name}"] = rule
    for rule in rules.rules:
        found[f"policy/{rule.name}"] = rule
    for name in rules.disable:
        for match in _match(name, found, "disable"):
            del found[match]
    for name, keep in rules.thresholds.items():
        for match in _match(name, found, "thresholds"):
            old = found[match]
            found[match] = Rule(name=old.name, signal=old.signal, keep=keep, if_null=old.if_null, source="recipe")
    return list(found.items())


def _match(name: str, found: Iterable[str], where: str) -> list[str]:
    """Full names that `name` means: itself, or every profile's rule of that name."""
    names = list(found)
    matches = [full for full in names if full == name or full.partition("/")[2] == name]
    if not matches:
        nearest = nearest_name(name, [*names, *[n.partition("/")[2] for n in names]])
        hint = f"did you mean `{nearest}`?" if nearest else f"rules here: {', '.join(names) or 'none'}"
        raise RecipeError(f"no rule named `{name}`; {hint}", where=f"policy.{where}")
    return matches


def _check_signal(named: NamedRule) -> None:
    name, rule = named.rule.signal_name, named.rule
    if name in DOCUMENT_SIGNALS:
        kind = DOCUMENT_SIGNALS[name]
    elif (found := find_signal(name)) is not None:
        kind = found[1].type
    else:
        raise RecipeError(f"rule `{named.name}` reads the unknown signal `{name}`; {signal_hint(name)}", where="policy")
    values = rule.operand if isinstance(rule.operand, list) else [rule.operand]
    for value in values:
        numeric = isinstance(value, int | float) and not isinstance(value, bool)
        fits = numeric if kind in NUMERIC else isinstance(value, bool if kind == "bool" else str)
        if not fits:
            raise RecipeError(
                f"rule `{named.name}` compares `{name}` with {value!r}",
                where="policy",
                expected=f"a value of type {kind}",
            )
        if kind not in NUMERIC and rule.operator in ("<", "<=", ">", ">="):
            raise RecipeError(
                f"rule `{named.name}` orders `{name}`, a {kind}", where="policy", expected="==, !=, in, not in"
            )


def needed_families(recipe: Recipe, compiled: CompiledPolicy) -> dict[tuple[str, str], dict[str, object]]:
    """(family, text version) -> options: everything to be measured for a recipe."""
    wanted: dict[tuple[str, str], dict[str, object]] = {}
    named = signal_options(recipe)

    def options_of(name: str) -> dict[str, Any]:
        return named[name] if name in named else family(name).complete_options({})

    sets = recipe.decontaminate.sets if recipe.decontaminate else ()
    measured_apart = {
        *(family_name(one.name) for one in sets),
        *(f"datatrove_{step.name}" for step in recipe.datatrove_steps),
        *map(score_family, recipe.scores),
        *_families_of_sets(recipe),
    }
    for name, version in compiled.needed:
        if name in measured_apart and version == ORIGINAL:
            continue
        wanted[name, version] = options_of(name)
    for name in named:
        wanted[name, ORIGINAL] = options_of(name)
    upweighted = upweight_signal(recipe.mix)
    if upweighted is not None and signal_family(upweighted) not in measured_apart:
        name = signal_family(upweighted)
        wanted[name, ORIGINAL] = options_of(name)
    for key in (*recipe.dedup.exact_order, *recipe.dedup.near_order):
        if key.startswith(("highest ", "lowest ")):
            found, signal = _known_signal(key.split()[1])
            name, kind = found.name, signal.type
            if kind not in NUMERIC:
                raise RecipeError(f"`{key}` orders a {kind}", where="dedup: survivor", expected="a numeric signal")
            if name not in measured_apart:
                wanted[name, ORIGINAL] = options_of(name)
    answers = answers_family(recipe)
    if answers is not None:
        wanted[answers] = options_of(answers[0])
    scoring = scoring_of(recipe)
    for key, _ in scoring.read.values() if scoring is not None else ():
        if key[0] not in measured_apart:
            wanted[key] = options_of(key[0])
    for key, _ in balance_signals(recipe).values():
        if key[0] not in measured_apart:
            wanted[key] = options_of(key[0])
    if recipe.preferences is not None and recipe.rows == PAIR:
        wanted |= {(name, ORIGINAL): options_of(name) for name in OF_PAIRS}
    waiting = [name for name, _ in wanted]
    while waiting:
        for read in family(waiting.pop()).inputs:
            name = signal_family(read)
            if (name, ORIGINAL) not in wanted:
                wanted[name, ORIGINAL] = options_of(name)
                waiting.append(name)
    return wanted


def _families_of_sets(recipe: Recipe) -> set[str]:
    """Families that steps measure on the whole set, and that this recipe asks for."""
    found = {"contradictions"} if recipe.contradictions is not None else set()
    if recipe.preferences is not None:
        found |= {"pair_cycles"} if recipe.preferences.cycles else set()
        found |= {"label_noise"} if recipe.preferences.label_noise is not None else set()
    return found


def balance_signals(recipe: Recipe) -> dict[str, tuple[FamilyKey, str]]:
    """What balance reads: signal as written -> (its family and version, its name). RecipeError for what makes no strata."""
    found: dict[str, tuple[FamilyKey, str]] = {}
    for number, entry in enumerate(recipe.policy.balance):
        where = f"policy.balance.{number}"
        if entry.by == LENGTH:
            if recipe.rows != PAIR:
                raise RecipeError(
                    "lengths are balanced between the answers of a pair", where=where, expected="`rows: pair`"
                )
            found |= {name: (("pair_lengths", ORIGINAL), name) for name in ("chosen_characters", "rejected_characters")}
            continue
        name, _, version = entry.by.partition("@")
        owner, signal = _known_signal(name)
        if (signal.type in NUMERIC) != bool(entry.edges):
            raise RecipeError(
                f"`{name}` is a {signal.type}, and {'edges are given' if entry.edges else 'no edges are given'}",
                where=where,
                expected="`edges:` between the strata of a number, and none of other signals",
            )
        key = (owner.name, checked_version(version or ORIGINAL, row_kind(recipe.rows), where))
        _check_kind(owner, key[1], recipe.rows)
        found[entry.by] = (key, name)
    return found


@dataclass(frozen=True)
class Scoring:
    """What a selection orders rows by. read: signal as written -> (its family and text version, its name)."""

    expression: ScoreExpression
    read: Mapping[str, tuple[FamilyKey, str]]


def scoring_of(recipe: Recipe) -> Scoring | None:
    """What a selection orders rows by, None without one; RecipeError for a signal that is no number or unknown."""
    select = recipe.selection
    if select is None or select.by is None:
        return None
    expression = parse_score(select.by)
    read: dict[str, tuple[FamilyKey, str]] = {}
    for written in expression.signals:
        name, _, version = written.partition("@")
        found, signal = _known_signal(name)
        if signal.type not in NUMERIC:
            raise RecipeError(f"`{name}` is a {signal.type}", where="select.by", expected="a numeric signal")
        key = (found.name, checked_version(version or ORIGINAL, row_kind(recipe.rows), "select.by"))
        read[written] = (key, name)
    return Scoring(expression, read)


def answers_family(recipe: Recipe) -> FamilyKey | None:
    """The family of final answers on the view that contradictions are looked for in; None where they are not."""
    if recipe.contradictions is None:
        return None
    kind = row_kind(recipe.rows)
    view = recipe.contradictions.answers or next(
        (name for name in ("response", "answer") if name in kind.views), ORIGINAL
    )
    return "final_answer", checked_version(view, kind, "contradictions.answers")


def upweight_signal(mix: Mix | None) -> str | None:
    """The signal that a mix reads; RecipeError when there is none of that name, or it is no number."""
    if mix is None or mix.upweight is None or mix.upweight.by == CLUSTER_SIZE:
        return None
    found = find_signal(mix.upweight.by)
    if found is None or found[1].type not in NUMERIC:
        raise RecipeError(
            f"documents cannot be upweighted by {mix.upweight.by!r}",
            where="mix.upweight",
            expected=f"{CLUSTER_SIZE} or a numeric signal; `gristmill signals` lists them",
        )
    return mix.upweight.by


def signal_family(signal: str) -> str:
    """The family that measures `signal`; RecipeError when none does."""
    return _known_signal(signal)[0].name


def _known_signal(name: str) -> tuple[Family, Signal]:
    found = find_signal(name)
    if found is None:
        raise RecipeError(f"the signal `{name}` is unknown; {signal_hint(name)}")
    return found
