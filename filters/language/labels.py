"""Language codes of the detectors -> ours: ISO 639-1 where one exists, else ISO 639-3 (the BCP 47 choice).

fastText lid.176 and CLD2 mostly speak ISO 639-1, with old codes and Wikipedia's own; GlotLID, OpenLID and NLLB speak
ISO 639-3 with a script (`eng_Latn`), where members stand for macro-languages (`arb` for Arabic, `cmn` for Chinese).
"""

from functools import cache

FASTTEXT_PREFIX = "__label__"

_WITHDRAWN = {"iw": "he", "in": "id", "jw": "jv", "ji": "yi", "mo": "ro", "bih": "bh"}
_MEANT = {
    "no": "nb",  # beside a label `nn`, Norwegian means Bokmål
    "als": "gsw",  # Wikipedia's code for Alemannic; in ISO 639-3 it is Tosk Albanian
    "sr-ME": "cnr",
    "zh-Hant": "zh",
    "zh-Hans": "zh",
}
_CLD2_NO_LANGUAGE = ("un", "xxx", "zzb", "zze", "zzh", "zzp", "tlh")  # unknown, and joke languages

# ISO 639-3 (with the usual members of macro-languages) -> ISO 639-1.
_ISO_639_1 = """
aa aar;ab abk;ae ave;af afr;ak aka twi fat;am amh;an arg;ar ara arb;as asm;av ava;ay aym ayr;az aze azj;ba bak;be bel;
bg bul;bi bis;bm bam;bn ben;bo bod;br bre;bs bos;ca cat;ce che;ch cha;co cos;cr cre;cs ces;cu chu;cv chv;cy cym;da dan;
de deu;dv div;dz dzo;ee ewe;el ell;en eng;eo epo;es spa;et est ekk;eu eus;fa fas pes prs;ff ful fuv;fi fin;fj fij;
fo fao;fr fra;fy fry;ga gle;gd gla;gl glg;gn grn gug;gu guj;gv glv;ha hau;he heb;hi hin;ho hmo;hr hrv;ht hat;hu hun;
hy hye;hz her;ia ina;id ind;ie ile;ig ibo;ii iii;ik ipk;io ido;is isl;it ita;iu iku;ja jpn;jv jav;ka kat;kg kon;ki kik;
kj kua;kk kaz;kl kal;km khm;kn kan;ko kor;kr kau knc;ks kas;ku kur kmr;kv kom;kw cor;ky kir;la lat;lb ltz;lg lug;li lim;
ln lin;lo lao;lt lit;lu lub;lv lav lvs;mg mlg plt;mh mah;mi mri;mk mkd;ml mal;mn mon khk;mr mar;ms msa zsm;mt mlt;
my mya;na nau;nb nob nor;nd nde;ne nep npi;ng ndo;nl nld;nn nno;nr nbl;nv nav;ny nya;oc oci;oj oji;om orm gaz;or ori ory;
os oss;pa pan;pi pli;pl pol;ps pus pbt;pt por;qu que quy quz;rm roh;rn run;ro ron;ru rus;rw kin;sa san;sc srd;sd snd;
se sme;sg sag;sh hbs;si sin;sk slk;sl slv;sm smo;sn sna;so som;sq sqi als;sr srp;ss ssw;st sot;su sun;sv swe;sw swa swh;
ta tam;te tel;tg tgk;th tha;ti tir;tk tuk;tl tgl fil;tn tsn;to ton;tr tur;ts tso;tt tat;ty tah;ug uig;uk ukr;ur urd;
uz uzb uzn;ve ven;vi vie;vo vol;wa wln;wo wol;xh xho;yi yid ydd;yo yor;za zha;zh zho cmn;zu zul
"""
_OF_639_3 = {three: row.split()[0] for row in _ISO_639_1.replace("\n", "").split(";") for three in row.split()[1:]}


# ISO 639-2's bibliographic codes, where they differ.
_BIBLIOGRAPHIC = """
alb sq;arm hy;baq eu;bur my;chi zh;cze cs;dut nl;fre fr;geo ka;ger de;gre el;ice is;mac mk;mao mi;may ms;per fa;rum ro;slo sk;
tib bo;wel cy
"""
_OF_BIBLIOGRAPHIC = dict(pair.split() for pair in _BIBLIOGRAPHIC.replace("\n", "").split(";"))


def code_of_iso_639(code: str) -> str | None:
    """Our code of an ISO 639 code of two or three letters, withdrawn ones too; None for what has no such form.

    >>> [code_of_iso_639(code) for code in ("en", "deu", "ger", "iw", "no", "yue", "english")]
    ['en', 'de', 'de', 'he', 'nb', 'yue', None]
    """
    if not (code.isascii() and code.isalpha() and code.islower() and len(code) in (2, 3)):
        return None
    code = _WITHDRAWN.get(code, code)
    code = _OF_BIBLIOGRAPHIC.get(code) or _OF_639_3.get(code, code)
    return "nb" if code == "no" else code


@cache
def language_of_fasttext(label: str) -> str:
    """Our code of a fastText label.

    >>> [language_of_fasttext(f"__label__{code}") for code in ("en", "no", "als", "eng_Latn", "als_Latn", "kbd_Cyrl")]
    ['en', 'nb', 'gsw', 'en', 'sq', 'kbd']
    """
    code = label.removeprefix(FASTTEXT_PREFIX)
    language, script, _ = code.partition("_")
    if not script:
        code = _WITHDRAWN.get(code, code)
        return _MEANT[code] if code in _MEANT else _OF_639_3.get(code, code)
    return _OF_639_3.get(language, language)


@cache
def language_of_cld2(code: str) -> str | None:
    """Our code of a CLD2 language; None for unknown, script-only (`xx-Goth`) and joke languages.

    >>> [language_of_cld2(code) for code in ("iw", "no", "zh-Hant", "xx-Goth", "un")]
    ['he', 'nb', 'zh', None, None]
    """
    if code in _CLD2_NO_LANGUAGE or code.startswith("xx-"):
        return None
    code = _WITHDRAWN.get(code, code)
    return _MEANT.get(code, code)
