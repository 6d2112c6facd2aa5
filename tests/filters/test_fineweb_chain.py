"""The chain against datatrove's four filters run one after the other on the same document."""

import random

import pytest
from datatrove.data import Document
from datatrove.pipeline.filters.c4_filters import C4QualityFilter
from datatrove.pipeline.filters.fineweb_quality_filter import FineWebQualityFilter
from datatrove.pipeline.filters.gopher_quality_filter import GopherQualityFilter
from datatrove.pipeline.filters.gopher_repetition_filter import GopherRepetitionFilter
from gristmill.filters.profiles import profile

from tests.filters.profile_oracle import failed_rules, text_version

CHAIN = profile("fineweb_chain")
NOUNS = [
    "river",
    "mill",
    "valley",
    "garden",
    "bridge",
    "castle",
    "forest",
    "meadow",
    "harbour",
    "village",
    "island",
    "miller",
    "wheel",
    "road",
    "stone",
    "field",
]
VERBS = [
    "crosses",
    "follows",
    "leaves",
    "reaches",
    "passes",
    "joins",
    "borders",
    "meets",
    "shades",
    "hides",
    "feeds",
    "cools",
]
ADJECTIVES = [
    "old",
    "new",
    "wide",
    "long",
    "deep",
    "tall",
    "dark",
    "warm",
    "cold",
    "grey",
    "quiet",
    "narrow",
    "steep",
    "broad",
]


def run_datatrove(text):
    """(kept, text, filter that dropped it)."""
    document = Document(text=text, id="0")
    steps = {
        "repetition": GopherRepetitionFilter(),
        "quality": GopherQualityFilter(),
        "c4": C4QualityFilter(filter_no_terminal_punct=False),
        "fineweb": FineWebQualityFilter(),
    }
    for name, step in steps.items():
        if not text or step.filter(document) is not True:
            return False, document.text, name
    return True, document.text, None


def sentence(source):
    a, b, c = source.sample(NOUNS, 3)
    d, e = source.sample(ADJECTIVES, 2)
    return (
        f"The {d} {a} {source.choice(VERBS)} the {e} {b}, and to that {c} belongs the rest of {source.randint(2, 99)}."
    )


def page(source, noise):
    """Prose with a share of the things the filters look for."""
    lines = []
    for _ in range(source.randint(6, 14)):
        lines.append(" ".join(sentence(source) for _ in range(source.randint(1, 3))))
        if source.random() < noise:
            lines.append(
                source.choice(
                    [
                        "Menu",
                        "Home | About us",
                        "Please turn on JavaScript now.",
                        "See our privacy policy for more of it.",
                        "It is not sourced [citation needed] [12]",
                        "A { stands here alone.",
                        "Lorem ipsum dolor sit amet.",
                        lines[0],
                        "- item and item",
                        "and so on...",
                        "",
                        "   ",
                        "x" * 1001 + " is long here.",
                    ]
                )
            )
    return source.choice(["\n", "\n\n", "\r\n"]).join(lines)


def made_pages():
    source = random.Random(7)
    short = [" ".join(sentence(source) for _ in range(count)) for count in (2, 2, 3, 3)]
    figures = [" ".join(f"{source.randint(100, 10**6)} {source.choice(NOUNS)}" for _ in range(80))]
    unmarked = ["\n".join(sentence(source).rstrip(".") for _ in range(12)) for _ in range(3)]
    return short + figures + unmarked + [page(source, noise) for noise in (0, 0, 0.1, 0.3, 0.6, 0.9) for _ in range(8)]


def test_decision_text_and_dropping_filter_equal_datatrove():
    texts = ["", " \n ", "Too short.", *made_pages()]
    peers = [run_datatrove(text) for text in texts]
    failed = failed_rules(CHAIN, texts)
    assert [not reasons for reasons in failed] == [kept for kept, _, _ in peers]
    names = [rule.name for rule in CHAIN.rules]
    filter_of = dict(zip(names, ["repetition"] * 14 + ["quality"] * 10 + ["c4"] * 3 + ["fineweb"] * 5, strict=True))
    assert [filter_of[reasons[0]] if reasons else None for reasons in failed] == [dropped for _, _, dropped in peers]
    rewritten = text_version(texts, CHAIN.text_version)
    assert [text for text, (kept, _, _) in zip(rewritten, peers, strict=True) if kept] == [
        text for kept, text, _ in peers if kept
    ]
    # the comparison means something only if each filter drops and keeps pages, and the kept text was rewritten
    assert {dropped for _, _, dropped in peers} == {"repetition", "quality", "c4", "fineweb", None}
    assert any(kept and text != original for original, (kept, text, _) in zip(texts, peers, strict=True))


@pytest.mark.parametrize("rule", [rule for rule in CHAIN.rules if rule.text_version != "original"])
def test_only_fineweb_reads_the_rewritten_text(rule):
    assert rule in CHAIN.rules[-5:]


def test_rule_names_are_unique():
    names = [rule.name for rule in CHAIN.rules]
    assert len(names) == len(set(names))
