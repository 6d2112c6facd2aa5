"""Passwords that a name or a command gives away: `PASSWORD=...`, `password: ...`, `curl -u jo:...`.

A password is any characters, so what is given decides: letters with digits or marks, no placeholder, no code. The name and
its value may stand in any of the writings of .env, INI, YAML, JSON and XML files, of URLs, connection strings, tables,
command lines, programs and letters.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from gristmill.filters.pii.scripts import is_unspaced
from gristmill.filters.pii.secrets.names import MAX_NAME_CHARACTERS, name_start
from gristmill.filters.pii.secrets.placeholders import is_code, is_placeholder
from gristmill.filters.pii.window import Found, Window

SCORE = 0.6
MIN_CHARACTERS, MAX_CHARACTERS = 6, 128

# The last word of a name that holds a password ends with one of these, or is one of the others.
_ENDS = tuple(
    """
    password passwd passwort passphrase passcode pwd pswd kennwort contraseña contrasena senha wachtwoord lösenord losenord
    adgangskode salasana パスワード 暗証番号 密码 密碼 口令 비밀번호 암호 รหัสผ่าน पासवर्ड
    """.split()  # noqa: SIM905
)
_WHOLE = frozenset(
    """
    pass pw psw psk mdp passe passw clave parool parola hasło haslo heslo jelszó jelszo şifre sifre lozinka sandi пароль пароля
    парола κωδικός סיסמה khẩu المرور السر
    """.split()  # noqa: SIM905
)
_OTHER_PASSES = tuple("compass bypass trespass surpass underpass overpass encompass bandpass lowpass highpass".split())  # noqa: SIM905
# These may follow; any other word makes the name that of something else: `password_hash`, `passwordMinLength`.
_BEHIND_NAME = frozenset("confirm confirmation again repeat new old value plain plaintext raw text is".split())  # noqa: SIM905
_SUBWORD = re.compile(r"[A-ZÄÖÜÉ]?[^\W\dA-Z_]+|[A-Z]+(?![a-z])|[^\W\d_]+")

_NAME = rf"(?<![\w.])(?P<name>[\w.\-$\u0300-\u036f\u0900-\u097f\u0e00-\u0e7f]{{2,{MAX_NAME_CHARACTERS}}})"
_ASIDE = r"(?:\s?\([^()\n]{1,24}\)\s?)?"  # `password (again): ...`
_TYPE = r"(?:&|\[\])?[A-Za-z_][\w.<>\[\]?*]{0,24}"
_CLOSING = {
    '"': '"',
    "'": "'",
    "`": "`",
    "“": "”",
    "„": "“",
    "« ": " »",
    "«\u00a0": "\u00a0»",
    "«": "»",
    "「": "」",
    "『": "』",
    '\\"': '\\"',
}
_PLAIN_VALUE = re.compile(r"[^\s\"'`,;<>|\x1f\u3000、。，；]+")
_MAX_PIECES = 4  # of a password with blanks
_BRACKETS = {")": "(", "]": "[", "}": "{"}
_STRONG_MARK = re.compile(r"[!@#$%^&*+?~§€£]")


class Writing(NamedTuple):
    """How a name is given its value, which begins where `form` ends.

    strong: only what is a password beyond doubt; ends_with: what the value ends with where no quotes stand around it.
    """

    form: re.Pattern[str]
    strong: bool = False
    ends_with: str = ""


_WRITINGS = (
    Writing(re.compile(rf"(?<![?&]){_NAME}[\"'`*\])\\ \t]{{0,8}}{_ASIDE}(?::=|=>|->|[:=：＝→])[ \t*]*")),
    Writing(re.compile(rf"{_NAME}(?:\s?:\s?|\s){_TYPE}\s?=\s?(?=[\"'`])")),  # declared with its type
    Writing(re.compile(rf"(?:(?<=user/)|(?<=name/)|(?<=login/)){_NAME}\s?[:=]\s?[^\s/]+\s?/\s?", re.IGNORECASE)),
    Writing(re.compile(rf"(?<=[?&]){_NAME}="), ends_with="&#"),  # in a URL
    Writing(re.compile(rf"(?<=[<:]){_NAME}(?:\s[^<>\n]*)?>"), ends_with="<"),  # an element
    Writing(
        re.compile(rf"(?<=[\"']){_NAME}[\"'](?:\s[^<>\n]*)?>"), ends_with="<"
    ),  # an element that an attribute names
    Writing(re.compile(rf"(?<=[\"']){_NAME}[\"']\s+(?:value|content)\s?=\s?(?=[\"'])")),
    Writing(re.compile(rf"{_NAME}[*` \t]* (?:\||-|–|—) [ \t*]*")),  # in a table or list
    Writing(re.compile(rf"{_NAME}\((?=[\"'])")),  # to a function
    Writing(re.compile(rf"{_NAME}[\"'],\s*(?=[\"'])"), strong=True),
    Writing(re.compile(rf"--?(?P<name>[\w\-]{{2,{MAX_NAME_CHARACTERS}}})[ \t]+(?!-)")),  # an option
    Writing(re.compile(rf"{_NAME}\s+(?:is|was|to|ist|lautet|est|es|é|è):?\s+", re.IGNORECASE)),
    Writing(re.compile(r"(?P<name>password)\s+(?=['\"])", re.IGNORECASE)),  # in SQL
    Writing(re.compile(rf"(?:(?<=ENV )|(?<=setenv )|(?<=setx )){_NAME}[ \t]+")),
    Writing(re.compile(r"(?P<name>requirepass)[ \t]+")),  # in Redis
    Writing(re.compile(rf"{_NAME}[ \t]+"), strong=True),
)
_UNSPACED = Writing(  # a name of a script without blanks between words
    re.compile(
        r"(?P<name>密码|密碼|口令|パスワード|暗証番号|비밀번호|암호|รหัสผ่าน)"
        r"\s?(?:就?是|[为為]|は、?|[는은가이]|คือ)?\s?[:：=]?\s?(?=[「『“\"'!-~])"
    )
)
_COMMANDS = re.compile(
    r"identified(?:\s+with\s+\w+)?\s+by\s+(?P<sql>['\"][^'\"\n]+)"
    r"|auth\s*=\s*\(\s*[\"'][^\"'\n]*[\"']\s*,\s*(?P<pair>[\"'][^\"'\n]+)"
    r"|curl\b[^\n]*?\s(?:-u|--user)\s+[\"']?[^\s:\"']+:(?P<curl>[^\s\"']+)"
    r"|mysql(?:dump|admin)?\b[^\n]*?\s-p(?P<mysql>[\"']?[^\s\"']+)"
    r"|sshpass\s+-p\s*(?P<sshpass>[\"']?[^\s\"']+)"
    r"|login\s[^\n]*?-p\s+(?P<login>[\"']?[^\s\"'-][^\s\"']*)"
    r"|login\s+\S+\s+password\s+(?P<netrc>\S+)",
    re.IGNORECASE,
)


def passwords(window: Window) -> Iterator[Found]:
    """The password that is given to the name which the candidate begins with; a mark may stand before the name."""
    text, first, highest = window.text, name_start(window), window.end + 4
    if command := _COMMANDS.match(text, first, highest):
        start, end = command.span(command.lastgroup or 0)
        start += text[start] in "\"'"
        if is_password(text[start:end], quoted=True):
            yield Found("secret", start, end, SCORE)
    for writing in (*_WRITINGS, _UNSPACED):
        match = writing.form.match(text, window.start if writing is _UNSPACED else first, highest)
        if match is None or not names_password(match["name"]):
            continue
        start, end, quoted = _value(text, match.end(), writing.ends_with)
        if is_password(text[start:end], quoted) and (not writing.strong or _is_strong(text[start:end])):
            yield Found("secret", start, end, SCORE)


def is_password(value: str, quoted: bool) -> bool:
    """Whether a value given to the name of a password is one: letters with digits or strong marks, or many digits.

    Only quotes can hold one with blanks.

    >>> is_password("Sup3r!Secret", False), is_password("correct", True), is_password("getpass()", False)
    (True, False, False)
    """
    if not MIN_CHARACTERS <= len(value) <= MAX_CHARACTERS or is_placeholder(value):
        return False
    if any(map(str.isspace, value)):
        return quoted and _is_phrase(value)
    if is_code(value) and not (quoted and _STRONG_MARK.search(value)):
        return False
    digit, mark = any(map(str.isdecimal, value)), _STRONG_MARK.search(value[:-1])
    if any(map(str.isalpha, value)):
        return digit or mark is not None
    return digit and (mark is not None or value.isdecimal())


def names_password(name: str) -> bool:
    """Whether the last words of a name say that it holds a password.

    >>> names_password("DB_PASSWORD"), names_password("userPassword2"), names_password("password_hash")
    (True, True, False)
    """
    words = [match.group().lower() for match in _SUBWORD.finditer(name)]
    while words and words[-1] in _BEHIND_NAME:
        words.pop()
    if not words:
        return False
    last, whole = words[-1], re.sub(r"[\W\d_]+\Z", "", name.lower())
    if last in _WHOLE or last.endswith(_ENDS) or whole.endswith(_ENDS):  # whole: `PassWord`
        return True
    return last.endswith("pass") and not last.endswith(_OTHER_PASSES)


def _is_phrase(value: str) -> bool:
    """Whether words with blanks between are a password, no sentence: half of them hold digits or marks between letters."""
    pieces = value.split()
    mixed = [bool(re.search(r"[A-Za-z]", piece) and re.search(r"[\d!@#$%^&*+~]", piece[:-1])) for piece in pieces]
    return len(pieces) <= _MAX_PIECES and 2 * sum(mixed) >= len(pieces) and _is_strong(value)


def _is_strong(value: str) -> bool:
    """Letters, digits and a mark: less is no password where nothing but a blank stands between it and the name."""
    letter, digit = any(map(str.isalpha, value)), any(map(str.isdecimal, value))
    return letter and digit and _STRONG_MARK.search(value) is not None


def _value(text: str, start: int, ends_with: str) -> tuple[int, int, bool]:
    """(start, end, whether quotes stand around it) of the value that begins at `start`, on this line or the next."""
    on_next_line = text[start : start + 1] == "\n"
    if on_next_line:
        start += 1 + len(text[start + 1 :]) - len(text[start + 1 :].lstrip(" \t"))
    for opening, closing in _CLOSING.items():
        if text.startswith(opening, start):
            start += len(opening)
            end = text.find(closing, start, start + MAX_CHARACTERS + 1)
            return start, (start if end < 0 or "\n" in text[start:end] else end), True
    plain = _PLAIN_VALUE.match(text, start)
    if not plain:
        return start, start, False
    if ends_with:
        return start, start + len(re.split(f"[{ends_with}]", plain.group(), maxsplit=1)[0]), False
    end = plain.end()
    if text[start].isascii():
        end = next((i for i in range(start, end) if is_unspaced(text[i])), end)
    while end > start and (text[end - 1] in ".:,*" or _closes_nothing(text[start:end])):
        end -= 1
    if on_next_line and text[end : end + 1] == ":":  # another name
        end = start
    return start, end, False


def _closes_nothing(value: str) -> bool:
    """Whether the value ends with a bracket that it does not open."""
    closing = value[-1]
    return closing in _BRACKETS and value.count(_BRACKETS[closing]) < value.count(closing)
