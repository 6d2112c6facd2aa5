"""Words, links and sentence marks of blocks mean the same in every script."""

import numpy as np
import pytest
from gristmill.filters.dedup.pieces import UNSPACED_RANGES
from gristmill.filters.html.declared import declared
from gristmill.filters.html.extract import description_bytes, extract, label_table
from gristmill.filters.html.features import FEATURES, NAMES, block_features
from gristmill.filters.html.heads import Heads
from gristmill.filters.html.layout import HALF_WORDS, LINK_WORDS, MARKS, WORDS, Page
from gristmill.filters.html.page import read_page
from gristmill.filters.html.scripts import BETWEEN, HALF_WORD, LETTER, SENTENCE_MARK, character_kind

SENTENCES = {
    "Chinese": "河边的旧磨坊已经磨了三百年粮食，每当水位上涨，木轮依然转动；村里的人都来买面粉。",
    "Japanese": "川のそばの古い水車小屋は三百年のあいだ穀物をひいてきました。水が増えると、車輪は今も回ります。",
    "Thai": "โรงสีเก่าริมแม่น้ำบดข้าวมาสามร้อยปี และกังหันยังหมุนอยู่เมื่อน้ำขึ้น",
    "Burmese": "မြစ်ကမ်းနားက ကြိတ်စက်ဟောင်းသည် နှစ်သုံးရာကြာ စပါးကြိတ်ခဲ့သည်။ ဘီးသည် ယခုထိ လည်နေဆဲ ဖြစ်သည်။",
    "Korean": "강가의 오래된 방앗간은 삼백 년 동안 곡식을 빻았고, 물이 불어나면 바퀴는 지금도 돌아간다.",
    "Arabic": "طحنت الطاحونة القديمة على النهر الحبوب منذ ثلاثة قرون، وما زالت عجلتها تدور كلما ارتفع الماء؛ فهل تتوقف؟",
    "Hebrew": "הטחנה הישנה שעל הנהר טוחנת תבואה זה שלוש מאות שנה, וגלגלה עדיין מסתובב כשהמים עולים.",
    "Hindi": "नदी के किनारे की पुरानी चक्की तीन सौ साल से अनाज पीसती है। पानी चढ़ने पर उसका पहिया आज भी घूमता है।",
    "Russian": "Старая мельница у реки мелет зерно уже триста лет, и колесо её вращается, когда поднимается вода.",
    "German": "Die alte Mühle am Fluss mahlt seit drei Jahrhunderten Korn, und ihr Rad dreht sich, wenn das Wasser steigt.",
}


@pytest.mark.parametrize(
    ("kind", "characters"),
    [
        (LETTER, "aé€жابא한ठＡ９"),
        (HALF_WORD, "水の々〇ガไทຂမក𠀀豈ｶ"),
        (SENTENCE_MARK, "，。、！？：；．｡､،؛؟۔।၊។։፣"),
        (BETWEEN, "「」『』（）《》【】・～\u3000［］"),
    ],
)
def test_what_a_character_is_to_words(kind: int, characters: str) -> None:
    for character in characters:
        data = np.frombuffer(character.encode() + b"zzz", np.uint8)
        if character >= "\x80":
            assert character_kind(data, 0, len(data)) == kind, (character, hex(ord(character)))


def test_every_range_of_scripts_without_spaces() -> None:
    for first, last in UNSPACED_RANGES:
        data = np.frombuffer(chr(first).encode() + chr(last).encode(), np.uint8)
        kinds = {character_kind(data, 0, len(data)), character_kind(data, len(chr(first).encode()), len(data))}
        assert kinds <= {HALF_WORD, SENTENCE_MARK, BETWEEN}
        assert HALF_WORD in kinds


def test_a_character_that_is_cut_off_is_not_read_beyond_the_end() -> None:
    data = np.frombuffer("水水".encode(), np.uint8)
    assert [character_kind(data, 3, end) for end in (4, 5, 6)] == [LETTER, LETTER, HALF_WORD]


