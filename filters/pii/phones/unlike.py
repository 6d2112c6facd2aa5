"""What a row of digits is when it is no telephone number: dates, versions, ranges, books, amounts, parts of longer words."""

import re
from itertools import pairwise

from gristmill.filters.pii.marks import BLANKS, DASHES
from gristmill.filters.pii.phones.written import Written
from gristmill.filters.pii.scripts import is_unspaced

_YEAR = re.compile(r"(?:1\d|20)\d\d")
_MONTH, _DAY, _CENTURIES = r"(?:0?[1-9]|1[0-2])", r"(?:0?[1-9]|[12]\d|3[01])", r"(?:1[89]|20)\d\d"
_DATE = re.compile(
    rf"(?<!\d)(?<!\d[-/.])(?:{_CENTURIES}([-/. ]){_MONTH}\1{_DAY}|{_DAY}([-/.]){_DAY}\2(?:{_CENTURIES}|\d\d))(?!\d|[-/.]\d)"
)
_COMPACT_DATE = re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[01]\d|2[0-3])?(?:[0-5]\d){0,2}")
_ADDRESS = re.compile(r"://|www\.|\b10\.\d{4,9}/|doi[:./]|@|[?&][\w.]+=|\w/\w*[A-Za-z]\w*/", re.IGNORECASE)
_ADDRESS_EDGE = re.compile(r"[\s\"'<>()\[\]{}|,;]")
_PHONE_ADDRESS = re.compile(
    r"(?<!\w)(?:tel|callto|sms|fax|whatsapp|facetime):(?://)?\Z|wa\.me/\Z|phone=\Z", re.IGNORECASE
)
_FILE_END = re.compile(r"\.[A-Za-z][A-Za-z\d]{1,3}(?!\w)")
_LAST_WORD = re.compile(rf"(\w+)[{BLANKS}\t]+\Z")
_NEXT_WORD = re.compile(rf"[{BLANKS}\t]+(\w+)")
_THOUSANDS_MARKS = frozenset(" .'’")
ROUND = 50  # what both ends of a round range are multiples of

# The word directly before calls the digits something else.
_OTHER_NAMES = """
    version versions ver rev revision release build isbn isbn-10 isbn-13 issn e-issn doi rfc invoice order orders serial
    pid id ids uuid sha ssn ein npi pmid pmc pmcid oclc lccn arxiv cas ean upc gtin asin sku vin imei iban swift bic
    routing aba account acct accession model part parts item items ref reference case docket patent patents bug issue
    ticket zip postcode postal lat lon latitude longitude coordinates gps timestamp epoch chromosome population siret
    siren vat tva nif cif cnpj cpf rut abn acn tin steuernummer ust kvk rcs bib lot batch инн огрн кпп окпо бик tracking
    policy claim grant award contract catalog catalogue stock
""".split()  # noqa: SIM905
_OTHER_MARKS = (
    *"№ no vol art section chapter page pages line lines port ports code codes fig figure table eq".split(),  # noqa: SIM905
    *("numbers(?: are| were)?", "pp?(?=[. ])"),
)
_BEFORE_NUMBER = rf"[{BLANKS}\t.:#№=>\"'|)\]{DASHES}]*\Z"
_NAMED_OTHERWISE = re.compile(rf"(?<![^\W_])(?:{'|'.join(_OTHER_NAMES)}){_BEFORE_NUMBER}", re.IGNORECASE)
_MARKED_OTHERWISE = re.compile(rf"(?<![^\W_])(?:{'|'.join(_OTHER_MARKS)}){_BEFORE_NUMBER}", re.IGNORECASE)

