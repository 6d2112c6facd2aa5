# mypy: disallow-untyped-defs=False
"""The script of the majority of a text's letters, as an ISO 15924 code.

The table comes from the character names of the running Python ("CYRILLIC SMALL LETTER A"). Letters shared by scripts
(modifier letters, mathematical alphabets) count for none. Han with at least a tenth of kana is `Jpan`, other Han `Hani`.
"""

import unicodedata
from functools import cache

import numpy as np
import pyarrow as pa
from gristmill.kernels.buffers import string_buffers
from gristmill.kernels.compile import kernel
from gristmill.kernels.vectors import LANES, range_mask, set_bits

# Start of the character name -> ISO 15924.
_OF_NAME = """
LATIN Latn;FULLWIDTH LATIN Latn;GREEK Grek;COPTIC Copt;CYRILLIC Cyrl;ARMENIAN Armn;HEBREW Hebr;ARABIC Arab;SYRIAC Syrc;
THAANA Thaa;NKO Nkoo;SAMARITAN Samr;MANDAIC Mand;DEVANAGARI Deva;BENGALI Beng;GURMUKHI Guru;GUJARATI Gujr;ORIYA Orya;
TAMIL Taml;TELUGU Telu;KANNADA Knda;MALAYALAM Mlym;SINHALA Sinh;THAI Thai;LAO Laoo;TIBETAN Tibt;MYANMAR Mymr;
GEORGIAN Geor;HANGUL Hang;HALFWIDTH HANGUL Hang;ETHIOPIC Ethi;CHEROKEE Cher;CANADIAN Cans;OGHAM Ogam;RUNIC Runr;
TAGALOG Tglg;HANUNOO Hano;BUHID Buhd;TAGBANWA Tagb;KHMER Khmr;MONGOLIAN Mong;LIMBU Limb;TAI LE Tale;NEW TAI LUE Talu;
BUGINESE Bugi;TAI THAM Lana;BALINESE Bali;SUNDANESE Sund;BATAK Batk;LEPCHA Lepc;OL CHIKI Olck;GLAGOLITIC Glag;
TIFINAGH Tfng;HIRAGANA Hira;KATAKANA Kana;HALFWIDTH KATAKANA Kana;BOPOMOFO Bopo;CJK Hani;IDEOGRAPHIC Hani;YI Yiii;
LISU Lisu;VAI Vaii;BAMUM Bamu;SYLOTI NAGRI Sylo;PHAGS-PA Phag;SAURASHTRA Saur;KAYAH LI Kali;REJANG Rjng;JAVANESE Java;
CHAM Cham;TAI VIET Tavt;MEETEI MAYEK Mtei;LINEAR A Lina;LINEAR B Linb;LYCIAN Lyci;CARIAN Cari;OLD ITALIC Ital;
GOTHIC Goth;OLD PERMIC Perm;UGARITIC Ugar;OLD PERSIAN Xpeo;DESERET Dsrt;SHAVIAN Shaw;OSMANYA Osma;OSAGE Osge;
ELBASAN Elba;CAUCASIAN ALBANIAN Aghb;VITHKUQI Vith;CYPRIOT Cprt;IMPERIAL ARAMAIC Armi;PALMYRENE Palm;NABATAEAN Nbat;
HATRAN Hatr;PHOENICIAN Phnx;LYDIAN Lydi;MEROITIC HIEROGLYPHIC Mero;MEROITIC CURSIVE Merc;KHAROSHTHI Khar;
OLD SOUTH ARABIAN Sarb;OLD NORTH ARABIAN Narb;MANICHAEAN Mani;AVESTAN Avst;INSCRIPTIONAL PARTHIAN Prti;
INSCRIPTIONAL PAHLAVI Phli;PSALTER PAHLAVI Phlp;OLD TURKIC Orkh;OLD HUNGARIAN Hung;HANIFI ROHINGYA Rohg;SOGDIAN Sogd;
OLD SOGDIAN Sogo;BRAHMI Brah;KAITHI Kthi;SORA SOMPENG Sora;CHAKMA Cakm;MAHAJANI Mahj;SHARADA Shrd;KHOJKI Khoj;
MULTANI Mult;KHUDAWADI Sind;GRANTHA Gran;NEWA Newa;TIRHUTA Tirh;SIDDHAM Sidd;MODI Modi;TAKRI Takr;AHOM Ahom;DOGRA Dogr;
WARANG CITI Wara;NANDINAGARI Nand;ZANABAZAR SQUARE Zanb;SOYOMBO Soyo;PAU CIN HAU Pauc;BHAIKSUKI Bhks;MARCHEN Marc;
MASARAM GONDI Gonm;GUNJALA GONDI Gong;MAKASAR Maka;CUNEIFORM Xsux;EGYPTIAN Egyp;ANATOLIAN Hluw;MRO Mroo;BASSA VAH Bass;
PAHAWH HMONG Hmng;MEDEFAIDRIN Medf;MIAO Plrd;TANGUT Tang;NUSHU Nshu;DUPLOYAN Dupl;NYIAKENG PUACHUE HMONG Hmnp;
WANCHO Wcho;MENDE KIKAKUI Mend;ADLAM Adlm;YEZIDI Yezi;CHORASMIAN Chrs;DIVES AKURU Diak;TOTO Toto;NAG MUNDARI Nagm;
KAWI Kawi;CYPRO-MINOAN Cpmn;OLD UYGHUR Ougr;KHITAN Kits;ELYMAIC Elym;TANGSA Tnsa
"""
_NAMES = dict(row.strip().rsplit(" ", 1) for row in _OF_NAME.replace("\n", "").split(";"))
NO_SCRIPT = "Zyyy"
SCRIPTS: tuple[str, ...] = (
    NO_SCRIPT,
    "Latn",
    "Hani",
    "Hira",
    "Kana",
    *sorted({*_NAMES.values()} - {"Latn", "Hani", "Hira", "Kana"}),
)
JAPANESE = len(SCRIPTS)  # an answer of the kernel, not of a letter
_LATN, _HANI, _HIRA, _KANA = 1, 2, 3, 4
_EVERY_LANE = 0xFFFFFFFF


