"""What stands around a book's text: title pages and imprints, tables of contents, marks of pictures, notes of transcribers."""

import re
from collections import Counter
from collections.abc import Sequence

_CONTENTS = re.compile(
    r"^\W*(?:(?:table of )?contents|list of illustrations|illustrations|inhalt(?:sverzeichnis|sübersicht)?|table "
    r"des mati[eè]res|"
    r"table|sommaire|indice|índice|sommario|indice generale|inhoud(?:sopgave)?|innehåll(?:sförteckning)?|innehall|indhold|"
    r"innhold|sisällys(?:luettelo)?|spis (?:treści|rzeczy)|obsah|tartalom|cuprins|содержание|оглавление|зміст|περιεχόμενα|"
    r"içindekiler|目\s*次|目\s*录|目\s*錄|차례)\W*$",
    re.IGNORECASE,
)
_ENDS_IN_NUMBER = re.compile(r"(?:\s|\.|…|_|-)\s*(?:\d{1,4}|[ivxlcIVXLC]{1,7})\.?\s*$")
_NOTE = re.compile(
    r"^\W*(?:transcriber(?:['’]?s|s['’])?(?:['’]s)?\s+notes?\b|note(?:s)? (?:du|de) transcript|notes? on (?:the "
    r")?transcription|"
    r"anmerkung(?:en)? (?:zur|des|der) (?:transkription|bearbeit|transcri)|nota(?:s)? del? transcri|not[ae] del trascritt|"
    r"opmerkingen van de bewerker|noot van de bewerker|digitizer['’]s note|e-?text (?:editor|prepar))",
    re.IGNORECASE,
)
_CREDITS = re.compile(
    r"^\W*(?:(?:this )?e-?(?:text|book) (?:was )?(?:prepared|produced|created|scanned|transcribed|entered) (?:by|from)|"
    r"(?:html version|digitized|digitised|scanned|transcribed|prepared|proofed|scanned and proofed) by |"
    r"produced by .{0,400}(?:proofread|pgdp|distributed|gutenberg|[\w.]+@[\w.]+|$)|note: (?:project gutenberg|"
    r"images of the original))"
    r"|distributed\s+proofread|www\.pgdp\.net|\bpgdp\.net",
    re.IGNORECASE | re.DOTALL,
)
_PICTURE = re.compile(
    r"\[\s*(?:illustrati\w*|illustrazion\w*|abbildung|ilustraci[oó]n\w*|gravure|figure|frontispiece|decoration|image|bild|afbeelding|music|"
    r"blank page|handwritten)\b[^\[\]]{0,600}\]",
    re.IGNORECASE,
)
_BRACKETED_NOTE = re.compile(
    r"\[\s*(?:transcriber|anmerkung zur transkription|note du transcripteur)[^\[\]]{0,1500}\]", re.IGNORECASE
)
_CHAPTER = re.compile(
    r"^\W*(?:(?:chapter|book|part|act|scene|canto|letter|section|volume|kapitel|buch|teil|akt|szene|chapitre|livre|partie|acte|scène|"
    r"cap[ií]tulo|libro|parte|capitolo|atto|hoofdstuk|deel|kapittel|luku|rozdział|глава|часть|第)\b\s*[\divxlcIVXLC一-十百]|"
    r"(?:preface|introduction|prologue|foreword|vorwort|einleitung|préface|prologo|prefazione|voorwoord|preamble)\W*$|"
    r"[IVXLC]{1,7}\.?\s*$)",
    re.IGNORECASE,
)
_CHAPTER_NUMBER = re.compile(r"^\W*(?:[^\W\d_]{3,9}\.?\s+)?(?:\d{1,3}|[IVXLC]{1,7})\s*[.:)—-]*\s+")
_LETTERS = re.compile(r"[^\W\d_]+")
_SENTENCE = re.compile(r"[.!?…。！？]")
_PROSE_CHARACTERS = 220
_MAX_ENTRY_CHARACTERS = 90
_FEWEST_ENTRIES = 3
_MAX_FRONT_SHARE = 0.08
_MAX_FRONT_PARAGRAPHS = 150
_HEAD_PARAGRAPHS = 60
_HEADING_PARAGRAPHS = 6

Paragraph = list[str]


def is_chapter_heading(line: str) -> bool:
    """Whether a line begins as headings of chapters do.

    >>> is_chapter_heading("CHAPTER IV. The Mill"), is_chapter_heading("Chapters are long.")
    (True, False)
    """
    return _CHAPTER.match(line[:_MAX_ENTRY_CHARACTERS]) is not None


def _characters(paragraph: Sequence[str]) -> int:
    return sum(map(len, paragraph)) + max(len(paragraph) - 1, 0)


def without_pictures(text: str, left_out: Counter[str]) -> str:
    """The text without marks of pictures such as `[Illustration: The mill]`, and notes of transcribers in brackets."""
    for name, pattern in (("pictures", _PICTURE), ("notes", _BRACKETED_NOTE)):
        found = sum(len(match[0]) for match in pattern.finditer(text))
        if found:
            left_out[name] += found
            text = pattern.sub("", text)
    return text