_CURRENCIES = "usd eur gbp chf jpy inr rs kr sek nok dkk zł pln rub cad aud us\\$".split()  # noqa: SIM905
_CURRENCY_BEFORE = re.compile(rf"(?:[$€£¥₹₽₩₺₴]|(?<!\w)(?:{'|'.join(_CURRENCIES)}))[{BLANKS}.]*\Z", re.IGNORECASE)
_UNITS = """
    users? people persons inhabitants members customers times votes points millions? billions? thousands? mio mrd
    km km² km2 m² m2 kg g mg cm mm mi miles ft feet acres hectares ha ml cl l oz lbs? px pt dpi rpm kbps mbps
    calories? kcal kj bytes kb mb gb tb kib mib gib bits? hz khz mhz ghz volts? watts? kw mw
    ms sec secs seconds minutes hours hrs days weeks months years
    rows records items files lines words tokens parameters pages copies units pieces pcs shares views downloads
    visitors viewers readers listeners followers subscribers employees students soldiers deaths cases
    euros? dollars? pounds yen rubles usd eur gbp chf kč kr zł
    einwohner menschen mal stück stk habitants personnes fois habitantes personas veces abitanti persone inwoners
    человек жителей руб рублей asukasta obyvatel mieszkańców invånare innbyggere indbyggere
""".split()  # noqa: SIM905
_UNIT_BEHIND = re.compile(
    rf"[{BLANKS}]?(?:[%‰°€£¥₹₽](?![\w$€£])|(?:[{BLANKS}]|(?<=\d))(?:{'|'.join(_UNITS)})(?!\w))", re.IGNORECASE
)
_ADDED = re.compile(rf"[+＋][{BLANKS}]")
_OPERAND = re.compile(rf"(?:\d|[)\]]|(?<![^\W\d_])[^\W\d_])[{BLANKS}]*\Z")  # a number, a bracket, a variable
_EQUATION_BEHIND = re.compile(rf"[{BLANKS}]?[=≈][{BLANKS}]?[{DASHES}+(]?\d|[{BLANKS}][+*×÷·][{BLANKS}](?:\d|\()")


def is_joined_left(left: str, number: Written) -> bool:
    """Whether the number continues a word, path, version, time or amount that `left` ends with."""
    if number.value[0] in "+＋" and len(number.groups) > 1 and left[-1:].isalpha():
        return False  # `UAE+971-585876283` where the markup between is gone
    return _joined_left(left)


def _joined_left(left: str) -> bool:
    before = left[-1:]
    if not before or before.isspace():
        return False
    further = left[-2:-1]
    if before.isalnum() or before == "_":
        return not is_unspaced(before)
    if before in ".,:'’" and further.isdecimal():
        return True
    if before in "./\\@#$€£¥%^=&?~+<":
        return before not in "<" and not (before in "=?" and not further.strip("\"' "))
    return before in "-‐‑‒−" and (further.isalnum() or further in "-_)]")


def is_joined_right(right: str) -> bool:
    """Whether what follows continues the number: letters, a decimal, a file's ending, an e-mail address."""
    after, further = right[:1], right[1:2]
    if not after or after.isspace():
        return False
    if after.isalnum() or after == "_":
        return not is_unspaced(after)
    if after in ".,:'’" and further.isdecimal():
        return True
    if after == "." and _FILE_END.match(right):
        return True
    if after in "-‐‑‒−/\\+" and (further.isalnum() or further == "_"):
        return True
    return after in "@%=&~^°"


def is_in_address(left: str, right: str) -> bool:
    """Whether the word that the number stands in is a URL, a path, a DOI or an e-mail address."""
    head = _ADDRESS_EDGE.split(left[-160:])[-1]
    if not head:
        return False
    tail = _ADDRESS_EDGE.split(right[:160], maxsplit=1)[0]
    return _ADDRESS.search(head) is not None or "@" in tail


def is_named_otherwise(left: str, called: bool) -> bool:
    """Whether the word directly before calls the number something else.

    called: a word calls it a telephone number, so that `no.` or `line` between mean nothing else.
    """
    left = left[-40:]
    return _NAMED_OTHERWISE.search(left) is not None or (not called and _MARKED_OTHERWISE.search(left) is not None)


def is_phone_address(left: str) -> bool:
    """Whether the number is the address of a link that calls it: `tel:`, `wa.me/`."""
    return _PHONE_ADDRESS.search(left[-16:]) is not None


def is_amount(left: str, right: str) -> bool:
    """Whether a currency stands before or a unit behind."""
    return _CURRENCY_BEFORE.search(left[-12:]) is not None or _UNIT_BEHIND.match(right[:20]) is not None


def is_term(left: str, number: Written, right: str) -> bool:
    """Whether it is added to what stands before, or an equation goes on behind: `622x + 3751 - 3751 = 18679`."""
    added = _ADDED.match(number.value) is not None and _OPERAND.search(left[-8:]) is not None
    return added or _EQUATION_BEHIND.match(right) is not None


def is_date(number: Written) -> bool:
    """Whether the number holds a date with its year, or years."""
    groups = number.groups
    if sum(_YEAR.fullmatch(group) is not None for group in groups) > 1:
        return True
    if any(_COMPACT_DATE.fullmatch(group) for group in groups):
        return True
    return _DATE.search(number.value) is not None and len(groups) != 5


