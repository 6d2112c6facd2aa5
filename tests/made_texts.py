"""Texts made from a small grammar: prose, toxic and clean sentences, and models trained on them."""

import json
import random
from collections.abc import Iterable
from pathlib import Path

from gristmill.console import Console
from gristmill.pipelines.signal_models.fasttext_options import FasttextOptions
from gristmill.pipelines.signal_models.sample import Labelled
from gristmill.pipelines.signal_models.train_fasttext import train_fasttext

NOUNS = ("miller", "river", "grain", "wheel", "bread", "village", "winter", "letter", "garden", "road", "bridge")
VERBS = ("carries", "watches", "repairs", "follows", "remembers", "describes", "visits", "crosses", "paints")
ADJECTIVES = ("old", "quiet", "heavy", "bright", "narrow", "patient", "distant", "wooden", "early", "careful")
INSULTS = ("grumblewort", "blatherskite", "snollygoster", "numpty")
SMALL = FasttextOptions(
    dimensions=8, epochs=20, learning_rate=0.3, buckets=2000, word_ngrams=2, character_ngrams=(2, 4)
)


def sentence(dice: random.Random) -> str:
    a, b, c = (dice.choice(NOUNS) for _ in range(3))
    start = f"The {dice.choice(ADJECTIVES)} {a} {dice.choice(VERBS)} the {b}"
    ends = (f" near the {c}.", f" while the {c} {dice.choice(VERBS)} the {dice.choice(ADJECTIVES)} {a}.", ".")
    return start + dice.choice(ends)


def story(dice: random.Random, sentences: int = 8) -> str:
    """Prose with names of many kinds in it, some in each sentence: texts that differ in how surprising they are."""
    names = ["".join(dice.choices(("ka", "lo", "mi", "ren", "tas", "vu", "bel", "dor"), k=3)).title() for _ in range(9)]
    lines = []
    for _ in range(sentences):
        extra = f" {dice.choice(('with', 'for', 'against'))} {dice.choice(names)}" * dice.choice((0, 0, 0, 1, 1, 3))
        lines.append(f"{sentence(dice)[:-1]}{extra}.")
    return " ".join(lines)


def prose(dice: random.Random, sentences: int = 8) -> str:
    return " ".join(sentence(dice) for _ in range(sentences))


def insult(dice: random.Random) -> str:
    return f"{sentence(dice)} You {dice.choice(INSULTS)}, you {dice.choice(ADJECTIVES)} {dice.choice(INSULTS)}!"


def write_texts(path: Path, texts: Iterable[str], **labels: str) -> Path:
    path.write_text("".join(json.dumps({"text": text, **labels}) + "\n" for text in texts), encoding="utf-8")
    return path


def insult_classifier(folder: Path, name: str = "rude", options: FasttextOptions = SMALL) -> Path:
    """A classifier of insults, learnt from labelled rows in CSV."""
    dice = random.Random(5)
    folder.mkdir(parents=True, exist_ok=True)
    rows = [(insult(dice), "rude") for _ in range(200)] + [(prose(dice, 2), "fine") for _ in range(200)]
    (folder / "rows.csv").write_text("id,words,kind\n" + "".join(f'{n},"{t}",{k}\n' for n, (t, k) in enumerate(rows)))
    rows_given = Labelled((str(folder / "rows.csv"),), "words", "kind", ("rude",))
    train_fasttext(folder / name, labelled=rows_given, options=options, console=Console(quiet=True))
    return folder / name
