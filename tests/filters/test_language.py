"""Language identification: our own sentences in many scripts, hostile input, models, sampling, scripts, the vote."""

import hashlib
import struct
import unicodedata
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
from gristmill.filters.language.detectors import (
    LANGUAGES,
    NO_LANGUAGE,
    cld2_candidates,
    default_model,
)
from gristmill.filters.language.identify import FAMILY, measure
from gristmill.filters.language.labels import language_of_cld2, language_of_fasttext
from gristmill.filters.language.sample import samples
from gristmill.filters.language.scripts import SCRIPTS, majority_scripts, script_table
from gristmill.filters.registry import family
from gristmill.schemas.errors import ModelError, RecipeError
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.generated import examples

SENTENCES = [
    ("en", "Latn", "We walked along the river until the rain began, and then we ran home."),
    ("de", "Latn", "Gestern haben wir im Garten gesessen und über die Arbeit gesprochen."),
    ("fr", "Latn", "Hier soir nous avons mangé ensemble et parlé de notre prochain voyage."),
    ("es", "Latn", "Mi hermana trabaja en una librería pequeña cerca de la plaza mayor."),
    ("nb", "Latn", "Jeg vet ikke hvorfor hun ikke kom på skolen i går, men vi får se."),
    ("pl", "Latn", "Wczoraj wieczorem poszliśmy do kina, ale film był bardzo długi."),
    ("tr", "Latn", "Dün akşam arkadaşlarımla birlikte deniz kenarında yemek yedik."),
    ("vi", "Latn", "Hôm qua chúng tôi đi bộ dọc theo bờ sông và nói chuyện rất lâu."),
    ("zu", "Latn", "Izolo ngihambe nomngane wami saya edolobheni ukuyothenga ukudla."),
    ("ru", "Cyrl", "Вчера вечером мы долго гуляли по набережной и говорили о книгах."),
    ("uk", "Cyrl", "Учора ввечері ми довго гуляли містом і розмовляли про нові книжки."),
    ("mk", "Cyrl", "Вчера бевме на пазар и купивме леб, сирење и многу свежо овошје."),
    ("el", "Grek", "Χθες το βράδυ περπατήσαμε δίπλα στη θάλασσα και μιλήσαμε πολύ."),
    ("he", "Hebr", "אתמול בערב הלכנו לאורך החוף ודיברנו על הספרים שקראנו השנה."),
    ("ar", "Arab", "مشينا مساء أمس على شاطئ البحر وتحدثنا طويلا عن الكتب الجديدة."),
    ("fa", "Arab", "دیشب با دوستانم به پارک رفتیم و درباره کتاب‌های تازه گفتگو کردیم."),
    ("hi", "Deva", "कल शाम हम नदी के किनारे टहलने गए और देर तक बातें करते रहे।"),
    ("th", "Thai", "เมื่อวานเราเดินเล่นริมแม่น้ำและคุยกันเรื่องหนังสือเล่มใหม่"),
    ("zh", "Hani", "昨天晚上我们沿着河边散步，聊了很久关于新书的事情。"),
    ("ja", "Jpan", "昨日の夜、川沿いを散歩しながら新しい本について話しました。"),
    ("ko", "Hang", "어제 저녁에 우리는 강가를 걸으며 새로운 책에 대해 이야기했다."),
]


def rows(texts: list[str | None], **options: object) -> list[dict]:
    return measure(pa.record_batch({"text": pa.array(texts, pa.large_string())}), options).to_pylist()


@pytest.mark.parametrize(("language", "script", "text"), SENTENCES)
def test_sentences(language: str, script: str, text: str) -> None:
    row = rows([text])[0]
    assert (row["language"], row["script"]) == (language, script)
    assert 0.65 < row["language_score"] <= 1


def test_any_batch_split_gives_the_same_answer() -> None:
    texts = [text for _, _, text in SENTENCES]
    assert [row for text in texts for row in rows([text])] == rows(texts)


def test_detectors_alone() -> None:
    english, zulu = SENTENCES[0][2], SENTENCES[8][2]
    for detector in ("fasttext", "cld2"):
        other = {"fasttext": "cld2", "cld2": "fasttext"}[detector]
        row = rows([english], detector=detector)[0]
        assert row["language"] == row[f"{detector}_language"] == "en"
        assert row["language_score"] == row[f"{detector}_score"]
        assert row[f"{other}_language"] is row[f"{other}_score"] is row["language_agreement"] is None
    assert rows([english])[0]["language_agreement"] is True
    row = rows([zulu])[0]  # fastText's model has no Zulu
    assert (row["language"], row["cld2_language"], row["language_agreement"]) == ("zu", "zu", False)


