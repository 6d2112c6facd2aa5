"""How closely words call a number a telephone number: the nearest word before it, or one directly behind."""

import re

from gristmill.filters.pii.phones import vocabulary as words

NO_WORD, NEAR, ASKED, LABELLED = range(4)
MAX_FILLERS, MAX_NEAR_WORDS, MAX_SAID_WORDS, MAX_CHARACTERS = 7, 6, 3, 110

_MARKS = "\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0900-\u0dff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # of letters
_WORD = re.compile(rf"(?:[^\W_]|[{_MARKS}])+(?:['’][^\W_]+)?|°")
_COMPOUND = re.compile(rf"(?:{'|'.join(words.STEMS)})(?:s|no|nos|nr|num|number|numbers|nummer|nummern)?\Z")
_UNSPACED_LABEL = re.compile(rf"(?:{'|'.join(words.UNSPACED_LABELS)})(?:{'|'.join(words.UNSPACED_TAILS)}){{0,2}}\Z")
_OTHER_PHONES = re.compile(  # a device, an instrument or a vehicle
    r"(?:head|ear|micro|saxo|smart|gramo|mega|xylo|vibra|sousa|i|homo|franco|anglo|luso|dicta|hydro|video|speaker)phones?\Z"
    r"|(?:auto|im|snow|loco|batmo)mobiles?\Z"
)
_INITIAL = re.compile(r"(?<!\d)(?:\A|[\s(|•·,;/])[TPMFCOtpmf]:\s?\Z")  # `T: 020 7946 0958` in a letter-head
_ASIDE = re.compile(r"\([^()\d\n]{1,20}\)")  # `Tel. (home): ...`
_NAMING_MARK = re.compile(r"\s?[:.#=|]|\b(?:number|no|nr)\b", re.IGNORECASE)
_CHANGED = re.compile(r"\s+by\b", re.IGNORECASE)  # `cut this number by 500-1000`
_TOWARDS = re.compile(r"\b(?:to|at|on|me|us|him|her)\b", re.IGNORECASE)
_PLAIN_GAP = re.compile(r"[\w\s:=,.;'’\"“”„()*#–—\-+/°]*")
_BEHIND = re.compile(
    rf"[ \t\u00a0\-–—(\[,:|]{{0,3}}(?P<word>{'|'.join(words.WORDS_BEHIND).replace('-', '[ -]')})(?!\w)"
    r"(?=[ \t]*(?:\Z|[\r\n)\].,;:|/\\•·]))",
    re.IGNORECASE,
)


def closeness(text: str, start: int, end: int) -> int:
    """How closely a word calls the number text[start:end] a telephone number.

    LABELLED: a word that names a number, with nothing but fillers between. ASKED: one that asks for a call, or names a
    number among other things. NEAR: a label with other words between. NO_WORD: none of these.
    """
    return max(_before(text[max(0, start - MAX_CHARACTERS) : start]), _behind(text[end : end + 24]))


def is_label(word: str) -> bool:
    """Whether a lower-case word names a telephone number.

    >>> is_label("customerphone"), is_label("headphones"), is_label("联系电话"), is_label("전화번호는"), is_label("手机型号")
    (True, False, True, True, False)
    """
    if word in words.LABELS or _UNSPACED_LABEL.search(word):
        return True
    return _COMPOUND.search(word) is not None and not _OTHER_PHONES.search(word)


def asks_towards(left: str) -> bool:
    """Whether the words before say that something goes to the number: `messages to`, `reach us at`."""
    return _TOWARDS.search(left[-12:]) is not None


def _before(left: str) -> int:
    """How closely a word before the number, which `left` ends at, calls it one."""
    if _INITIAL.search(left):
        return ASKED
    left = _ASIDE.sub(lambda match: " " * len(match.group()), left)
    found = [(match.group().lower(), match.start(), match.end()) for match in _WORD.finditer(left)]
    fillers, others = 0, 0
    said = any(word in words.COPULAS for word, _, _ in found[-2:])  # `the phone of my wife is 467 3395`
    following = len(left)
    for place in range(len(found) - 1, -1, -1):
        word, start, end = found[place]
        if _ends_sentence(word, left[end:following], last=following == len(left)):
            return NO_WORD
        if is_label(word):
            if others and not (said and others <= MAX_SAID_WORDS):
                return NEAR
            everyday = word in words.EVERYDAY_LABELS and not _NAMING_MARK.search(left[end:])
            return ASKED if everyday or word in words.PLURAL_LABELS else LABELLED
        if not others and word in words.REQUESTS and _asks(word, found[place - 1][0] if place else "", left[end:]):
            return ASKED
        if not others and word in words.PLACES and all(w in words.NUMBER_MARKS for w, _, _ in found[place + 1 :]):
            return ASKED
        if not others and (word in words.FILLERS or word.isdecimal()) and fillers < MAX_FILLERS:
            fillers += 1
        else:
            others += 1
        if others > MAX_NEAR_WORDS:
            return NO_WORD
        following = start
    return NO_WORD


def _asks(word: str, before: str, after: str) -> bool:
    """Whether a request, which `after` follows up to the number, asks for a call."""
    if word in words.NUMBER_WORDS and (before not in words.OWNERS or _CHANGED.match(after)):
        return False
    if before in words.NO_CALLERS:
        return False
    if word in words.WRITINGS and not _TOWARDS.search(after):
        return False
    return _PLAIN_GAP.fullmatch(after) is not None


def _ends_sentence(word: str, between: str, last: bool) -> bool:
    """Whether a sentence or paragraph ends between a word and what follows; abbreviations have their dot."""
    if between.count("\n") > 2:
        return True
    if between[:1] in ("!", "?", "。") and between[1:2].isspace():
        return True
    if between[:1] != ".":
        return False
    return between[1:2] in ("\r", "\n") or (between[1:2].isspace() and len(word) > 4 and not last)


def _behind(right: str) -> int:
    return LABELLED if _BEHIND.match(right) else NO_WORD
