"""What `gristmill signals` and `gristmill profiles` print, and the reference pages under docs/ generated from it."""

import json
import textwrap

from gristmill.filters.profiles import PROFILES, profile
from gristmill.filters.registry import FAMILIES, NAMED_FAMILIES, family
from gristmill.schemas.signals import Family

_EXAMPLE = "name"


def _families() -> dict[str, Family]:
    """Every family by the name shown: `quality_<name>` for those that a recipe names."""
    named = {f"{prefix}_<{_EXAMPLE}>": family(f"{prefix}_{_EXAMPLE}") for prefix in NAMED_FAMILIES}
    return dict(sorted({**{name: family(name) for name in FAMILIES}, **named}.items()))


def _shown(signal: str, of: str) -> str:
    return signal.replace(f"_{_EXAMPLE}", f"_<{_EXAMPLE}>", 1) if "<" in of else signal


def list_signals(only: str | None = None) -> str:
    """Every family with its signals (name, type, unit, meaning) and its options (name, default, meaning)."""
    blocks = []
    for name, found in ({only: family(only)} if only else _families()).items():
        lines = [f"{name} (version {found.version}; {found.source})"]
        for signal in found.signals:
            null = f" Null when {signal.null_when}." if signal.null_when else ""
            text = f"{_shown(signal.name, name)} ({signal.type}, {signal.unit}): {signal.description}.{null}".replace(
                "..", "."
            )
            lines += textwrap.wrap(text, 110, initial_indent="  ", subsequent_indent="      ")
        for option, default, meaning in _options(found):
            lines += textwrap.wrap(
                f"option {option} ({default}): {meaning}.", 110, initial_indent="  ", subsequent_indent="      "
            )
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _options(of: Family) -> list[tuple[str, str, str]]:
    """The options of a family: name, default, meaning."""
    return [
        (name, "required" if field.is_required() else json.dumps(field.default), field.description or "")
        for name, field in of.options.model_fields.items()
    ]


def list_profiles(only: str | None = None) -> str:
    """Every profile with its description, or one with its rules."""
    if only is None:
        return "\n".join(f"{name}: {profile(name).description or profile(name).source}" for name in sorted(PROFILES))
    found = profile(only)
    lines = [f"{found.name} (version {found.version})", *textwrap.wrap(found.description, 110)]
    lines.append(f"text version: {found.text_version}; languages: {', '.join(found.languages) or 'any'}")
    for rule in found.rules:
        null = "; undefined: dropped" if rule.if_null == "drop" else ""
        lines.append(f"  {rule.name}: keep {rule.signal} {rule.keep}{null} ({rule.source})")
    return "\n".join(lines)


def signals_page() -> str:
    """docs/signals.md."""
    lines = [
        "# Signals",
        "",
        "Generated from the registry by `make docs`; do not edit. A signal is one typed column of `signals/<family>`,",
        "null where it is undefined.",
    ]
    for name, found in _families().items():
        lines += ["", f"## {name}", "", f"Version {found.version}. Source: {found.source}.", ""]
        lines += ["| signal | type | unit | what it is | null when |", "|---|---|---|---|---|"]
        for s in found.signals:
            lines.append(
                f"| `{_shown(s.name, name)}` | {s.type} | {s.unit} | {_cell(s.description)} | {_cell(s.null_when or '')} |"
            )
        if found.options.model_fields:
            lines += ["", "| option | default | what it says |", "|---|---|---|"]
            lines += [f"| `{option}` | {default} | {_cell(meaning)} |" for option, default, meaning in _options(found)]
    return "\n".join(lines) + "\n"


def profiles_page() -> str:
    """docs/profiles.md."""
    lines = ["# Profiles", "", "Generated from the registry by `make docs`; do not edit.", ""]
    lines.append("A document is kept when every rule of the policy's profiles holds.")
    for name in sorted(PROFILES):
        found = profile(name)
        lines += ["", f"## {name}", "", found.description, ""]
        lines.append(
            f"Version {found.version}; text version `{found.text_version}`; source: {found.source or 'below'}."
        )
        lines += ["", "| rule | signal | keep | undefined | source |", "|---|---|---|---|---|"]
        for rule in found.rules:
            lines.append(
                f"| {rule.name} | `{rule.signal}` | {_cell(rule.keep)} | {rule.if_null} | {_cell(rule.source)} |"
            )
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