def without_notes(paragraphs: Sequence[Paragraph], left_out: Counter[str]) -> list[Paragraph]:
    """Without credits and notes of transcribers: each is its paragraph, or a heading with the paragraphs below it that are
    indented or bracketed, at the beginning or the end of the book."""
    out: list[Paragraph] = []
    shown = sum(map(bool, paragraphs))
    position, in_note, wide = 0, False, 0
    for paragraph in paragraphs:
        if not paragraph:
            wide += 1
            in_note = in_note and wide < 2
            out.append(paragraph)
            continue
        first = " ".join(line.strip() for line in paragraph[:6])[:600]
        near_edge = position < _HEAD_PARAGRAPHS or position > shown - _HEAD_PARAGRAPHS
        position += 1
        wide = 0
        is_note = bool(_NOTE.match(first))
        goes_on = in_note and (paragraph[0].startswith(("  ", "[", "*", "-", "+", "|")) or first.startswith("•"))
        if near_edge and (is_note or goes_on or (_CREDITS.search(first) and _characters(paragraph) < 1200)):
            left_out["notes"] += _characters(paragraph)
            in_note = is_note or in_note
            continue
        in_note = False
        out.append(paragraph)
    return out


def without_contents(paragraphs: Sequence[Paragraph], left_out: Counter[str]) -> list[Paragraph]:
    """Without tables of contents: a heading that says so, and the entries below it, if they look like it: their ends are
    page numbers, or they stand again in the book as headings."""
    lines_of_book: Counter[str] | None = None
    out: list[Paragraph] = []
    number = 0
    while number < len(paragraphs):
        paragraph = paragraphs[number]
        if not (paragraph and _CONTENTS.match(paragraph[0][:_MAX_ENTRY_CHARACTERS])):
            out.append(paragraph)
            number += 1
            continue
        entries, end = _entries(paragraphs, number)
        if lines_of_book is None:
            lines_of_book = Counter(
                _entry_key(line) for later in paragraphs for line in later if len(line) <= _MAX_ENTRY_CHARACTERS
            )
        numbered = sum(bool(_ENDS_IN_NUMBER.search(line)) for line in entries)
        again = sum(lines_of_book[_entry_key(line)] > 1 for line in entries)
        evidence = max(numbered, again) / max(len(entries), 1)
        if len(entries) >= _FEWEST_ENTRIES and evidence >= (0.4 if number < _MAX_FRONT_PARAGRAPHS else 0.6):
            left_out["contents"] += sum(_characters(one) for one in paragraphs[number:end])
            number = end
        else:
            out.append(paragraph)
            number += 1
    return out


def _entries(paragraphs: Sequence[Paragraph], start: int) -> tuple[list[str], int]:
    """(lines of the entries below a heading, number of the paragraph after them): up to prose, or to the first entry again."""
    entries = list(paragraphs[start][1:])
    seen: set[str] = {_entry_key(line) for line in entries}
    end = start + 1
    for number in range(start + 1, min(start + 400, len(paragraphs))):
        paragraph = paragraphs[number]
        if not paragraph:
            continue
        if is_prose(paragraph) or any(len(line) > _MAX_ENTRY_CHARACTERS for line in paragraph):
            break
        keys = [_entry_key(line) for line in paragraph]
        if (
            len(entries) >= _FEWEST_ENTRIES
            and len(paragraph) <= 3
            and seen & {*keys} - {""}
            and not _ENDS_IN_NUMBER.search(paragraph[-1])
        ):
            break
        entries += paragraph
        seen.update(key for key in keys if key)
        end = number + 1
    return entries, end


def _entry_key(line: str) -> str:
    """What an entry and its heading in the book have in common: its letters, without a page number or `CHAPTER IV.`"""
    bare = _ENDS_IN_NUMBER.sub("", line[:200])
    title = _CHAPTER_NUMBER.sub("", bare)
    return "".join(_LETTERS.findall(title if _LETTERS.search(title) else bare))[:40].casefold()


def is_prose(paragraph: Sequence[str]) -> bool:
    """Whether a paragraph is sentences: long enough, most of its lines filled, with a mark that ends one."""
    text = " ".join(line.strip() for line in paragraph[:12])
    if len(text) < _PROSE_CHARACTERS or not _SENTENCE.search(text):
        return False
    return len(text) / min(len(paragraph), 12) >= 40


def without_front_matter(paragraphs: Sequence[Paragraph], left_out: Counter[str]) -> list[Paragraph]:
    """Without title page, imprint and what else stands before the first chapter heading or the first prose.

    Nothing is left out where no prose comes early: a book of verse, or a text without a title page.
    """
    for number, paragraph in enumerate(paragraphs[:_MAX_FRONT_PARAGRAPHS]):
        if not paragraph or not is_prose(paragraph):
            continue
        start = _heading_above(paragraphs, number)
        front = sum(_characters(one) for one in paragraphs[:start])
        if front <= max(_MAX_FRONT_SHARE * sum(map(_characters, paragraphs)), 0):
            if front:
                left_out["front_matter"] += front
            return list(paragraphs[start:])
        break
    return list(paragraphs)


def _heading_above(paragraphs: Sequence[Paragraph], number: int) -> int:
    """Where the text of a paragraph begins: at the chapter heading a little above it, else at what stands close above it."""
    above = [place for place in range(number - 1, -1, -1) if paragraphs[place]][:_HEADING_PARAGRAPHS]
    start = next((place for place in above if is_chapter_heading(paragraphs[place][0])), None)
    if start is None:
        start = number
        while start and paragraphs[start - 1]:
            start -= 1
    return start
