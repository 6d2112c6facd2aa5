"""Passwords and tokens that a name, a header or a command gives away: `PASSWORD=...`, `Authorization: Bearer ...`.

A password is any characters, so what is given decides: letters with digits or marks, not a placeholder, not code. What
stands between the name and its value may be any of the writings of .env, INI, YAML, JSON and XML files, of URLs,
connection strings, command lines and letters.
"""

import base64
import binascii
import re
from collections.abc import Iterator

from gristmill.filters.privacy.placeholders import is_code, is_placeholder
from gristmill.filters.privacy.window import Found, Window

SCORE = 0.6
MIN_CHARACTERS, MAX_CHARACTERS = 6, 128
MIN_TOKEN_CHARACTERS, MIN_BARE_TOKEN_CHARACTERS = 8, 16
# A name's last word says that it holds a password; words such as these may follow, any other makes it something else.
_ENDS = ("password", "passwd", "passwort", "passphrase", "passcode", "pwd", "pswd", "kennwort", "contraseña", "contrasena",
         "senha", "wachtwoord", "lösenord", "losenord", "adgangskode", "salasana", "パスワード", "暗証番号", "密码", "密碼",
         "口令", "비밀번호", "암호", "รหัสผ่าน", "पासवर्ड")  # fmt: skip
_WHOLE = frozenset(
    """
    pass pw psw passe passw clave parola hasło haslo heslo jelszó jelszo şifre sifre lozinka sandi пароль пароля парола
    κωδικός סיסמה khẩu المرور السر
    """.split()  # noqa: SIM905
)
_NO_PASS = ("compass", "bypass", "trespass", "surpass", "underpass", "overpass", "encompass", "bandpass", "lowpass", "highpass")
_AFTER_NAME = frozenset("confirm confirmation again repeat new old value plain plaintext raw text is".split())  # noqa: SIM905
_SUBWORD = re.compile(r"[A-ZÄÖÜÉ]?[^\W\dA-Z_]+|[A-Z]+(?![a-z])|[^\W\d_]+")
_GIVEN = re.compile(
    r"(?P<name>[\w.\-$\u0300-\u036f\u0900-\u097f\u0e00-\u0e7f]{2,64})(?P<gap>[\"'`*\])\\ \t]{0,8})(?P<mark>:=|=>|->|[:=：＝|>])(?P<rest>[ \t*]*)"
)
_TOLD = re.compile(r"(?P<name>[\w.\-]{2,64})\s+(?:is|was|ist|lautet|est|es|to|é|è)(?P<mark>)(?P<gap>):?(?P<rest>\s+)", re.IGNORECASE)
_QUOTED_ARGUMENT = re.compile(r"(?P<name>identified(?:\s+with\s+\w+)?\s+by|password)(?P<gap>)(?P<mark>)(?P<rest>\s+)(?=['\"])", re.IGNORECASE)
_OPTION = re.compile(r"(?<![\w-])--?(?P<name>[\w\-]{2,40})(?P<gap>)(?P<mark>)(?P<rest>[ \t]+)(?!-)")
_COMMANDS = re.compile(
    r"\bcurl\b[^\n]*?\s(?:-u|--user)\s+[\"']?[^\s:\"']+:(?P<curl>[^\s\"']+)"
    r"|\bmysql(?:dump|admin)?\b[^\n]*?\s-p[\"']?(?P<mysql>[^\s\"']+)"
    r"|\bsshpass\s+-p\s*[\"']?(?P<sshpass>[^\s\"']+)"
    r"|\blogin\s+\S+\s+password\s+(?P<netrc>\S+)"
)
_OPENING = {'"': '"', "'": "'", "`": "`", "“": "”", "„": "“", "«": "»", '\\"': '\\"'}
_HEADER = re.compile(
    r"authorization[\"'\\]{0,2}\]?\s*(?:[:=,]|=>)\s*[\"'`]?(?:[fb][\"'])?(?:(?P<scheme>bearer|token|basic|apikey|api-key|key|oauth|jwt|digest)\s+)?"
    r"(?P<value>[A-Za-z0-9\-._~+/]{8,}={0,2})|(?<![\w\-])bearer[ \t]+(?P<bare>[A-Za-z0-9\-._~+/]{16,}={0,2})",
    re.IGNORECASE,
)
_PLAIN_VALUE = re.compile(r"[^\s\"'`,;<>|\x1f\u3000、。，；]+")
_STRONG_MARK = re.compile(r"[!@#$%^&*+?~§€£]")


