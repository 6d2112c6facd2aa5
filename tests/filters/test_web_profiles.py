import pytest
from gristmill.filters.profiles import profile

from tests.filters.profile_oracle import failed_rules, measured

WEB_EN, WEB_ANY = profile("web-en"), profile("web-any")
PROSE = """The mill stands where the old road meets the river, and it has stood there for more than two hundred years.
Its wheel was turned by water that came down from the hills, and farmers from three villages brought their grain.
In the winter of that year the ice broke the dam; nobody could grind flour until the next spring.

Today a small museum shows how the stones were dressed and how much work a miller had to do before sunrise.
Visitors may touch the tools, climb to the loft and watch the gears with their wooden teeth move slowly again."""
CHINESE = """这座磨坊位于古道与河流相会之处，已经有两百多年的历史了。水轮由山上流下的水推动，三个村庄的农民把粮食运到这里。
那年冬天，冰块冲毁了水坝，直到第二年春天才有人能够磨面。如今，一座小博物馆向人们展示石磨的制作方法，以及磨坊主在日出之前要做多少工作。
参观者可以触摸各种工具，登上阁楼，观看木齿轮再次缓缓转动。附近的桥梁是后来修建的，它把河两岸的集市连接在一起，孩子们每天都从桥上走过去上学。
秋天的时候，山坡上的树叶变成红色，许多画家来到这里写生，他们的作品挂在镇上的茶馆里。"""


@pytest.mark.parametrize("chosen", [WEB_EN, WEB_ANY])
def test_prose_passes(chosen):
    assert failed_rules(chosen, [PROSE]) == [[]]


def test_text_without_spaces_passes_only_the_profile_for_any_language():
    assert failed_rules(WEB_ANY, [CHINESE]) == [[]]
    assert "few_words" in failed_rules(WEB_EN, [CHINESE])[0]


def words(count, length=5):
    return " ".join(f"{'abcdefghij'[i % 10]}{i:0{length - 1}d}" for i in range(count))


def lines(marked, unmarked, short):
    return "\n".join(
        [f"line {i} of this page ends well with its mark." for i in range(marked)]
        + [f"line {i} of this page ends without any mark" for i in range(unmarked)]
        + [f"short {i}" for i in range(short)]
    )


EN_LIMITS = [
    # rule, text, value of its signal, kept
    ("few_words", words(49), 49, False),
    ("few_words", words(50), 50, True),
    ("few_words", words(51), 51, True),
    ("many_words", words(99_999, 6), 99_999, True),
    ("many_words", words(100_000, 6), 100_000, True),
    ("many_words", words(100_001, 6), 100_001, False),
    ("short_words", "abc ab abc abc", 11 / 4, False),
    ("short_words", "abc abc", 3, True),
    ("short_words", "abc abcd", 3.5, True),
    ("short_words", "", None, False),
    ("long_words", "a" * 9, 9, True),
    ("long_words", "a" * 10, 10, True),
    ("long_words", "a" * 10 + " " + "a" * 11, 10.5, False),
    ("many_hashes", words(10), 0, True),
    ("many_hashes", words(9) + " #", 0.1, True),
    ("many_hashes", words(8) + " #", 1 / 9, False),
    ("many_ellipses", words(10), 0, True),
    ("many_ellipses", words(9) + " …", 0.1, True),
    ("many_ellipses", words(8) + " …", 1 / 9, False),
    ("few_alpha_words", "a b c d e f g 1 2 3", 0.7, False),
    ("few_alpha_words", "a b c d e f g h 2 3", 0.8, True),
    ("few_alpha_words", "a b c d e f g h i 3", 0.9, True),
    ("few_stop_words", "the mill the mill", 1, False),
    ("few_stop_words", "the mill and wheel", 2, True),
    ("few_stop_words", "the mill and the wheel of it", 3, True),
    ("many_bullet_lines", "\n".join(["- a"] * 8 + ["b"] * 2), 0.8, True),
    ("many_bullet_lines", "\n".join(["- a"] * 9 + ["b"]), 0.9, True),
    ("many_bullet_lines", "\n".join(["- a"] * 10), 1, False),
    ("many_ellipsis_lines", "\n".join(["a..."] * 2 + ["b"] * 8), 0.2, True),
    ("many_ellipsis_lines", "\n".join(["a..."] * 3 + ["b"] * 7), 0.3, True),
    ("many_ellipsis_lines", "\n".join(["a..."] * 4 + ["b"] * 6), 0.4, False),
    ("lorem_ipsum", "a lorem  ipsum", False, True),
    ("lorem_ipsum", "a Lorem Ipsum", True, False),
    ("few_sentences", lines(2, 0, 0), 2, False),
    ("few_sentences", lines(3, 0, 0), 3, True),
    ("few_sentences", lines(4, 0, 0), 4, True),
    ("few_terminal_lines", lines(2, 23, 0), 0.08, False),
    ("few_terminal_lines", lines(3, 22, 0), 0.12, True),
    ("few_terminal_lines", lines(4, 21, 0), 0.16, True),
    ("few_terminal_lines", "", None, False),
    ("many_short_lines", lines(34, 0, 66), 0.66, True),
    ("many_short_lines", lines(33, 0, 67), 0.67, True),
    ("many_short_lines", lines(32, 0, 68), 0.68, False),
    ("many_line_breaks", words(10) + "\n" * 2, 0.2, True),
    ("many_line_breaks", words(10) + "\n" * 3, 0.3, True),
    ("many_line_breaks", words(10) + "\n" * 4, 0.4, False),
    ("repeated_line_text", "a\nb\n" + "c" * 17 + "\na", 1 / 20, True),
    ("repeated_line_text", "a\nb\n" + "c" * 7 + "\na", 1 / 10, True),
    ("repeated_line_text", "a\nb\n" + "c" * 6 + "\na", 1 / 9, False),
    ("repeated_lines", "\n".join(["a"] * 3 + list("bcdefghi")), 2 / 11, True),
    ("repeated_lines", "\n".join(["a"] * 4 + list("bcdefg")), 3 / 10, True),
    ("repeated_lines", "\n".join(["a"] * 4 + list("bcdef")), 3 / 9, False),
    ("repeated_line_characters", "\n".join(["a"] * 2 + list("bcdefg")), 1 / 8, True),
    ("repeated_line_characters", "\n".join(["a"] * 2 + list("bcd")), 1 / 5, True),
    ("repeated_line_characters", "\n".join(["a"] * 2 + list("bc")), 1 / 4, False),
    ("repeated_paragraphs", "\n\n".join(["a"] * 3 + list("bcdefghi")), 2 / 11, True),
    ("repeated_paragraphs", "\n\n".join(["a"] * 4 + list("bcdefg")), 3 / 10, True),
    ("repeated_paragraphs", "\n\n".join(["a"] * 4 + list("bcdef")), 3 / 9, False),
    ("repeated_paragraph_characters", "\n\n".join(["a"] * 2 + list("bcdefg")), 1 / 8, True),
    ("repeated_paragraph_characters", "\n\n".join(["a"] * 2 + list("bcd")), 1 / 5, True),
    ("repeated_paragraph_characters", "\n\n".join(["a"] * 2 + list("bc")), 1 / 4, False),
]


