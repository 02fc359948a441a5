"""Blocks of data and documents: messages between systems, tables, contracts, findings about patients."""

import json
import re

MESSAGE, TABLE, DATA = "a message of another system", "a table", "a data object"
CONTRACT, MEDICAL, LONG = "contract text", "medical text", "text as long as a document"
MOST_WORDS = 280
HEADS = re.compile(
    r"MSH\|\^~|(?:^|[\r\n])(?:PID|OBX|OBR|PV1|NK1|EVN|ORC|AL1|DG1)\|[^\s|]*\||\"resourceType\"\s*:|xmlns(?::\w+)?=.{0,3}http://hl7\.org/fhir"
    r"|<ClinicalDocument\b|urn:hl7-org:v3|urn:iso:std:iso:20022|<(?:\w+:)?(?:GrpHdr|PmtInf|CdtTrfTxInf|CstmrCdtTrfInitn|FIToFICstmrCdtTrf|BkToCstmrStmt)\b"
    r"|\{1:[FAL]\d{2}[A-Z0-9]{12}|:20:.{1,20}:(?:23B|32A|25|21):|\bISA[*|~^|]\d{2}[*|~^|]|\bGS\*[A-Z]{2}\*|\bST\*\d{3}\*|\b(?:CLM|NM1|BEG|SVC|N1)\*\w+\*"
    r"|\bUN[AB]\+|\bUNA:\+|\bUN[HT]\+\w+\+|\bBGM\+\d{3}\+|\bNAD\+[A-Z]{2}\+|BEGIN:V(?:CARD|CALENDAR)|<\?xml\s|<soap(?:env)?:Envelope"
    r"|^(?:101|5200|6\d{2}) ?\d{9} ?\d{9,}|%PDF-1\.|data:[a-z]+/[\w.+-]+;base64,",
    re.I,
)
CONTRACT_WORDS = re.compile(
    r"\b(?:hereinafter|witnesseth|whereas,|in witness whereof|party of the first part|shall indemnify|hold harmless|governing law"
    r"|this agreement|the parties (?:agree|hereto)|force majeure|severability|entire agreement|limitation of liability|effective date"
    r"|terms and conditions|confidential information|binding arbitration|for good and valuable consideration)\b",
    re.I,
)
MEDICAL_WORDS = re.compile(
    r"\b(?:patient|diagnos(?:is|es|ed)|icd-?10|prescri(?:bed|ption)|date of birth|dob|symptoms?|dosage|\d+ ?mg (?:daily|twice|once|orally)"
    r"|blood pressure|medical history|allergic to|biopsy|oncology|presents with|chief complaint|discharge summary|hba1c|hemoglobin"
    r"|\d{2,3}/\d{2,3} ?mmhg)\b",
    re.I,
)
CODED_FINDING = re.compile(r"\bICD-?10\b\W{0,3}[A-Z]\d{2}|\bdiagnos(?:is|ed)\b.{0,40}\b[A-TV-Z]\d{2}\.\d", re.I)
DELIMITERS = ",;\t|"


def message_in(text: str) -> str:
    """The kind of a block or document that a text is; empty when it is none."""
    if HEADS.search(text):
        return MESSAGE
    if _is_object(text):
        return DATA
    if _is_table(text):
        return TABLE
    if _kinds(CONTRACT_WORDS, text) >= 3:
        return CONTRACT
    if CODED_FINDING.search(text) or _kinds(MEDICAL_WORDS, text) >= 3:
        return MEDICAL
    return LONG if len(text) > MOST_WORDS and len(text.split()) > MOST_WORDS else ""


def _kinds(words: re.Pattern, text: str) -> int:
    return len({found.casefold() for found in words.findall(text)})


def _is_object(text: str) -> bool:
    """JSON that holds more than a list of plain values."""
    if text.lstrip()[:1] not in ("{", "["):
        return False
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and bool(value) or isinstance(value, list) and any(isinstance(part, dict | list) for part in value)


def _is_table(text: str) -> bool:
    """Lines with the same separators, as often in each; or one line of many fields."""
    lines = [line for line in re.split(r"[\r\n]+|\\n", text) if line.strip()]
    return any(_columns(lines, delimiter) for delimiter in DELIMITERS) or any(
        _one_line(line, delimiter) for line in lines for delimiter in ",;|\t"
    )


def _columns(lines: list[str], delimiter: str) -> bool:
    counts = [line.count(delimiter) for line in lines]
    spaced = sum(line.count(f"{delimiter} ") for line in lines)
    tight = delimiter in "\t|" or spaced * 2 < sum(counts)
    return tight and any(
        first >= 2 and first == second == third for first, second, third in zip(counts, counts[1:], counts[2:], strict=False)
    )


def _one_line(line: str, delimiter: str) -> bool:
    """At least six fields with nothing but the separator between them, some of them numbers."""
    fields = line.split(delimiter)
    tight = sum(bool(field) and not field[0].isspace() for field in fields[1:])
    numbers = sum(field.strip().strip('"').replace(".", "", 1).isdigit() for field in fields)
    return len(fields) >= 6 and tight >= len(fields) - 2 and numbers >= 2
