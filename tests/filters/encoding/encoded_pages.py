"""Pages in 33 charsets, declared in twelve ways, for the tests and for benchmarks/encodings.py.

The sentences are our own. A charset is tried on languages that were written in it.
"""

import random
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

SENTENCES = {
    "fr": (
        "Le meunier a réparé la vieille roue pendant l'été, et ses élèves l'ont aidé.",
        "Où était la clé du grenier ? Personne ne l'avait cherchée à côté du four.",
        "Un tonnelier façonnait des fûts là-bas, près du chêne brûlé par l'orage.",
    ),
    "de": (
        "Der Müller öffnete die Tür, als die Glocken schon längst verklungen waren.",
        "Für größere Säcke brauchte man stärkere Männer und ein breiteres Gefährt.",
        "Über dem Fluß hing Nebel, während drüben die ersten Kühe muhten.",
    ),
    "es": (
        "El niño de la montaña soñaba con un río más ancho que el océano.",
        "¿Quién cerró el camión? Mañana será otro día, dijo la señora.",
        "La canción de otoño habló de pájaros, leña y jardines vacíos.",
    ),
    "pl": (
        "Młynarz zamknął drzwi, gdy usłyszał źrebię rżące pod jabłonią.",
        "Czy ktoś widział, dokąd odjechał wóz pełen mąki i świeżych bułek?",
        "Żółte liście spadały na łąkę, a dzieci zbierały kasztany koło młyna.",
    ),
    "cs": (
        "Mlynář zavřel dveře, když uslyšel hříbě řehtat pod starou jabloní.",
        "Viděl někdo, kam odjel vůz plný mouky a čerstvých housek?",
        "Žluté listí padalo na louku a děti sbíraly kaštany u řeky.",
    ),
    "hu": (
        "A molnár becsukta az ajtót, mert erős szél fújt az őszi erdő felől.",
        "Hová tűnt a szekér, amely tele volt liszttel és friss kenyérrel?",
        "A gyerekek gesztenyét gyűjtöttek a vízimalom mögött, a hűvös völgyben.",
    ),
    "ru": (
        "Мельник закрыл дверь, когда услышал, как под яблоней заржал жеребёнок.",
        "Кто-нибудь видел, куда уехала телега, полная муки и свежего хлеба?",
        "Жёлтые листья падали на луг, а дети собирали каштаны у реки.",
    ),
    "uk": (
        "Мірошник зачинив двері, коли почув, як під яблунею заіржало лоша.",
        "Хтось бачив, куди поїхав віз, повний борошна і свіжого хліба?",
        "Жовте листя падало на луку, а діти збирали каштани біля річки.",
    ),
    "bg": (
        "Мелничарят затвори вратата, когато чу жребчето да цвили под ябълката.",
        "Видя ли някой накъде тръгна каруцата, пълна с брашно и пресен хляб?",
        "Жълтите листа падаха върху ливадата, а децата събираха кестени край реката.",
    ),
    "el": (
        "Ο μυλωνάς έκλεισε την πόρτα όταν άκουσε το πουλάρι κάτω από τη μηλιά.",
        "Είδε κανείς πού πήγε το κάρο με το αλεύρι και το φρέσκο ψωμί;",
        "Τα κίτρινα φύλλα έπεφταν στο λιβάδι και τα παιδιά μάζευαν κάστανα.",
    ),
    "tr": (
        "Değirmenci kapıyı kapattı, çünkü elma ağacının altında bir tay kişniyordu.",
        "Un ve taze ekmek dolu arabanın nereye gittiğini gören oldu mu?",
        "Sarı yapraklar çayıra düşüyor, çocuklar ırmağın kıyısında kestane topluyordu.",
    ),
    "he": (
        "הטוחן סגר את הדלת כאשר שמע את הסייח צוהל מתחת לעץ התפוח.",
        "האם מישהו ראה לאן נסעה העגלה המלאה בקמח ובלחם טרי?",
        "עלים צהובים נשרו על האחו והילדים אספו ערמונים ליד הנהר.",
    ),
    "ar": (
        "أغلق الطحان الباب عندما سمع صوت المهر تحت شجرة التفاح القديمة.",
        "هل رأى أحد إلى أين ذهبت العربة المليئة بالدقيق والخبز الطازج؟",
        "سقطت الأوراق الصفراء على المرج وجمع الأطفال الكستناء قرب النهر.",
    ),
    "lt": (
        "Malūnininkas uždarė duris, kai išgirdo po obelimi žvengiantį kumeliuką.",
        "Ar kas matė, kur nuvažiavo vežimas, pilnas miltų ir šviežios duonos?",
        "Geltoni lapai krito į pievą, o vaikai prie upės rinko kaštonus.",
    ),
    "lv": (
        "Dzirnavnieks aizvēra durvis, kad zem ābeles izdzirdēja kumeļu zviedzam.",
        "Vai kāds redzēja, kurp aizbrauca rati, pilni ar miltiem un svaigu maizi?",
        "Dzeltenās lapas krita pļavā, un bērni pie upes vāca kastaņus.",
    ),
    "et": (
        "Mölder sulges ukse, kui kuulis õunapuu all varssa hirnumas.",
        "Kas keegi nägi, kuhu sõitis vanker, mis oli täis jahu ja värsket leiba?",
        "Kollased lehed langesid niidule ja lapsed korjasid jõe ääres kastaneid.",
    ),
    "vi": (
        "Người thợ xay đóng cửa khi nghe tiếng ngựa con hí dưới gốc cây táo.",
        "Có ai thấy chiếc xe chở đầy bột mì và bánh mới đi về đâu không?",
        "Lá vàng rơi trên đồng cỏ, còn bọn trẻ nhặt hạt dẻ bên bờ sông.",
    ),
    "th": (
        "คนโม่แป้งปิดประตูเมื่อได้ยินเสียงลูกม้าร้องอยู่ใต้ต้นแอปเปิล",
        "มีใครเห็นไหมว่าเกวียนที่เต็มไปด้วยแป้งและขนมปังสดไปทางไหน",
        "ใบไม้สีเหลืองร่วงลงบนทุ่งหญ้า และเด็กๆ เก็บเกาลัดริมแม่น้ำ",
    ),
    "zh": (
        "磨坊主听见小马在苹果树下嘶叫，便关上了门。",
        "有没有人看见那辆装满面粉和新鲜面包的马车去了哪里？",
        "黄叶落在草地上，孩子们在河边捡栗子，直到天黑才回家。",
    ),
    "zh-Hant": (
        "磨坊主聽見小馬在蘋果樹下嘶叫，便關上了門。",
        "有沒有人看見那輛裝滿麵粉和新鮮麵包的馬車去了哪裡？",
        "黃葉落在草地上，孩子們在河邊撿栗子，直到天黑才回家。",
    ),
    "ja": (
        "粉屋は、りんごの木の下で子馬がいななくのを聞いて戸を閉めた。",
        "小麦粉と焼きたてのパンを積んだ荷馬車がどこへ行ったか、だれか見ましたか。",
        "黄色い葉が草原に落ち、子どもたちは川のほとりで栗を拾っていた。",
    ),
    "ko": (
        "방앗간 주인은 사과나무 아래에서 망아지가 우는 소리를 듣고 문을 닫았다.",
        "밀가루와 갓 구운 빵을 가득 실은 수레가 어디로 갔는지 본 사람이 있습니까?",
        "노란 잎이 풀밭에 떨어지고 아이들은 강가에서 밤을 주웠다.",
    ),
}


