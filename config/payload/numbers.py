"""Numbers of cards, accounts and people, told from other numbers by their check digits."""

import re

CARD, ACCOUNT, PERSON = "a card number", "a bank account number", "a national identity number"
UUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.I)
DIGITS = re.compile(r"(?<![\w+.])\d(?:[ \-.\u2010-\u2015]?\d){11,31}(?!\w)")
# Issuer's first digits, and how many digits its cards have.
ISSUERS = (
    (re.compile(r"4"), (13, 16, 19)),
    (re.compile(r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720"), (16,)), (re.compile(r"3[47]"), (15,)),
    (re.compile(r"6011|64[4-9]|65|62|81"), (16, 17, 18, 19)), (re.compile(r"35(?:2[89]|[3-8])"), (16,)),
    (re.compile(r"30[0-5]|36|38|39"), (14,)),
    (re.compile(r"50|5[6-9]|63|67"), (16, 18, 19)), (re.compile(r"220[0-4]|60|9792"), (16,)),
)  # fmt: skip
# Looked ahead, so that one that is none hides no other behind it.
IBAN = re.compile(r"(?<![A-Z0-9])(?=([A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,30}))", re.I)
# Country and length, ISO 13616.
IBAN_LENGTHS = {
    country: int(length)
    for country, length in re.findall(
        r"([A-Z]{2})([0-9]{2})",
        "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29 ES24 FI18 FO18 FR27 "
        "GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 MC27 MD24 "
        "ME22 MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SC31 SE24 SI19 SK24 SM27 ST25 SV28 TL23 TN24 "
        "TR26 UA29 VA22 VG24 XK20",
    )
}
SSN = re.compile(r"(?<![\w-])(?!000|666|9\d\d)\d{3}[- ](?!00)\d{2}[- ](?!0000)\d{4}(?![\w-])")
CPF = re.compile(r"(?<!\d)(\d{3})\.(\d{3})\.(\d{3})-(\d{2})(?!\d)")
NINO = re.compile(r"\b(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]\b")
FISCAL_CODE = re.compile(r"\b[A-Z]{6}\d{2}[A-EHLMPR-T]\d{2}[A-Z]\d{3}[A-Z]\b", re.I)
DNI = re.compile(r"\b([XYZ]?)-?(\d{7,8})-?([A-HJ-NP-TV-Z])\b")
NIR = re.compile(r"(?<!\d)([12] ?\d{2} ?(?:0[1-9]|1[0-2]) ?\d{2} ?\d{3} ?\d{3}) ?(\d{2})(?!\d)")
AADHAAR = re.compile(r"(?<![\d-])[2-9]\d{3} \d{4} \d{4}(?![\d-])")
NAMED = re.compile(
    r"\b(?:ssn|social security(?: number| no\.?)?|pesel|bsn|nhs(?: number| no\.?)|passport(?: number| no\.?)?|national id|steuer-?id|tax id"
    r"|aadhaar|codice fiscale|mrn|medical record(?: number)?)\W{1,3}(?:is )?[A-Z]{0,2}\d[\d -]{5,}",
    re.I,
)
ODD = dict(zip("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20,
    11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23), strict=True))  # fmt: skip
VERHOEFF = ("0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415", "7046913258")
DIHEDRAL = ("0123456789", "1234067895", "2340178956", "3401289567", "4012395678", "5987604321", "6598710432", "7659821043", "8765932104",
    "9876543210")  # fmt: skip


def number_in(text: str) -> str:
    """The kind of a number that stands in a text; empty when there is none."""
    if not any(letter.isdigit() for letter in text):
        return ""
    bare = UUID.sub(" ", text)
    if any(_holds_card(run) for run in DIGITS.findall(bare)):
        return CARD
    if any(_is_iban(found) for found in IBAN.findall(bare)):
        return ACCOUNT
    return PERSON if _holds_person(bare) else ""


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1, annex B."""
    doubled = [int(digit) * (2 - place % 2) if place % 2 == 0 else int(digit) for place, digit in enumerate(reversed(digits), start=1)]
    return sum(number - 9 if number > 9 else number for number in doubled) % 10 == 0


def _holds_card(run: str) -> bool:
    """Any neighbouring groups of the run: a card may stand behind another number."""
    groups = re.split(r"\D", run)
    starts = range(len(groups))
    return any(_is_card("".join(groups[start:end])) for start in starts for end in range(start + 1, min(len(groups), start + 19) + 1))


def _is_card(digits: str) -> bool:
    if not 13 <= len(digits) <= 19 or len(set(digits)) < 2:
        return False
    return any(prefix.match(digits) and len(digits) in lengths for prefix, lengths in ISSUERS) and luhn(digits)


def _is_iban(text: str) -> bool:
    """ISO 13616: the country's length, and ISO/IEC 7064 MOD 97-10. Words that follow it are left out."""
    joined = re.sub(r"[ -]", "", text).upper()
    length = IBAN_LENGTHS.get(joined[:2], 0)
    if not length or len(joined) < length:
        return False
    turned = joined[4:length] + joined[:4]
    return int("".join(str(int(letter, 36)) for letter in turned)) % 97 == 1


def _holds_person(text: str) -> bool:
    return bool(
        SSN.search(text)
        or NINO.search(text)
        or NAMED.search(text)
        or any(_is_cpf("".join(parts)) for parts in CPF.findall(text))
        or any(_is_fiscal_code(found.upper()) for found in FISCAL_CODE.findall(text))
        or any(_is_dni(*parts) for parts in DNI.findall(text))
        or any(97 - int(number.replace(" ", "")) % 97 == int(key) for number, key in NIR.findall(text))
        or any(_is_aadhaar(found.replace(" ", "")) for found in AADHAAR.findall(text))
    )


def _is_cpf(digits: str) -> bool:
    """Brazil: two digits, each modulo 11 of what stands before it."""
    return len(set(digits)) > 1 and all(
        sum(int(digit) * weight for digit, weight in zip(digits[:place], range(place + 1, 1, -1), strict=True)) * 10 % 11 % 10
        == int(digits[place])
        for place in (9, 10)
    )


def _is_fiscal_code(code: str) -> bool:
    """Italy: decree of 23 December 1976, the sixteenth character."""
    total = sum(
        ODD[letter] if place % 2 == 0 else int(letter, 36) - (10 if letter.isalpha() else 0) for place, letter in enumerate(code[:15])
    )
    return chr(ord("A") + total % 26) == code[15]


def _is_dni(sort: str, digits: str, letter: str) -> bool:
    """Spain: DNI and NIE, modulo 23."""
    if len(digits) != (7 if sort else 8):
        return False
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(str("XYZ".index(sort)) + digits if sort else digits) % 23] == letter


def _is_aadhaar(digits: str) -> bool:
    """India: Verhoeff's scheme."""
    check = "0"
    for place, digit in enumerate(reversed(digits)):
        check = DIHEDRAL[int(check)][int(VERHOEFF[place % 8][int(digit)])]
    return check == "0"
