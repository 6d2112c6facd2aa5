"""What the score promises: the same thresholds for every language, and null for what no detector can know."""

import base64
import random
import string

import pyarrow as pa
import pytest
from gristmill.filters.language.identify import DEFAULT_FLOOR, measure

# Our own sentences in languages that only CLD2 knows, or only fastText.
ONE_DETECTOR = [
    ("zu", "Izolo ngihambe nomngane wami saya edolobheni ukuyothenga ukudla, sabuya ebusuku sesikhathele kakhulu."),
    ("xh", "Izolo ndihambe nomhlobo wam saya edolophini siyokuthenga ukutya, sabuya ebusuku sidiniwe kakhulu."),
    ("rw", "Ejo nagiye ku isoko kugura ibirayi n'ibishyimbo, nyuma nsubira mu rugo nimugoroba."),
    ("ha", "Jiya na je kasuwa domin in sayi kayan abinci, sannan na koma gida da yamma tare da abokina."),
    ("mi", "I haere au ki te toa i tēnei ata ki te hoko kai, ā, ka hoki mai au ki te kāinga i te ahiahi."),
    ("sn", "Nezuro ndakaenda kumusika neshamwari yangu kunotenga chikafu, tikadzoka kumba manheru."),
    ("st", "Maobane ke ile toropong le motswalle wa ka ho ya reka dijo, mme ra kgutla hae mantsiboya."),
    ("ast", "Ayeri fui cola mio hermana al mercáu pa mercar mazanes y pan, y depués tornamos pa casa andando."),
    (
        "sah",
        "Мин бэҕэһээ доҕорбун кытта куоракка бардым. Биһиги онно ас атыыластыбыт, онтон киэһэ дьиэбитигэр кэллибит уонна чэй "
        "истибит. Ол кэннэ мин кинигэ аахтым.",
    ),
]


def rows(texts: list[str], **options: object) -> list[dict]:
    return measure(pa.record_batch({"text": pa.array(texts, pa.large_string())}), options).to_pylist()


@pytest.mark.parametrize(("language", "text"), ONE_DETECTOR)
def test_languages_that_one_detector_knows_pass_the_same_thresholds(language: str, text: str) -> None:
    row = rows([text])[0]
    assert (row["language"], row["language_score"] >= 0.65) == (language, True)


def no_language(draw: random.Random) -> dict[str, str]:
    def letters(alphabet: str, count: int) -> str:
        return "".join(draw.choice(alphabet) for _ in range(count))

    return {
        "dna": letters("ACGT", 300),
        "dna in lines": "\n".join(letters("acgt", 60) for _ in range(8)),
        "protein": letters("ACDEFGHIKLMNPQRSTVWY", 200),
        "base64": base64.b64encode(draw.randbytes(300)).decode(),
        "base64 in lines": "\n".join(base64.b64encode(draw.randbytes(45)).decode() for _ in range(6)),
        "hex": draw.randbytes(120).hex(),
        "hex dump": "\n".join(f"{16 * n:08x}  " + " ".join(f"{b:02x}" for b in draw.randbytes(16)) for n in range(9)),
        "run": draw.choice(string.ascii_letters) * 80,
        "runs": " ".join(draw.choice(string.ascii_lowercase) * draw.randrange(3, 12) for _ in range(30)),
        "letters": " ".join(letters(string.ascii_lowercase, draw.randrange(2, 10)) for _ in range(40)),
        "cyrillic letters": " ".join(
            letters("абвгдежзиклмнопрстуфхцчшщыэюя", draw.randrange(2, 10)) for _ in range(40)
        ),
        "numbers": " ".join(f"{draw.randrange(10000)} kg" for _ in range(40)),
        "uuids": " ".join("-".join(draw.randbytes(n).hex() for n in (4, 2, 2, 2, 6)) for _ in range(6)),
        "codes": " ".join(letters(string.ascii_uppercase + string.digits, 8) for _ in range(30)),
        "markup": '<div class="a1"><span id="b2"></span></div><td width="9"></td>' * 6,
        "script": "for(var i=0;i<n;i++){a[i]=b[i]*c;if(!a[i]){d=f(i,x[i]);}}" * 4,
        "mojibake": "Мы долго гуляли по набережной и говорили о книгах, потом пошли домой.".encode().decode("latin-1"),
    }