def is_thousands(number: Written) -> bool:
    """Whether it is written as one large number: groups of three digits behind a first of one to three."""
    groups, marks = number.groups, number.marks
    if len(groups) < 2 or len(set(marks)) != 1 or marks[0] not in _THOUSANDS_MARKS or number.has_plus:
        return False
    return all(len(group) == 3 for group in groups[1:]) and len(groups[0]) <= 3 and groups[0][0] != "0"


def is_decimal(number: Written) -> bool:
    """Whether a point in it is a decimal point: pairs of groups, or any group of one digit with many behind."""
    groups, marks = number.groups, number.marks
    if set(marks[::2]) == {"."} and set(marks[1::2]) <= {" "} and len(groups) % 2 == 0:
        return True
    return any(
        mark == "." and len(a) == 1 and len(b) > 3 for a, mark, b in zip(groups, marks, groups[1:], strict=False)
    )


def is_dotted_quad(number: Written) -> bool:
    """Whether it is written like an IPv4 address or a version of four parts."""
    return number.marks == ["."] * 3 and all(len(group) <= 3 and int(group) < 256 for group in number.groups)


def is_ratio(number: Written) -> bool:
    """Two short groups with a slash: `GSM 900/1800`, `HP 9000/720`."""
    return number.marks == ["/"] and len(number.digits) < 8 and number.groups[0][0] != "0"


def is_brazilian_postcode(left: str, number: Written) -> bool:
    """`CEP 01310-100`, where `cep` names a telephone in Turkish."""
    return [len(group) for group in number.groups] == [5, 3] and left[-8:].rstrip(" .:").lower().endswith("cep")


def is_zip_code(number: Written) -> bool:
    """ZIP+4: five digits, a dash, four."""
    return [len(group) for group in number.groups] == [5, 4] and number.marks[0] not in (" ", ".", "/")


def is_range(number: Written) -> bool:
    """Two numbers of one length with a dash, the second larger."""
    groups = _ends_of_range(number)
    return groups is not None and len(groups[0]) == len(groups[1])


def is_round_range(number: Written) -> bool:
    """Two round numbers with a dash, the second larger: `500-1000`."""
    groups = _ends_of_range(number)
    return groups is not None and all(int(group) % ROUND == 0 for group in groups)


def _ends_of_range(number: Written) -> list[str] | None:
    """The two groups of a number with one dash, where the first is smaller and begins with no zero."""
    groups = number.groups
    if len(groups) != 2 or number.marks[0] in (" ", ".", "/") or groups[0][0] == "0":
        return None
    return groups if int(groups[0]) < int(groups[1]) else None


def is_book(number: Written) -> bool:
    """ISBN-10 or ISBN-13 by its groups and check digit; ISSN by its check digit."""
    lengths, digits = [len(group) for group in number.groups], number.digits
    if len(lengths) in (4, 5) and lengths[-1] == 1:
        if len(digits) == 13:
            return sum(int(d) * (1 + 2 * (i % 2)) for i, d in enumerate(digits)) % 10 == 0
        return len(digits) == 10 and sum(int(d) * (10 - i) for i, d in enumerate(digits)) % 11 == 0
    if lengths == [4, 4] and number.marks[0] not in (" ", ".", "/"):
        return sum(int(d) * (8 - i) for i, d in enumerate(digits)) % 11 == 0
    return False


def is_scattered(number: Written) -> bool:
    """More single digits than a telephone number has."""
    lengths = [len(group) for group in number.groups]
    return sum(length == 1 for length in lengths) > 2 or (len(lengths) > 3 and max(lengths) < 2) or len(lengths) > 7


def is_counting(number: Written) -> bool:
    """Groups that count up or down, digits without marks that count up: 01 02 03 04 05, 1234567890."""
    if len(number.groups) == 1:
        return number.digits in "01234567890123456789"
    values = [int(group) for group in number.groups]
    return len(values) > 3 and {b - a for a, b in pairwise(values)} <= {1, -1}


def is_in_row(text: str, number: Written) -> bool:
    """Whether groups with only blanks between are part of a row of numbers or codes, or could be.

    Without a leading zero or a parenthesis such groups are any numbers.
    """
    if set(number.marks) != {" "}:
        return False
    if number.digits[0] != "0" and not number.has_parenthesis:
        return True
    before = _LAST_WORD.search(text, max(0, number.start - 24), number.start)
    after = _NEXT_WORD.match(text, number.end)
    return any(match is not None and any(map(str.isdecimal, match[1])) for match in (before, after))
