"""National identity numbers: every recogniser of persons' numbers that presidio has, each with words of its own.

Most of these numbers are nine or ten digits, with or without a check digit that one number in ten passes. So a number
counts beside a word that names it; only forms that nothing else has (a dashed social security number, an Italian fiscal
code) count alone.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from gristmill.filters.pii.marks import with_plain_marks
from gristmill.filters.pii.window import Found, Window, any_word, supported

# Recogniser of presidio -> words that name its number. presidio's own lists hold words such as `us`, `document`, `tax` and
# match inside words (`lic` in `publicly`); these are whole words.
NAMED_BY: dict[str, tuple[str, ...]] = {
    "UsSsnRecognizer": ("social security", "ssn", "ssns", "ssid"),
    "UsItinRecognizer": ("itin", "taxpayer", "taxpayer identification", "tax id", "taxid"),
    "UsPassportRecognizer": ("passport", "passports", "travel document"),
    "UsLicenseRecognizer": (
        *("driver license", "driver's license", "drivers license", "driving license", "driving licence"),
        *("driver licence", "driver's licence", "dl number", "cdl", "license is", "license number", "license no"),
    ),
    "UsMbiRecognizer": ("medicare", "mbi", "beneficiary identifier"),
    "NhsRecognizer": ("nhs", "national health service", "health authority"),
    "UkNinoRecognizer": ("national insurance", "nino", "ni number"),
    "UkPassportRecognizer": ("passport", "passports", "travel document"),
    "UkDrivingLicenceRecognizer": ("driving licence", "driver's licence", "dvla", "licence number", "licence no"),
    "CaSinRecognizer": ("social insurance", "sin number", "sin", "numéro nas", "mon nas", "assurance sociale"),
    "AuTfnRecognizer": ("tax file number", "tfn"),
    "AuMedicareRecognizer": ("medicare",),
    "InAadhaarRecognizer": ("aadhaar", "aadhar", "uidai"),
    "InPanRecognizer": ("permanent account number", "pan", "pan card"),
    "InPassportRecognizer": ("passport", "passports"),
    "InVoterRecognizer": ("voter", "elector", "epic"),
    "SgFinRecognizer": ("fin", "nric"),
    "EsNifRecognizer": ("dni", "nif", "documento nacional de identidad"),
    "EsNieRecognizer": ("nie", "número de identificación de extranjero"),
    "EsPassportRecognizer": ("pasaporte", "número de pasaporte"),
    "ItFiscalCodeRecognizer": ("codice fiscale", "fiscal code"),
    "ItDriverLicenseRecognizer": ("patente", "patente di guida", "licenza di guida"),
    "ItIdentityCardRecognizer": ("carta identità", "carta d'identità", "carta di identità", "documento", "cie"),
    "ItPassportRecognizer": ("passaporto",),
    "DeTaxIdRecognizer": (
        *("steuer id", "steuerid", "steueridentifikationsnummer", "steuerliche identifikationsnummer"),
        *("idnr", "steuer idnr", "persönliche identifikationsnummer"),
    ),
    "DeIdCardRecognizer": ("personalausweis", "personalausweisnummer", "ausweisnummer", "ausweis"),
    "DePassportRecognizer": ("reisepass", "reisepassnummer", "passnummer", "pass nr"),
    "DeFuehrerscheinRecognizer": ("führerschein", "führerscheinnummer", "fahrerlaubnis", "fahrerlaubnisnummer"),
    "DeHealthInsuranceRecognizer": (
        *("krankenversicherungsnummer", "krankenversichertennummer", "versichertennummer", "kvnr", "gesundheitskarte"),
        *("egk", "egk nummer", "versichertenkarte"),
    ),
    "DeSocialSecurityRecognizer": (
        *("sozialversicherungsnummer", "rentenversicherungsnummer", "versicherungsnummer", "rvnr", "svnr"),
        *("sv nummer", "rentenversicherung"),
    ),
    "FiPersonalIdentityCodeRecognizer": ("henkilötunnus", "hetu", "personal identity code", "personbeteckning"),
    "KrRrnRecognizer": ("resident registration", "rrn", "주민등록번호"),
    "KrFrnRecognizer": ("foreigner registration", "frn", "외국인등록번호", "외국인번호"),
    "KrPassportRecognizer": ("passport", "passports", "여권번호", "여권"),
    "KrDriverLicenseRecognizer": ("driver license", "driver's license", "운전면허번호", "운전면허", "면허번호"),
    "PhPassportRecognizer": ("passport", "passports", "travel document"),
    "PhTinRecognizer": ("tin", "tin number", "tax id", "taxpayer id", "taxpayer identification"),
    "PhUmidRecognizer": ("umid", "unified multi purpose", "common reference number", "crn"),
    "NgNinRecognizer": ("nin", "national identification number", "national identity number", "nimc"),
    "PlPeselRecognizer": ("pesel",),
    "SePersonnummerRecognizer": ("personnummer", "samordningsnummer", "personal identity number"),
    "ThTninRecognizer": (
        *("thai id", "thai national id", "tnin", "national identification number"),
        *("บัตรประชาชน", "เลขประจำตัวประชาชน", "รหัสปชช"),
    ),
    "TrNationalIdRecognizer": ("tckn", "tc kimlik", "kimlik", "tc no", "turkish id", "nüfus cüzdanı", "nüfus cüzdani"),
    "ZaIdNumberRecognizer": ("south african id", "rsa id", "id number", "identity number", "smart id"),
    "ZaPassportRecognizer": ("passport", "passports", "travel document"),
    "ZaDriverLicenseRecognizer": (
        *("driver license", "driver's license", "drivers license", "driving license", "driving licence"),
        *("driver licence", "driver's licence"),
    ),
    "ZaIncomeTaxNumberRecognizer": ("tax reference", "income tax number", "income tax reference", "sars"),
    "ZaTrafficRegisterNumberRecognizer": ("traffic register", "trn"),
}
MIN_CHARACTERS = 6
MAX_VALUE_BYTES = 40  # of the longest number of NAMED_BY as people write it
_STRICT = (  # forms that nothing else has
    ("UsSsnRecognizer", re.compile(r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])", re.ASCII)),
    ("ItFiscalCodeRecognizer", re.compile(r"(?<!\w)[A-Z]{6}\d\d[A-EHLMPR-T]\d\d[A-Z]\d{3}[A-Z](?!\w)", re.ASCII)),
)
_PAN, _PAN_DIGITS = "InPanRecognizer", 4  # its weakest expression takes any ten letters, digits and dashes


class Recogniser(NamedTuple):
    names: re.Pattern[str]
    presidio: Any


def strict_identities(window: Window) -> Iterator[Found]:
    """Identity numbers whose form alone tells them."""
    for name, form in _STRICT:
        for match in form.finditer(with_plain_marks(window.text), max(0, window.start - 1)):
            if match.start() >= window.end:
                break
            for value in _values(name, match.group(), match.start()):
                yield Found("national_id", value.start, value.end, value.score)


def named_identities(window: Window) -> Iterator[Found]:
    """Identity numbers behind a word that names them; the candidate is the text behind such a word."""
    words = window.words(window.end)
    if not names_any().search(words):
        return
    segment = with_plain_marks(window.text[window.start : window.end])
    for name, recogniser in recognisers().items():
        if not recogniser.names.search(words):
            continue
        for value in _values(name, segment, window.start):
            if recogniser.names.search(window.before(value.start)):
                yield Found("national_id", value.start, value.end, supported(value.score))


def _values(name: str, segment: str, offset: int) -> Iterator[Found]:
    """What a recogniser finds in a segment of the window's text that begins at `offset`."""
    presidio = recognisers()[name].presidio
    for result in presidio.analyze(segment, presidio.supported_entities):
        value = segment[result.start : result.end]
        if sum(map(str.isalnum, value)) < MIN_CHARACTERS or not any(map(str.isdecimal, value)):
            continue
        if _is_inside_word(segment, result.start, result.end):
            continue
        if name == _PAN and not (any(map(str.isalpha, value)) and sum(map(str.isdecimal, value)) >= _PAN_DIGITS):
            continue
        yield Found("national_id", offset + result.start, offset + result.end, result.score)


def _is_inside_word(text: str, start: int, end: int) -> bool:
    """Whether a letter or digit of the Latin script stands next to text[start:end]: some expressions look for digits only."""
    beside = text[max(0, start - 1) : start] + text[end : end + 1]
    return any(character.isascii() and character.isalnum() for character in beside)


@cache
def recognisers() -> dict[str, Recogniser]:
    """The recognisers of NAMED_BY; each is asked about text of any language."""
    from presidio_analyzer import predefined_recognizers

    return {
        name: Recogniser(any_word(*words), getattr(predefined_recognizers, name)()) for name, words in NAMED_BY.items()
    }


@cache
def names_any() -> re.Pattern[str]:
    return any_word(*{word for words in NAMED_BY.values() for word in words})