def passwords(window: Window) -> Iterator[Found]:
    """Passwords and header tokens in the candidate."""
    text, lowest, highest = window.text, _name_start(window), min(len(window.text), window.end + 4)
    for match in _HEADER.finditer(text, lowest, highest):
        group = "value" if match["value"] else "bare"
        if _is_token(match[group], (match["scheme"] or "").lower(), bare=group == "bare"):
            yield Found("secret", match.start(group), match.end(group), SCORE)
    for match in _COMMANDS.finditer(text, lowest, highest):
        group = match.lastgroup or ""
        if is_password(match[group], quoted=True):
            yield Found("secret", match.start(group), match.end(group), SCORE)
    for pattern in (_GIVEN, _TOLD, _QUOTED_ARGUMENT, _OPTION):
        for match in pattern.finditer(text, lowest, highest):
            if pattern is not _QUOTED_ARGUMENT and not _names_password(match["name"]):
                continue
            if match["mark"] == "|" and not (match["gap"].endswith(" ") and match["rest"].startswith(" ")):
                continue
            start, end, quoted = _value(text, match)
            if is_password(text[start:end], quoted):
                yield Found("secret", start, end, SCORE)


def is_password(value: str, quoted: bool) -> bool:
    """Whether a value given to the name of a password is one: letters with digits or strong marks, or many digits.

    >>> is_password("Sup3r!Secret", False), is_password("correct", True), is_password("getpass()", False)
    (True, False, False)
    """
    if not MIN_CHARACTERS <= len(value) <= MAX_CHARACTERS or is_placeholder(value) or any(map(str.isspace, value)):
        return False
    if is_code(value) and not (quoted and _STRONG_MARK.search(value)):
        return False
    letter, digit = any(map(str.isalpha, value)), any(map(str.isdecimal, value))
    mark = _STRONG_MARK.search(value[:-1])
    if letter:
        return digit or mark is not None
    return digit and (mark is not None or value.isdecimal())


def _name_start(window: Window) -> int:
    """Where the name begins that the candidate was seen at the end of."""
    start = window.start
    while start > 0 and window.start - start < 40 and (window.text[start - 1].isalnum() or window.text[start - 1] in "_-."):
        start -= 1
    return max(0, start - 2)


def _names_password(name: str) -> bool:
    """Whether the last words of a name say that it holds a password.

    >>> _names_password("DB_PASSWORD"), _names_password("userPassword2"), _names_password("password_hash")
    (True, True, False)
    """
    words = [match.group().lower() for match in _SUBWORD.finditer(name)]
    while words and words[-1] in _AFTER_NAME:
        words.pop()
    if not words:
        return False
    last = words[-1]
    return last in _WHOLE or last.endswith(_ENDS) or (last.endswith("pass") and not last.endswith(_NO_PASS))


def _value(text: str, match: re.Match[str]) -> tuple[int, int, bool]:
    """(start, end, whether quotes stand around it) of what follows a name and its mark."""
    start = match.end()
    if text[start : start + 1] == "\n":
        start += 1 + len(text[start + 1 :]) - len(text[start + 1 :].lstrip(" \t"))
    for opening, closing in _OPENING.items():
        if text.startswith(opening, start):
            start += len(opening)
            end = text.find(closing, start, start + MAX_CHARACTERS + 1)
            if end < 0 or "\n" in text[start:end]:
                return start, start, True
            return start, end, True
    if match["mark"] == ">":
        end = text.find("<", start, start + MAX_CHARACTERS + 1)
        return start, max(start, end), True
    plain = _PLAIN_VALUE.match(text, start)
    if not plain:
        return start, start, False
    end = plain.end()
    if text[match.start() - 1 : match.start()] in ("?", "&") and text[match.start() - 1 : match.start()]:
        end = start + len(re.split("[&#]", text[start:end], maxsplit=1)[0])
    while end > start and (text[end - 1] in ".:,*" or (text[end - 1] in ")]}" and text.count(_PAIRS[text[end - 1]], start, end) < text.count(text[end - 1], start, end))):
        end -= 1
    return start, end, False


_PAIRS = {")": "(", "]": "[", "}": "{"}


def _is_token(value: str, scheme: str, bare: bool) -> bool:
    """Whether what follows `Authorization:` or `Bearer` is a token, not its placeholder."""
    if is_placeholder(value.rstrip("=")) or re.fullmatch(r"[A-Za-z]+(?:[_\-.][A-Za-z]+)*", value):
        return False
    if scheme == "basic":
        try:
            return b":" in base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            return False
    least = MIN_BARE_TOKEN_CHARACTERS if bare else MIN_TOKEN_CHARACTERS
    return len(value) >= least and any(map(str.isdecimal, value)) and any(map(str.isalpha, value))