class Charset(NamedTuple):
    """label: as pages write it. codec: Python's encoder. languages: keys of SENTENCES."""

    label: str
    codec: str
    languages: tuple[str, ...]


_CHARSETS = """
utf-8=utf-8:fr pl ru el ar th zh ja ko;utf-16=utf-16-le:fr ru zh;utf-16be=utf-16-be:de ja
windows-1250=cp1250:pl cs hu;windows-1251=cp1251:ru uk bg;windows-1252=cp1252:fr de es;windows-1253=cp1253:el
windows-1254=cp1254:tr;windows-1255=cp1255:he;windows-1256=cp1256:ar;windows-1257=cp1257:lt lv et;windows-1258=cp1258:vi
windows-874=cp874:th;iso-8859-1=iso-8859-1:fr de es;iso-8859-2=iso-8859-2:pl cs hu;iso-8859-4=iso-8859-4:lt lv et
iso-8859-5=iso-8859-5:ru bg;iso-8859-6=iso-8859-6:ar;iso-8859-7=iso-8859-7:el;iso-8859-8=iso-8859-8:he
iso-8859-9=iso-8859-9:tr;iso-8859-13=iso-8859-13:lt lv et;iso-8859-15=iso-8859-15:fr de es;koi8-r=koi8_r:ru
koi8-u=koi8_u:uk;ibm866=cp866:ru;macintosh=mac_roman:fr de es;gb2312=gb2312:zh;gbk=gbk:zh;gb18030=gb18030:zh
big5=big5:zh-Hant;euc-jp=euc_jp:ja;shift_jis=cp932:ja;iso-2022-jp=iso2022_jp:ja;euc-kr=cp949:ko
"""
CHARSETS = [
    Charset(label, codec, tuple(languages.split()))
    for row in _CHARSETS.replace("\n", ";").strip(";").split(";")
    for names, languages in [row.split(":")]
    for label, codec in [names.split("=")]
]
RIGHT, NOTHING, UTF8, LATIN1, OTHER = "right", "nothing", "utf-8", "iso-8859-1", "another"
# (what HTTP says, what <meta> says); browsers believe HTTP before <meta>, both before the bytes.
WAYS = (
    (RIGHT, NOTHING),
    (NOTHING, RIGHT),
    (RIGHT, UTF8),
    (RIGHT, OTHER),
    (NOTHING, NOTHING),
    (UTF8, NOTHING),
    (NOTHING, UTF8),
    (LATIN1, NOTHING),
    (NOTHING, LATIN1),
    (UTF8, RIGHT),
    (LATIN1, RIGHT),
    (NOTHING, OTHER),
)