@pytest.mark.parametrize("seed", range(3))
def test_texts_in_no_language_have_none(seed: int) -> None:
    texts = no_language(random.Random(seed))
    named = {
        kind: (row["language"], round(row["language_score"] or 0.0, 2))
        for kind, row in zip(texts, rows(list(texts.values())), strict=True)
        if row["language"] is not None
    }
    assert named == {}


@pytest.mark.parametrize("letters", [*"aKqéñшλא한漢", "ha", "lo", "абв"[:2], "漢字", "ア "])
def test_runs_of_one_or_two_letters_have_none(letters: str) -> None:
    assert [row["language"] for row in rows([letters * n for n in (12, 40, 1500)])] == [None] * 3


def invented(draw: random.Random, sentences: int) -> str:
    """Text of an invented language: syllables, some words far more often than others."""
    syllables = [
        c + v + e
        for c in ("b", "d", "kl", "m", "ng", "r", "sh", "t", "w", "z")
        for v in "aeiou"
        for e in ("", "", "l", "n")
    ]
    words = ["".join(draw.choices(syllables, k=draw.randrange(1, 4))) for _ in range(300)]
    weights = [1 / (n + 1) for n in range(300)]
    return " ".join(
        " ".join(draw.choices(words, weights, k=draw.randrange(4, 12))).capitalize() + "." for _ in range(sentences)
    )


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("cs", "Vcera vecer jsme prisli domu pozde, protoze vlak mel zase dve hodiny zpozdeni a nikdo nevedel proc."),
        ("vi", "Toi hom qua chung toi ve nha muon vi tau lai cham hai tieng va khong ai biet tai sao."),
        ("tr", "Dun aksam eve gec geldik cunku tren yine iki saat gecikti ve kimse bunun sebebini bilmiyordu."),
    ],
)
def test_latin_text_without_its_marks_is_known(language: str, text: str) -> None:
    row = rows([text])[0]
    assert (row["language"], row["language_score"] >= 0.65) == (language, True)


def test_a_language_that_no_detector_knows_seldom_has_one_and_never_a_score_that_recipes_ask_for() -> None:
    draw = random.Random(7)
    found = rows([invented(draw, 8) for _ in range(50)])
    assert sum(row["language"] is not None for row in found) <= 3
    assert all((row["language_score"] or 0) < 0.65 for row in found)


def test_the_score_stays_when_the_language_is_hidden() -> None:
    row = rows(["ACGTTGCAAC" * 20])[0]
    assert row["language"] is None
    assert row["language_score"] is None or row["language_score"] < DEFAULT_FLOOR


def test_near_languages_share_the_probability() -> None:
    """A line that is right in Croatian, Bosnian and Serbian alike is not told apart with certainty."""
    row = rows(["Idemo u grad da kupimo hranu."], min_score=0.0)[0]
    assert {row["language"], row["second_language"]} <= {"hr", "bs", "sr"}
    assert row["language_score"] < 0.8
    assert row["language_score"] + row["second_language_score"] <= 1


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("sr", "Данас је био леп дан, па смо после ручка шетали поред реке и разговарали о новим књигама."),
        (
            "sr",
            "Juče uveče smo prošetali pored reke. Posle večere smo razgovarali o tome šta ćemo da radimo sledeće nedelje.",
        ),
        (
            "hr",
            "Jučer navečer smo prošetali uz rijeku. Poslije večere razgovarali smo o tome što ćemo raditi sljedeći tjedan.",
        ),
        (
            "id",
            "Kemarin kami pergi ke pasar untuk membeli beras karena di rumah sudah tidak ada, lalu pulang naik mobil.",
        ),
        (
            "ms",
            "Semalam kami pergi ke pasar untuk membeli beras kerana di rumah sudah tiada, kemudian balik naik kereta.",
        ),
        ("nb", "Jeg vet ikke hvorfor hun ikke kom hjem i går, men vi får se hva de sier når de kommer i morgen."),
        ("nn", "Eg veit ikkje kvifor ho ikkje kom heim i går, men vi får sjå kva dei seier når dei kjem i morgon."),
    ],
)
def test_near_languages_are_told_apart_by_their_words(language: str, text: str) -> None:
    assert rows([text])[0]["language"] == language


def test_the_floor_can_be_moved() -> None:
    text = ["Si et plau, clica Entrar o Registre."]
    score = rows(text)[0]["language_score"]
    assert rows(text, min_score=0.0)[0]["language"] is not None
    assert rows(text, min_score=min(1.0, score + 1e-6))[0]["language"] is None
