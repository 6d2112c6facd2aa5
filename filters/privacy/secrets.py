"""API keys, tokens and private keys: forms that only a key has, and values given to a name that says secret.

The forms cover those of detect-secrets' plugins (checked by `benchmarks/pii.py secrets` where that package is installed)
and some newer ones. Values of named secrets must be as random as a key is: entropy in bits a character, by the alphabet,
with detect-secrets' limits (3.0 hexadecimal, 4.5 base64 of full length). A hash that nothing calls a secret is none.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator

from gristmill.filters.privacy.passwords import passwords
from gristmill.filters.privacy.window import Found, Window

_FORMS = (
    r"(?:A3T[A-Z0-9]|AKIA|ABIA|ACCA|ASIA|AGPA|AIDA|AROA)[A-Z0-9]{16}(?!\w)",  # Amazon
    r"gh[pousr]_[A-Za-z0-9_]{36,255}",
    r"github_pat_[A-Za-z0-9_]{22,255}",
    r"(?:glpat|gldt|glft|glsoat|glrt|glagent|glimt|glptt|gloas)-[A-Za-z0-9_\-]{20,50}(?!\w)",
    r"glcbt-(?:[0-9a-zA-Z]{2}_)?[A-Za-z0-9_\-]{20,50}(?!\w)",
    r"GR1348941[A-Za-z0-9_\-]{20,50}(?!\w)",
    r"xox(?:a|b|p|o|s|r|e)(?:\.xox[bp])?-(?:\d+-)*[A-Za-z0-9\-]{8,}",  # Slack
    r"xapp-\d-[A-Z0-9]+-\d+-[a-f0-9]{16,}",
    r"hooks\.slack\.com/services/T[A-Za-z0-9_]+/B[A-Za-z0-9_]+/[A-Za-z0-9_]{10,}",
    r"eyJ[A-Za-z0-9_\-=]{8,}\.[A-Za-z0-9_\-=]{8,}\.[A-Za-z0-9_\-.+/=]*",  # JSON web token
    r"(?:sk|rk|pk)_(?:live|test)_[0-9a-zA-Z]{16,}",  # Stripe
    r"sk-(?:ant-|proj-|svcacct-|admin-|or-v1-)?[A-Za-z0-9_\-]*[A-Za-z0-9]{20}[A-Za-z0-9_\-]*",  # OpenAI, Anthropic and others
    r"SG\.[A-Za-z0-9_\-]{22}\.[A-Za-z0-9_\-]{43}(?!\w)",  # SendGrid
    r"sq0(?:csp|atp|idp)-[0-9A-Za-z_\-]{22,43}(?!\w)",  # Square
    r"pypi-(?:AgEIcHlwaS5vcmc|AgENdGVzdC5weXBpLm9yZw)[A-Za-z0-9_\-]{50,}",
    r"npm_[A-Za-z0-9]{36}(?!\w)",
    r"_authToken=(?P<npm>(?:npm_.{36}|[A-Fa-f0-9-]{36}))",
    r"AIza[0-9A-Za-z_\-]{35}(?!\w)",  # Google
    r"ya29\.[0-9A-Za-z_\-]{20,}",
    r"hf_[A-Za-z]{34}(?!\w)",
    r"AKC[a-zA-Z0-9]{10,}(?!\w)",  # Artifactory
    r"AP[\dABCDEF][a-zA-Z0-9]{8,}(?!\w)(?=.*\d)",
    r"AccountKey=[a-zA-Z0-9+/=]{88}",  # Azure storage
    r"(?:AC|SK)[a-z0-9]{32}(?!\w)",  # Twilio
    r"[0-9a-z]{32}-us[0-9]{1,2}(?!\w)",  # Mailchimp
    r"key-[0-9a-z]{32}(?!\w)",  # Mailgun
    r"[MNO][a-zA-Z\d_-]{23,25}\.[a-zA-Z\d_-]{6}\.[a-zA-Z\d_-]{27,38}(?!\w)",  # Discord
    r"discord(?:app)?\.com/api/webhooks/\d{17,20}/[A-Za-z0-9_\-]{60,}",
    r"\d{8,10}:[0-9A-Za-z_-]{35}(?!\w)",  # Telegram
    r"dop_v1_[a-f0-9]{64}(?!\w)",
    r"shp(?:at|ss)_[a-fA-F0-9]{32}(?!\w)",
    r"dckr_pat_[A-Za-z0-9_\-]{27}",
    r"lin_api_[A-Za-z0-9]{40}",
    r"EAAA[a-zA-Z0-9]{60}",
)
_FORM = re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(_FORMS)})", re.ASCII)
_PRIVATE_KEY = re.compile(
    r"-----BEGIN (?:[A-Z0-9]+ )*(?:PRIVATE KEY|PRIVATE KEY BLOCK)-----"
    r"(?:[\sA-Za-z0-9+/=:,.\\-]*?-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----|(?:\s*(?:\\n)?[A-Za-z0-9+/=]{16,})*)"
)
_NAMED = re.compile(
    r"[\w.\-]*(?:pass(?:word|wd|phrase)?|pwd|secret|token|(?:api|access|secret|private|auth|service|account|signing|encryption|master)[-_ ]?key|_key|auth|credentials?)[\w]*"
    r"[\"'\]]{0,2} ?(?::=|=>|[:=]) ?(?P<quote>[\"'`])?(?P<value>[^\s\"'`<>{}()\[\],;\x1f]{8,400})",
    re.IGNORECASE,
)
_HEXADECIMAL = re.compile(r"[0-9a-fA-F\-]+")
_RANDOM = re.compile(r"[0-9A-Za-z+/=_\-.~]+")
_PLACEHOLDER = re.compile(
    r"example|sample|placeholder|changeme|redacted|dummy|your|test|[*x]{4}|\.\.\.|^[$%]", re.IGNORECASE
)
_NAME_OR_PATH = re.compile(r"(?:[A-Za-z]+[_.\-/:])*[A-Za-z]+\d{0,4}|https?:.*|[\w\-]+(?:\.[A-Za-z_]\w*)+|/.*")
FORM_SCORE, NAMED_SCORE = 0.9, 0.6
NAME_CHARACTERS = 16  # of a name before its last word: `API key`
MIN_HEXADECIMAL_CHARACTERS, MIN_RANDOM_CHARACTERS, MIN_PASSWORD_CHARACTERS = 16, 16, 8
MIN_HEXADECIMAL_ENTROPY, MIN_RANDOM_ENTROPY, FULL_RANDOM_CHARACTERS = 3.0, 4.5, 40


def entropy(text: str) -> float:
    """Shannon entropy of its characters, in bits a character.

    >>> entropy("abab"), entropy("")
    (1.0, 0.0)
    """
    counts = Counter(text).values()
    return sum((n / len(text) * math.log2(len(text) / n) for n in counts), 0.0)


def secrets(window: Window) -> Iterator[Found]:
    """Keys and tokens in the candidate, and the values of named secrets."""
    lowest, highest = max(0, window.start - 6), min(len(window.text), window.end + 4)
    for match in _PRIVATE_KEY.finditer(window.text, lowest):
        yield Found("secret", match.start(), match.end(), FORM_SCORE)
    for match in _FORM.finditer(window.text, max(0, window.start - 1), highest):
        start = match.start("npm") if match["npm"] else match.start()
        yield Found("secret", start, match.end(), FORM_SCORE)
    for match in _NAMED.finditer(window.text, max(0, window.start - NAME_CHARACTERS), highest):
        if looks_random(match["value"], quoted=match["quote"] is not None):
            yield Found("secret", match.start("value"), match.end("value"), NAMED_SCORE)
    yield from passwords(window)


def looks_random(value: str, quoted: bool) -> bool:
    """Whether a value given to the name of a secret is one, not the name of another variable or a placeholder.

    Entropy of a text of n characters is at most log2(n), so short ones are held to less than long ones.
    """
    if _PLACEHOLDER.search(value) or _NAME_OR_PATH.fullmatch(value):
        return False
    bits = entropy(value)
    if _HEXADECIMAL.fullmatch(value):
        return len(value) >= MIN_HEXADECIMAL_CHARACTERS and bits >= MIN_HEXADECIMAL_ENTROPY
    has_digit, has_letter = re.search(r"\d", value), re.search(r"[A-Za-z]", value)
    if len(value) >= MIN_RANDOM_CHARACTERS and _RANDOM.fullmatch(value):
        wanted = MIN_RANDOM_ENTROPY * min(1.0, math.log2(len(value)) / math.log2(FULL_RANDOM_CHARACTERS)) * 0.9
        return bool(has_digit and has_letter) and bits >= wanted
    marked = re.search(r"[^A-Za-z0-9_.\-/:]", value)
    return quoted and len(value) >= MIN_PASSWORD_CHARACTERS and bool(has_digit and has_letter and marked)