def grams_page(n, covered, total):
    """`total` one-character words of which `covered` stand in one n-gram that occurs covered / n times."""
    rest = [chr(0x4E00 + i) for i in range(total - covered)]
    grams = [chr(0x3400 + i) for i in range(n)]
    out = []
    for _ in range(covered // n):
        out += [*grams, rest.pop()]
    return " ".join(out + rest)


def gram_limits():
    limits = {2: 0.20, 3: 0.18, 4: 0.16, 5: 0.15, 6: 0.14, 7: 0.13, 8: 0.12, 9: 0.11, 10: 0.10}
    for n, limit in limits.items():
        name = f"frequent_{n}gram" if n < 5 else f"repeated_{n}grams"
        copies = {2: 4, 3: 3, 4: 4, 5: 3, 6: 7, 7: 13, 8: 3, 9: 11, 10: 2}[n]
        at = round(copies * n / limit)  # words in all at which the share is the limit
        assert copies * n / at == limit
        for total in (at + 1, at, at - 1):
            yield name, grams_page(n, copies * n, total), copies * n / total, total >= at


@pytest.mark.parametrize(("name", "text", "value", "kept"), [*EN_LIMITS, *gram_limits()])
def test_each_rule_of_web_en_at_its_limit(name, text, value, kept):
    rule = next(rule for rule in WEB_EN.rules if rule.name == name)
    assert measured([text], rule.signal)[rule.signal] == [value]
    alone = WEB_EN.model_copy(update={"rules": (rule,)})
    assert failed_rules(alone, [text]) == [[] if kept else [name]]


@pytest.mark.parametrize(
    ("name", "characters", "kept"),
    [
        ("few_characters", 199, False),
        ("few_characters", 200, True),
        ("few_characters", 201, True),
        ("many_characters", 999_999, True),
        ("many_characters", 1_000_000, True),
        ("many_characters", 1_000_001, False),
    ],
)
def test_lengths_of_web_any(name, characters, kept):
    alone = WEB_ANY.model_copy(update={"rules": tuple(rule for rule in WEB_ANY.rules if rule.name == name)})
    assert failed_rules(alone, ["文" * characters]) == [[] if kept else [name]]


def test_every_rule_is_tested_and_named_once():
    names = [rule.name for rule in WEB_EN.rules]
    assert len(names) == len(set(names))
    assert {name for name, *_ in [*EN_LIMITS, *gram_limits()]} == set(names)
    assert {rule.name for rule in WEB_ANY.rules} - set(names) == {"few_characters", "many_characters"}
    assert all(rule.source for rule in (*WEB_EN.rules, *WEB_ANY.rules))