@pytest.mark.parametrize("text", [None, "", "\x00", "\n\n", "12 345 !?", "😀😀", "\u2028\x85"])
def test_texts_without_letters_are_null(text: str | None) -> None:
    for detector in ("combined", "fasttext", "cld2"):
        assert set(rows([text], detector=detector)[0].values()) == {None}


def test_hostile_characters_do_not_change_the_answer() -> None:
    text = SENTENCES[2][2]
    broken = "\x00".join(text.split(" ")[:3]) + "\n\r\x1c" + "\x85\ufffe\ufdd0\U0001ffff ".join(text.split(" ")[3:])
    row = rows([broken])[0]
    assert (row["language"], row["cld2_language"], row["fasttext_language"]) == ("fr", "fr", "fr")
    assert rows(["Hello"])[0]["script"] == "Latn"


def test_min_score_hides_the_language_below_it() -> None:
    score = rows([SENTENCES[0][2]])[0]["language_score"]
    assert rows([SENTENCES[0][2]], min_score=score)[0]["language"] == "en"
    row = rows([SENTENCES[0][2]], min_score=score + 1e-9)[0]
    assert (row["language"], row["language_score"]) == (None, score)


def test_long_documents_are_read_beyond_their_head() -> None:
    german, english = SENTENCES[1][2], SENTENCES[0][2]
    row = rows([english + " " + (german + " ") * 400])[0]
    assert row["language"] == "de"
    row = rows([(german + " ") * 300 + (english + " ") * 130])[0]
    assert (row["language"], row["second_language"]) == ("de", "en")


@settings(max_examples=examples(200))
@given(
    st.lists(st.text(st.one_of(st.sampled_from("aé漢😀\n\x00\x85\ufffe"), st.characters(codec="utf-8")), max_size=60)),
    st.integers(1, 4),
    st.integers(1, 12),
)
def test_samples_are_valid_bounded_and_even(texts: list[str], windows: int, size: int) -> None:
    for text, sample in zip(texts, samples(pa.array(texts, pa.large_string()), windows, size), strict=True):
        decoded = sample.decode()
        assert decoded.index("\n") == len(decoded) - 1
        assert not any(unicodedata.category(char) == "Cc" for char in decoded[:-1])
        data = text.encode()
        if len(data) <= windows * size:
            assert len(decoded) == len(text) + 1
        else:
            assert len(sample) <= windows * (size + 1) + 1
            starts = [(len(data) - size) * w // max(windows - 1, 1) for w in range(windows)]
            parts = [data[a : a + size].decode(errors="ignore") for a in starts]
            assert len(decoded) == sum(map(len, parts)) + windows + 1


def script_plainly(text: str) -> str | None:
    table = script_table()
    counts = Counter(SCRIPTS[table[ord(char)]] for char in text)
    counts.pop("Zyyy", None)
    kana = counts["Hira"] + counts["Kana"]
    if kana and 10 * kana >= kana + counts["Hani"]:
        counts["Hira"], counts["Hani"], counts["Kana"] = kana + counts["Hani"], 0, 0
    best = max(SCRIPTS, key=lambda script: counts[script])
    if not counts[best]:
        return None
    return "Jpan" if best == "Hira" else best


@settings(max_examples=examples(200))
@given(st.lists(st.text(st.one_of(st.sampled_from("aя漢かカ한😀\u0301 1\n"), st.characters(codec="utf-8")))))
def test_script_kernel_is_the_reference(texts: list[str]) -> None:
    assert majority_scripts(pa.array(texts, pa.large_string())).to_pylist() == [script_plainly(text) for text in texts]


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("漢" * 9 + "か", "Jpan"),
        ("漢" * 10 + "か", "Hani"),
        ("ａｂ", "Latn"),
        ("aя", "Latn"),
        ("aяя", "Cyrl"),
        ("Ꭰᏸ", "Cher"),
        ("𐐀𐐁", "Dsrt"),
        ("ʰ1", None),
    ],
)
def test_scripts(text: str, script: str | None) -> None:
    assert majority_scripts(pa.array([text])).to_pylist() == [script]


