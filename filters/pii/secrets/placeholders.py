"""Values that stand where a secret would: `<your password>`, `changeme`, `${TOKEN}`, `str`, names of variables and files.

Documentation is full of them. A value is a placeholder when nothing is left of it once the words that people use for
placeholders, and counting digits, are taken away.
"""

import re

MAX_COUNTED = 6  # more digits in order make a value that stands for itself
_WORDS = """
    aws gcp azure bucket password passwords passwd passwort passphrase passcode pass pwd pw psw kennwort contrasena
    contraseña senha parola secret secrets token tokens key keys apikey api auth authorization bearer basic access refresh
    session credential credentials cred creds login user username usr name email mail account admin administrator root
    guest client server app application service db database host id uid uuid url uri path file
    your my the our their new old current some any this that other another here there a an of for in to or and with as is
    example examples sample demo test testing tests tester dummy fake mock placeholder default defaults change changeme me
    changeit redacted hidden masked removed secure insecure replace replaceme insert enter type put set choose fill todo
    fixme tbd none null nil undefined empty blank true false yes no on off required optional
    foo bar baz qux quux hello world lorem ipsum abc abcd abcde abcdef abcdefg abcdefgh xyz qwerty qwertz letmein
    value values val string str text input output field param parameter arg argument var variable const env config
    conf setting settings option options property data content body row line col column item element object obj tmp temp
    int integer long short bool boolean bytes byte char varchar number num float double list dict array tuple map json
    base hash hashed sha md hmac utf ascii hex aes rsa bcrypt scrypt argon pbkdf crypt encrypted encoded plain plaintext
    confirm confirmed confirmation match repeat again length len min max size count characters chars digits letters
""".split()  # noqa: SIM905
_KNOWN = re.compile("|".join(sorted(_WORDS, key=len, reverse=True)))
_FORMS = re.compile(
    r"[$%]?[{(<\[].*|.*[}>\])]|\$[A-Za-z_]\w*|%\w+%?|%\(\w+\)\w|[*•●x×X#?_.…\-]+|@\w+@|__\w+__|!\w+|!\w+ .*|&\w+;?",
    re.DOTALL,
)
_ALGORITHM = re.compile(
    r"(?:sha|md|utf|base|int|uint|float|aes|rsa|hs|rs|es|argon|ripemd|blake|crc|win|windows|x|cp|latin|pkcs|iso)[-_]?\d+"
    r"(?:[-_]?\d+)*\w?|utf8mb[34]|[A-Z]+\d?(?:-[A-Z]+\d*)+",
    re.IGNORECASE,
)
_COUNTING = re.compile(r"0*1?2?3?4?5?6?7?8?9?0?|0?9?8?7?6?5?4?3?2?1?0?|(\d)\1*|(?:19|20)\d\d")
_LEFT = re.compile(r"[^a-z]+")
_CODE = re.compile(
    r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*[(\[]"  # a call, an index
    r"|[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+\Z"  # an attribute, a file
    r"|(?:\.{0,2}|~)/|[A-Za-z]:\\|\w+://|(?:[\w.\-]+/){2,}"
    r"|[A-Za-z]+(?:[_\-:][A-Za-z]+)+\d?\Z"  # words with joints
    r"|[+\-]?\d+[.,]\d+\Z|[+\-]?\d+(?:[.,]\d+)?(?:[a-zA-Z]{1,2}|days?|hours?|chars?)\Z"  # a number, with its unit
    r"|\$[A-Za-z_]\w*(?:[\[(.;]|->|\Z)"  # a variable
    r"|\d{1,4}[-/.:]\d{1,2}[-/.:]\d{1,4}"  # a date, a time
)


def is_placeholder(value: str) -> bool:
    """Whether a value only shows where a secret goes.

    >>> is_placeholder("<your password>"), is_placeholder("my-secret-password-123"), is_placeholder("Sup3r!Secret")
    (True, True, False)
    """
    if _FORMS.fullmatch(value) or _ALGORITHM.fullmatch(value) or _COUNTING.fullmatch(value) or len(set(value)) < 3:
        return True
    parts = [part for part in _LEFT.split(value.lower()) if part]
    long = [part for part in parts if len(part) > 2]
    if not long or any(_KNOWN.sub("", part) for part in long) or len(parts) - len(long) > 1:
        return False
    digits = re.sub(r"\D", "", value)
    return len(digits) <= 2 or (len(digits) <= MAX_COUNTED and _COUNTING.fullmatch(digits) is not None)


def is_code(value: str) -> bool:
    """Whether a value without quotes is an expression, a path, an address or a type, not a value.

    >>> is_code("os.environ['PASSWORD']"), is_code("getpass()"), is_code("/run/secrets/db"), is_code("hunter2!A9")
    (True, True, True, False)
    """
    return _CODE.match(value) is not None