@pytest.mark.parametrize(
    ("text", "words", "halves", "marks"),
    [
        ("grind, and grind.", 3, 0, 2),
        ("磨粮食，磨面粉。", 3, 6, 2),
        ("用 GPU 磨3次", 4, 3, 0),  # GPU, 3, and three characters
        ("「水」と 火", 2, 3, 0),
        ("भूमि और जल।", 3, 0, 1),
        ("ماء، ونار؟", 2, 0, 2),
        ("강가의 방앗간.", 2, 0, 1),
        ("&#x6c34;&#27700;&#12290;", 1, 2, 1),
    ],
)
def test_words_and_marks_of_a_text(text: str, words: int, halves: int, marks: int) -> None:
    block = read_page(f"<p>{text}".encode()).blocks[0]
    assert (block[WORDS], block[HALF_WORDS], block[MARKS]) == (words, halves, marks)


@pytest.mark.parametrize("language", SENTENCES)
def test_inline_elements_make_no_words(language: str) -> None:
    sentence = SENTENCES[language]
    whole = read_page(f"<p>{sentence}".encode()).blocks[0]
    parted = read_page(("<p>" + "".join(f"<i>{character}</i>" for character in sentence)).encode()).blocks[0]
    assert parted[[WORDS, HALF_WORDS, MARKS]].tolist() == whole[[WORDS, HALF_WORDS, MARKS]].tolist()
    assert 11 <= whole[WORDS] <= 45


def feature(page: Page, name: str) -> list[float]:
    heads, rows = Heads(page), np.zeros((len(page.blocks), FEATURES), np.float32)
    said = (heads.bytes_of("<title>"), description_bytes(heads), declared(heads))
    block_features(page.text, page.blocks, page.elements, page.labels, *said, *label_table({}), rows)
    return rows[:, NAMES.index(name)].tolist()


@pytest.mark.parametrize("language", SENTENCES)
def test_a_list_of_links_is_all_links_in_every_script(language: str) -> None:
    links = "".join(f"<li><a href='/{n}'>{SENTENCES[language][n : n + 9]}</a></li>" for n in range(8))
    page = read_page(f"<ul>{links}</ul>".encode())
    assert page.blocks[:, LINK_WORDS].tolist() == page.blocks[:, WORDS].tolist()
    assert set(feature(page, "link_share")) == set(feature(page, "link_share_up_1")) == {1.0}


@pytest.mark.parametrize("language", SENTENCES)
def test_the_words_of_the_title_are_found_in_every_script(language: str) -> None:
    sentence = SENTENCES[language]
    half = sentence[: len(sentence) // 2].rpartition(" ")[0] or sentence[: len(sentence) // 2]
    page = read_page(f"<title>{half} | 12 34 56</title><p>{sentence}<p>90 91 92 93".encode())
    shared = feature(page, "title_share")
    assert shared[0] > 0.3
    assert shared[1] == 0


@pytest.mark.parametrize("language", SENTENCES)
def test_an_article_among_links_is_found_in_every_script(language: str) -> None:
    sentence = SENTENCES[language]
    links = "".join(f"<li class=nav-item><a href='/{n}'>{sentence[n : n + 8]}</a></li>" for n in range(12))
    teasers = "".join(f"<li><a href='/t{n}'>{sentence[n:]}</a></li>" for n in range(6))
    body = f"<h1>{sentence[:12]}</h1>" + "".join(f"<p>{number} {sentence} {sentence[::-1]}</p>" for number in "123")
    page = extract(
        f"<html><head><title>{sentence[:12]}</title></head><body><nav class=main-menu><ul>{links}</ul></nav>"
        f"<main><article class=post-content>{body}</article></main>"
        f"<aside class=related><ul>{teasers}</ul></aside><footer class=footer>{sentence[:6]}</footer></body></html>"
    )
    kept = [block.kept for block in page.blocks]
    assert [block.text[0] for block in page.blocks if block.kept][-3:] == ["1", "2", "3"]
    assert not any(kept[:12])
    assert not any(kept[16:])
