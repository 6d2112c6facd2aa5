"""API keys, tokens and private keys: forms that only a key has, and random values given to a name that says secret.

The forms cover those of detect-secrets' plugins (checked by `benchmarks/pii.py secrets` where that package is installed)
and some newer ones. Values of named secrets must be as random as a key is (`randomness`); those of passwords need not be
(`passwords`). A hash that nothing calls a secret is none.
"""

import re
from collections.abc import Iterator

from gristmill.filters.pii.secrets.names import MAX_NAME_CHARACTERS, name_start
from gristmill.filters.pii.secrets.randomness import looks_random
from gristmill.filters.pii.window import Found, Window

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
_GIVEN = re.compile(
    rf"(?<![\w.\-])(?P<name>[\w.\-]{{1,{MAX_NAME_CHARACTERS}}})[\"'\]]{{0,2}} ?(?::=|=>|[:=]) ?(?P<quote>[\"'`])?"
    r"(?P<value>[^\s\"'`<>{}()\[\],;\x1f]{8,400})"
)
_OWNERS = "api|access|secret|private|auth|service|account|signing|encryption|master"
_SECRET_NAME = re.compile(rf"pass|pwd|secret|token|_key|auth|credential|(?:{_OWNERS})-?key", re.IGNORECASE)
_KEY_OWNER = re.compile(rf"(?<!\w)(?:{_OWNERS}) \Z", re.IGNORECASE)
FORM_SCORE, NAMED_SCORE = 0.9, 0.6


def keys(window: Window) -> Iterator[Found]:
    """Keys and tokens in the candidate, by their form."""
    lowest, highest = max(0, window.start - 6), min(len(window.text), window.end + 4)
    for match in _PRIVATE_KEY.finditer(window.text, lowest):
        yield Found("secret", match.start(), match.end(), FORM_SCORE)
    for match in _FORM.finditer(window.text, max(0, window.start - 1), highest):
        start = match.start("npm") if match["npm"] else match.start()
        yield Found("secret", start, match.end(), FORM_SCORE)


def named_secrets(window: Window) -> Iterator[Found]:
    """The random value that is given to the name which the candidate begins with."""
    match = _GIVEN.match(window.text, name_start(window), window.end + 4)
    if match and _names_secret(window.text, match) and looks_random(match["value"], quoted=match["quote"] is not None):
        yield Found("secret", match.start("value"), match.end("value"), NAMED_SCORE)


def _names_secret(text: str, given: re.Match[str]) -> bool:
    """Whether a name holds a word for secrets, or is `key` behind a word such as `API`."""
    if _SECRET_NAME.search(given["name"]):
        return True
    start = given.start()
    return given["name"].lower() == "key" and _KEY_OWNER.search(text, max(0, start - 12), start) is not None