@cache
def script_table() -> np.ndarray:
    """uint8 over all code points: index into SCRIPTS of a letter's script, 0 for what is no letter of one script."""
    index = {script: n for n, script in enumerate(SCRIPTS)}
    table = np.zeros(0x110000, np.uint8)
    for cp in range(0x110000):
        char = chr(cp)
        if unicodedata.category(char)[0] == "L":
            words = unicodedata.name(char, "").split(" ", 3)
            heads = (" ".join(words[:n]) for n in (3, 2, 1))
            table[cp] = index[next((_NAMES[head] for head in heads if head in _NAMES), NO_SCRIPT)]
    return table


@kernel
def _majority_scripts(data, offsets, table, counts, out):
    """Fill out with the script of each text; counts is scratch of len(SCRIPTS)."""
    for row in range(len(offsets) - 1):
        counts[:] = 0
        i = offsets[row]
        end = offsets[row + 1]
        slow_until = i
        while i < end:
            if i >= slow_until and i + LANES <= end:
                if range_mask(data, i, 0, 0x80) == _EVERY_LANE:
                    letters = range_mask(data, i, ord("A"), 26) | range_mask(data, i, ord("a"), 26)
                    counts[_LATN] += set_bits(letters)
                    i += LANES
                    continue
                slow_until = i + LANES
            b = data[i]
            if b < 0x80:
                cp = np.int64(b)
                i += 1
            elif b < 0xE0:
                cp = (np.int64(b & 0x1F) << 6) | (data[i + 1] & 0x3F)
                i += 2
            elif b < 0xF0:
                cp = (np.int64(b & 0x0F) << 12) | (np.int64(data[i + 1] & 0x3F) << 6) | (data[i + 2] & 0x3F)
                i += 3
            else:
                cp = (np.int64(b & 0x07) << 18) | (np.int64(data[i + 1] & 0x3F) << 12)
                cp |= (np.int64(data[i + 2] & 0x3F) << 6) | (data[i + 3] & 0x3F)
                i += 4
            counts[table[cp]] += 1
        counts[0] = 0
        kana = counts[_HIRA] + counts[_KANA]
        japanese = kana > 0 and 10 * kana >= kana + counts[_HANI]
        if japanese:
            counts[_HIRA] = kana + counts[_HANI]
            counts[_HANI] = 0
            counts[_KANA] = 0
        best = 0
        for script in range(1, len(counts)):
            if counts[script] > counts[best]:
                best = script
        out[row] = JAPANESE if japanese and best == _HIRA else best


SCRIPT_NAMES: tuple[str | None, ...] = (None, *SCRIPTS[1:], "Jpan")


def script_numbers(texts: pa.Array) -> np.ndarray:
    """Place in SCRIPT_NAMES (int64) of each text's majority script; 0 for a text without letters.

    A tie goes to the script that stands first in SCRIPTS.
    """
    data, offsets = string_buffers(texts)
    out = np.zeros(len(texts), np.int64)
    _majority_scripts(data, offsets, script_table(), np.zeros(len(SCRIPTS), np.int64), out)
    return out


def majority_scripts(texts: pa.Array) -> pa.Array:
    """ISO 15924 code (large_string) of each text's majority script; null for a text without letters."""
    return pa.array(SCRIPT_NAMES, pa.large_string()).take(pa.array(script_numbers(texts)))