class EncodedPage(NamedTuple):
    """One page of the grid. text: the whole HTML as it should be read. declared: what HTTP says."""

    charset: Charset
    language: str
    way: tuple[str, str]
    raw: bytes
    text: str
    declared: str | None

    @property
    def browser_is_told_right(self) -> bool:
        """HTTP names the charset, or only <meta> speaks and names it (or, for wide charsets, what it must be)."""
        return RIGHT in (self.way[0], self.way[1] if self.way[0] == NOTHING else "")


def encoded(text: str, codec: str) -> tuple[bytes, str]:
    """(bytes, the text they stand for); tones of Vietnamese come apart in windows-1258."""
    if codec == "cp1258":
        text = "".join(_of_1258(c) for c in text)
    return text.encode(codec), text


def _of_1258(character: str) -> str:
    if _fits(character):
        return character
    parts = unicodedata.normalize("NFD", character)
    tones = "".join(c for c in parts if c in "\u0300\u0301\u0303\u0309\u0323")
    return unicodedata.normalize("NFC", "".join(c for c in parts if c not in tones)) + tones


def _fits(character: str) -> bool:
    try:
        return bool(character.encode("cp1258"))
    except UnicodeEncodeError:
        return False


def pages(charset: Charset, sentences: int = 3, seed: int = 1) -> Iterator[EncodedPage]:
    """A page in each language of the charset, declared in each of WAYS."""
    other = "shift_jis" if charset.label.startswith("gb") else "gb2312"
    for language in charset.languages:
        dice = random.Random(f"{charset.label} {language} {sentences} {seed}")
        chosen = [dice.choice(SENTENCES[language]) for _ in range(sentences)]
        for way in WAYS:
            http, meta = ({RIGHT: charset.label, NOTHING: None, OTHER: other}.get(said, said) for said in way)
            head = f'<meta charset="{meta}">' if meta else ""
            body = "".join(f"<p>{sentence}</p>\n" for sentence in chosen)
            html = (
                f"<!doctype html><html><head>{head}<title>{chosen[0][:20]}</title></head><body><nav><a href='/'>Home</a>"
                f" <a href='/contact'>Contact us</a></nav>{body}</body></html>"
            )
            raw, text = encoded(html, charset.codec)
            yield EncodedPage(charset, language, way, raw, text, http)