def test_a_language_of_no_share_of_the_text_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    import pycld2

    greek, unknown = ("GREEK", "el", 97, 900.0), ("Unknown", "un", 2, 0.0)
    answers = iter([(greek, ("OROMO", "om", 0, 300.0), unknown), (unknown, greek, unknown), (unknown,) * 3])
    monkeypatch.setattr(pycld2, "detect", lambda *_, **__: (True, 9, next(answers)))
    found = cld2_candidates([b"one\n", b"two\n", b"three\n"])
    assert [[LANGUAGES[n] for n in row if n != NO_LANGUAGE] for row in found.numbers.tolist()] == [["el"], ["el"], []]
    assert found.scores[:, 0].tolist() == [0.97, 0.97, 0.0]
    assert found.strengths.tolist() == [900.0, 900.0, 0.0]


@pytest.mark.parametrize(
    ("label", "language"),
    [
        ("__label__no", "nb"),
        ("__label__als", "gsw"),
        ("__label__als_Latn", "sq"),
        ("__label__zsm_Latn", "ms"),
        ("__label__eng_Latn", "en"),
        ("__label__arb_Arab", "ar"),
        ("__label__ceb", "ceb"),
        ("__label__kbd_Cyrl", "kbd"),
    ],
)
def test_fasttext_labels(label: str, language: str) -> None:
    assert language_of_fasttext(label) == language


@pytest.mark.parametrize(
    ("code", "language"),
    [("iw", "he"), ("no", "nb"), ("jw", "jv"), ("zh-Hant", "zh"), ("sr-ME", "cnr"), ("xx-Goth", None), ("zzp", None)],
)
def test_cld2_codes(code: str, language: str | None) -> None:
    assert language_of_cld2(code) == language


def test_every_cld2_code_is_ours_or_none() -> None:
    import pycld2

    for _, code in pycld2.LANGUAGES:
        language = language_of_cld2(code)
        assert language is None or (language.isalpha() and language.islower() and len(language) in (2, 3)), code


def test_default_model_is_the_published_file() -> None:
    expected = "8f3472cfe8738a7b6099e8e999c3cbfae0dcd15696aac7d7738a8039db603e83"
    assert hashlib.sha256(default_model().read_bytes()).hexdigest() == expected


def test_another_model_with_script_labels(tmp_path: Path) -> None:
    import fasttext

    train, model = tmp_path / "train.txt", tmp_path / "model.bin"
    english, german = "the river and the rain ", "der Regen und der Fluss "
    train.write_text(f"__label__eng_Latn {english}\n__label__deu_Latn {german}\n" * 50)
    # fastText 0.9.3 sets the first weights in ten equal blocks, one a thread; a rest is whatever memory holds
    supervised = fasttext.train_supervised(str(train), dim=10, epoch=50, lr=0.2, thread=10, verbose=0, minCount=1)
    supervised.save_model(str(model))
    found = rows([english, german], detector="fasttext", model=str(model))
    assert [row["language"] for row in found] == ["en", "de"]
    assert [row["second_language"] for row in found] == ["de", "en"]
    assert all(row["language_score"] <= 1 for row in found)
    fasttext.train_unsupervised(str(train), dim=10, epoch=1, thread=10, verbose=0, minCount=1).save_model(str(model))
    with pytest.raises(ModelError, match="word vectors"):
        FAMILY.check_options({"model": str(model)})


def test_unusable_models_and_options_are_errors_before_anything_runs(tmp_path: Path) -> None:
    check = family("language").check_options
    check({})
    with pytest.raises(ModelError, match="no such file"):
        check({"model": str(tmp_path / "none.bin")})
    wrong = tmp_path / "wrong.bin"
    for content in (b"", b"not a model at all, but long enough for a header"):
        wrong.write_bytes(content)
        with pytest.raises(ModelError, match="not a fastText model"):
            check({"model": str(wrong)})
    wrong.write_bytes(struct.pack("<14id", 793712314, 12, *[0] * 6, 1, 3, *[0] * 5))
    with pytest.raises(ModelError, match="unreadable"):
        check({"model": str(wrong)})
    check({"model": str(wrong), "detector": "cld2"})
    for options in ({"detector": "cld3"}, {"windows": 0}, {"window_bytes": 0}, {"detectors": "cld2"}):
        with pytest.raises(RecipeError):
            check(options)
