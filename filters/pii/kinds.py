"""The kinds of personal data and secrets, and the placeholder that stands for each in masked text."""

PLACEHOLDERS: dict[str, str] = {
    "email": "<EMAIL>",
    "phone": "<PHONE>",
    "credit_card": "<CREDIT_CARD>",
    "iban": "<IBAN>",
    "ip_address": "<IP_ADDRESS>",
    "national_id": "<NATIONAL_ID>",
    "url_credentials": "<CREDENTIALS>",
    "secret": "<SECRET>",
    "crypto_address": "<CRYPTO_ADDRESS>",
    "person": "<PERSON>",
    "location": "<LOCATION>",
    "organization": "<ORGANIZATION>",
}
NAMED_ENTITIES = ("person", "location", "organization")  # only a model finds these
PATTERN_KINDS = tuple(kind for kind in PLACEHOLDERS if kind not in NAMED_ENTITIES)

# What the pre-scan says a span can hold; a span may be of several classes.
MAY_BE_EMAIL = 1
MAY_BE_URL_CREDENTIALS = 2
MAY_BE_PHONE = 4
MAY_BE_CARD = 8
MAY_BE_IPV4 = 16
MAY_BE_IPV6 = 32
MAY_BE_IBAN = 64
MAY_BE_CRYPTO = 128
MAY_BE_NAMED_IDENTITY = 256  # the text behind a word that names an identity number
MAY_BE_SOCIAL_SECURITY = 512  # three, two and four digits with dashes
MAY_BE_FISCAL_CODE = 1024  # sixteen letters and digits, as in Italy
MAY_BE_KEY = 2048
MAY_BE_NAMED_SECRET = 4096  # a name that says secret, and what is given to it
