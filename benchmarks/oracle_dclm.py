"""Run by the oracle's own Python in DCLM's folder: its RefinedWeb steps over JSON Lines of texts, answers as JSON Lines.

python oracle_dclm.py TEXTS.jsonl ANSWERS.jsonl

The steps and their arguments are read from DCLM's own dclm_baseline_refinedweb.yaml. Left out are those that read an
address or a language model (url_…, language_…, detect_lang_…). An answer has `cleaned` (the text after addresses and line
breaks are removed), `failed` (which filters drop the cleaned text, each asked alone), `lines` (the text after the line
rules) and `kept`: whether the chain as a whole keeps the page.
"""

import importlib
import json
import sys

import yaml

CONFIG = "baselines/baselines_configs/dclm_baseline_refinedweb.yaml"
MODULES = ("modifiers", "filters.content_filters", "enrichers.enrichers")
LEFT_OUT = ("move_url", "url_substring", "detect_lang", "language_filter")
CLEANING = ("url_removal_modifier", "newline_removal_modifier")


def steps() -> list:
    """(name, function of a page) in the order of the configuration."""
    from core.factory_utils import initialize_mapper, is_factory

    modules = [importlib.import_module(f"baselines.mappers.{name}") for name in MODULES]
    with open(CONFIG, encoding="utf-8") as file:
        listed = yaml.safe_load(file)[0]["steps"]
    found = []
    for step in listed:
        name = step.pop("func")
        if name.startswith(LEFT_OUT):
            continue
        function = next(getattr(module, name) for module in modules if hasattr(module, name))
        if is_factory(function):
            made = initialize_mapper(function, **step)
            found.append((name, lambda page, made=made: made(page)))
        else:
            found.append((name, lambda page, function=function, step=step: function(page, **step)))
    return found


def answer(text: str, chain: list) -> dict:
    page, found = {"text": text}, {"cleaned": "", "failed": [], "lines": "", "kept": True}
    modified = False
    for name, step in chain:
        if not name.endswith(("_modifier", "_enricher")) and not modified:  # a filter of the cleaned text
            if not step(dict(page)):
                found["failed"].append(name)
            continue
        left = step(page)
        if name in CLEANING:
            page = left[0] if left else {"text": ""}
            found["cleaned"] = page["text"]
        elif not left:
            if name == "word_removal_ratio_filter":
                found["failed"].append(name)
            page = {**page, "text": page["text"] if name == "word_removal_ratio_filter" else ""}
            found["kept"] = False
            break
        else:
            page = left[0]
        modified = modified or (name.endswith("_line_modifier") or name == "line_length_modifier")
    found["lines"] = page["text"]
    found["kept"] = found["kept"] and not found["failed"] and bool(page["text"])
    return found


def main(texts_path: str, answers_path: str) -> None:
    chain = steps()
    with open(texts_path, encoding="utf-8") as texts, open(answers_path, "w", encoding="utf-8") as out:
        for line in texts:
            out.write(json.dumps(answer(json.loads(line), chain)) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
