# ruff: noqa: E501  samples are as long as they are
"""What must not come in, and what must: made from seeded parts, so that nothing here is a secret and no scanner takes it for one.

`python -m tests.drafts.corpus` prints how much of either is refused, by kind.
"""

import base64
import random
import re
import string
import uuid
from collections import Counter
from collections.abc import Iterator
from urllib.parse import quote

from config.payload import kind_in_link, kind_of

SEED = 20261124
LETTERS = string.ascii_letters + string.digits
HEX = string.hexdigits[:16]
UPPER = string.ascii_uppercase + string.digits
Sample = tuple[str, str]


class Maker:
    """Random parts of one seed."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)  # noqa: S311  the same corpus each time

    def text(self, length: int, letters: str = LETTERS) -> str:
        return "".join(self.dice.choice(letters) for _ in range(length))

    def data(self, length: int) -> bytes:
        return self.dice.randbytes(length)

    def url64(self, length: int) -> str:
        return base64.urlsafe_b64encode(self.data(length)).decode().rstrip("=")

    def digits(self, length: int) -> str:
        return self.text(length, string.digits)

    def pick(self, *choices):
        return self.dice.choice(choices)


# --- what must not come in ----------------------------------------------------------------------------------------------------------


def pem(make: Maker, word: str) -> str:
    dash, body = "-" * 5, base64.b64encode(make.data(96)).decode()
    lines = "\n".join(body[at : at + 64] for at in range(0, len(body), 64))
    return f"{dash}BEGIN {word}{dash}\n{lines}\n{dash}END {word}{dash}"


def jwt(make: Maker) -> str:
    part = lambda said: base64.urlsafe_b64encode(said.encode()).decode().rstrip("=")  # noqa: E731
    return ".".join([part('{"alg":"HS256","typ":"JWT"}'), part(f'{{"sub":"{make.digits(10)}","iat":{make.digits(10)}}}'), make.url64(32)])


def tokens(make: Maker) -> Iterator[Sample]:
    key = "KEY"
    for word in ("RSA PRIVATE ", "EC PRIVATE ", "PRIVATE ", "ENCRYPTED PRIVATE ", "OPENSSH PRIVATE ", "DSA PRIVATE "):
        yield "private key", pem(make, word + key)
        yield "private key", pem(make, word + key).replace("\n", " ")
    yield "private key", pem(make, "PGP PRIVATE KEY BLOCK")
    yield "private key", "AGE-SECRET" + "-KEY-1" + make.text(58, UPPER)
    yield "private key", "PuTTY-User" + "-Key-File-2: ssh-rsa"
    for _ in range(3):
        yield "private key", base64.b64encode(bytes.fromhex("302e020100300506032b657004220420") + make.data(32)).decode()
        yield (
            "private key",
            base64.b64encode(bytes.fromhex("308204bd020100300d06092a864886f70d0101010500048204a7") + make.data(90)).decode(),
        )
        yield "private key", f'{{"kty":"OKP","crv":"Ed25519","d":"{make.url64(32)}","x":"{make.url64(32)}"}}'
        yield "private key", f'{{"kty":"oct","k":"{make.url64(32)}"}}'
    vendors = {
        "aws": lambda: make.pick("AKIA", "ASIA") + make.text(16, UPPER),
        "github": lambda: make.pick("gh" + "p_", "gh" + "o_", "gh" + "s_", "gh" + "u_", "gh" + "r_") + make.text(36),
        "github fine": lambda: "github" + "_pat_" + make.text(22) + "_" + make.text(59),
        "gitlab": lambda: make.pick("gl" + "pat-", "gl" + "dt-", "gl" + "rt-") + make.text(20),
        "slack": lambda: "xo" + make.pick("xb", "xp", "xa") + f"-{make.digits(11)}-{make.digits(12)}-{make.text(24)}",
        "slack hook": lambda: "https://hooks.slack.com/" + f"services/T{make.text(8, UPPER)}/B{make.text(8, UPPER)}/{make.text(24)}",
        "stripe": lambda: make.pick("sk", "rk") + make.pick("_live_", "_test_") + make.text(24),
        "npm": lambda: "np" + "m_" + make.text(36),
        "pypi": lambda: "py" + "pi-AgEIcHlwaS5vcmc" + make.text(60),
        "google key": lambda: "AI" + "za" + make.text(35),
        "google token": lambda: "ya" + "29." + make.text(60),
        "google secret": lambda: "GOC" + "SPX-" + make.text(28),
        "vault": lambda: "hv" + "s." + make.text(90),
        "openai": lambda: "s" + "k-" + make.text(48),
        "anthropic": lambda: "s" + "k-ant-api03-" + make.text(80),
        "huggingface": lambda: "h" + "f_" + make.text(34),
        "sendgrid": lambda: "S" + "G." + make.url64(16) + "." + make.url64(32),
        "digitalocean": lambda: "do" + "p_v1_" + make.text(64, HEX),
        "shopify": lambda: "shp" + "at_" + make.text(32, HEX),
        "docker": lambda: "dckr" + "_pat_" + make.text(27),
        "atlassian": lambda: "ATA" + "TT3" + make.text(120),
        "telegram": lambda: make.digits(10) + ":A" + "A" + make.text(33),
        "twilio": lambda: "S" + "K" + make.text(32, HEX),
        "square": lambda: "sq0" + "atp-" + make.text(22),
        "ours": lambda: "rd" + "y_" + make.text(64, HEX),
        "azure": lambda: "AccountKey=" + base64.b64encode(make.data(64)).decode(),
        "mailchimp": lambda: make.text(32, HEX) + "-us" + make.digits(2),
        "databricks": lambda: "da" + "pi" + make.text(32, HEX),
        "grafana": lambda: "gl" + "sa_" + make.text(32) + "_" + make.text(8, HEX),
    }
    for word, made in vendors.items():
        yield word, made()
        yield word, f"use {made()} for the smoke test"
    for _ in range(6):
        yield "jwt", jwt(make)
        yield "jwt", f"Authorization: Bearer {jwt(make)}"


def passwords(make: Maker) -> Iterator[Sample]:
    secret = lambda: make.text(6) + make.pick("!", "#", "$", "9") + make.text(6)  # noqa: E731
    for scheme in ("postgresql", "mysql", "redis", "amqp", "mongodb+srv", "https", "ftp", "ldap"):
        yield "dsn", f"{scheme}://app:{secret()}@db.internal:5432/main"
    for word in (
        "password",
        "passwd",
        "pwd",
        "client_secret",
        "client-secret",
        "api_key",
        "apikey",
        "secret_key",
        "access_token",
        "DB_PASSWORD",
    ):
        yield "assignment", f"{word}={secret()}"
        yield "assignment", f"{word}: {secret()}"
        yield "assignment", f'set "{word}" = "{secret()}" first'
    for _ in range(4):
        yield "header", f"Bearer {make.text(40)}"
        yield "header", "Basic " + base64.b64encode(f"admin:{secret()}".encode()).decode()
        yield "dsn words", f"Server=db;User Id=sa;Password={secret()};"
    for word in ("token", "access_token", "sig", "X-Amz-Signature", "api_key", "client_secret", "password", "code"):
        yield "link", f"https://files.example.org/report.pdf?version=2&{word}={make.text(32, HEX)}"
    for _ in range(12):
        yield "high entropy", make.text(make.pick(40, 48, 64))


def wrapped(make: Maker) -> Iterator[Sample]:
    """A credential under base64 or URL escapes, once and twice."""
    for _ in range(6):
        token, line = "gh" + "p_" + make.text(36), f"client_secret={make.text(20)}9"
        for bare in (token, line):
            once = base64.b64encode(bare.encode()).decode()
            yield "base64", once
            yield "base64 twice", base64.b64encode(once.encode()).decode()
            yield "url", "".join(f"%{ord(letter):02X}" for letter in bare)
            yield "url twice", quote("".join(f"%{ord(letter):02X}" for letter in bare))
    yield "base64 key", base64.b64encode(pem(make, "PRIVATE " + "KEY").encode()).decode()
    yield "full width", "".join(chr(ord(letter) + 0xFEE0) if letter != " " else " " for letter in "AKIA" + make.text(16, UPPER))


def with_luhn(bare: str) -> str:
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(bare + "0"))]
    return bare + str(-sum(number - 9 if number > 9 else number for number in doubled) % 10)


def cards(make: Maker) -> Iterator[Sample]:
    for prefix, length in (
        ("4", 16),
        ("51", 16),
        ("55", 16),
        ("2223", 16),
        ("34", 15),
        ("37", 15),
        ("6011", 16),
        ("3530", 16),
        ("36", 14),
        ("62", 16),
    ):
        bare = with_luhn(prefix + make.digits(length - 1 - len(prefix)))
        spaced = " ".join(bare[at : at + 4] for at in range(0, length, 4))
        yield "card", bare
        yield "card", spaced
        yield "card", f"charge {spaced.replace(' ', '-')} please"


IBANS = {"DE": 18, "GB": 0, "FR": 23, "NL": 0, "ES": 20, "CH": 17, "AT": 16, "BE": 12, "PL": 24, "SE": 20}


def ibans(make: Maker) -> Iterator[Sample]:
    for country, length in IBANS.items():
        bank = {"GB": make.text(4, string.ascii_uppercase) + make.digits(14), "NL": make.text(4, string.ascii_uppercase) + make.digits(10)}
        body = bank.get(country) or make.digits(length)
        number = int("".join(str(int(letter, 36)) for letter in f"{body}{country}00"))
        iban = f"{country}{98 - number % 97:02d}{body}"
        yield "iban", iban
        yield "iban", f"pay to {' '.join(iban[at : at + 4] for at in range(0, len(iban), 4))} today"


def people(make: Maker) -> Iterator[Sample]:
    for _ in range(8):
        yield "ssn", f"{make.pick('123', '401', '567')}-{make.dice.randint(10, 99)}-{make.dice.randint(1000, 9999)}"
    for _ in range(4):
        nine = make.digits(9)
        for _ in range(2):
            nine += str(sum(int(digit) * weight for digit, weight in zip(nine, range(len(nine) + 1, 1, -1), strict=True)) * 10 % 11 % 10)
        yield "cpf", f"{nine[:3]}.{nine[3:6]}.{nine[6:9]}-{nine[9:]}"
        eight = make.digits(8)
        yield "dni", eight + "TRWAGMYFPDXBNJZSQVHLCKE"[int(eight) % 23]
        yield "nino", f"AB {make.dice.randint(10, 99)} {make.dice.randint(10, 99)} {make.dice.randint(10, 99)} C"
        yield "named", f"passport number {make.digits(9)}"
        yield "named", f"SSN: {make.digits(9)}"
    yield "fiscal code", "RSSMRA85T10A562S"


def blocks(make: Maker) -> Iterator[Sample]:
    number = "4" + make.digits(5)
    yield "hl7", f"MSH|^~\\&|LAB|HOSP|EHR|HOSP|20261124||ORU^R01|{number}|P|2.5"
    yield "hl7", f"PID|1||{number}^^^HOSP^MR||DOE^JANE||19700101|F"
    yield "hl7", f"OBX|1|NM|2345-7^GLUCOSE||{number}|mg/dL"
    yield "fhir", f'{{"resourceType": "Patient", "id": "{number}"}}'
    yield "fhir", '<Bundle xmlns="http://hl7.org/fhir"><id value="1"/></Bundle>'
    yield "cda", '<ClinicalDocument xmlns="urn:hl7-org:v3">'
    yield "iso 20022", '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.03">'
    yield "iso 20022", f"<GrpHdr><MsgId>{number}</MsgId><NbOfTxs>1</NbOfTxs></GrpHdr>"
    yield "swift", f"{{1:F01BANKDEFFAXXX{make.digits(10)}}}{{2:I103}}"
    yield "swift", f":20:REF{number} :23B:CRED :32A:261124EUR1000,"
    yield "x12", "ISA*00*          *00*          *ZZ*SENDER*ZZ*RECEIVER*261124*1200*U*00401*000000001*0*P*>~"
    yield "x12", f"ST*837*0001~BHT*0019*00*{number}*20261124~"
    yield "x12", f"NM1*IL*1*DOE*JANE****MI*{number}~"
    yield "edifact", f"UNA:+.? 'UNB+UNOC:3+SENDER+RECEIVER+261124:1200+{number}'"
    yield "edifact", "UNH+1+INVOIC:D:96A:UN'BGM+380+1'"
    yield "vcard", "BEGIN:VCARD VERSION:3.0 FN:Jane Doe TEL:5550100 END:VCARD"
    yield "xml", "<?xml version='1.0'?><order><id>1</id></order>"
    yield "soap", "<soap:Envelope xmlns:soap='x'><soap:Body/></soap:Envelope>"
    for delimiter in (",", ";", "\t", "|"):
        rows = [delimiter.join(["id", "name", "amount", "city"])]
        rows += [delimiter.join([str(at), make.text(5), make.digits(4), make.text(6)]) for at in range(1, 5)]
        yield "table", "\n".join(rows)
        yield "table", "see\r\n" + "\r\n".join(rows)
        yield "table", delimiter.join(part for row in rows for part in row.split(delimiter))
    yield "object", f'{{"customer": "{number}", "amount": 12}}'
    yield "object", f'[{{"id": {number}}}, {{"id": 2}}]'
    yield "object", f'["a", ["b", {number}]]'
    yield (
        "contract",
        "WHEREAS, the parties agree as follows; this Agreement is subject to the governing law of the seat. Limitation of liability applies.",
    )
    yield (
        "contract",
        "The Supplier shall indemnify and hold harmless the Customer. Force majeure: see below. Entire agreement: these terms and conditions.",
    )
    yield "contract", "Confidential Information means anything disclosed under this Agreement before the Effective Date."
    yield "medical", "Patient diagnosed with hypertension, blood pressure 150/95 mmHg, prescribed 10 mg daily."
    yield "medical", "Discharge summary: patient allergic to penicillin, date of birth withheld, dosage reduced."
    yield "medical", "Chief complaint: chest pain. Medical history: none. Symptoms since Friday."
    yield "medical", "Diagnosis J45.9, see the record"
    yield "document", " ".join(make.text(5, string.ascii_lowercase) for _ in range(300))


def bad() -> list[Sample]:
    make = Maker(SEED)
    return [sample for part in (tokens, passwords, wrapped, cards, ibans, people, blocks) for sample in part(make)]


# --- what must come in --------------------------------------------------------------------------------------------------------------

WORDS = re.findall(
    r"\w+",
    "payments operations console threshold privileged access counterparty release data export deployment approval manual override risk"
    " escalation cross system handoff ledger settlement treasury onboarding identity claims underwriting pricing catalogue checkout",
)
SENTENCES = (
    "operations owner approves above 500k USD",
    "two of three release managers, and the duty officer out of hours",
    "Rehearsal seen, change window fits.",
    "Only in the evening, and only with the support team on call.",
    "Name who signs when the data protection officer is away.",
    "Standing admin access is not acceptable; propose access per shift.",
    "Token rotation is described in runbook-v2; the password policy is unchanged.",
    "The API key is stored in the vault; this request does not need it.",
    "Secrets are read from env at start; no secret: none is passed along.",
    "Basic authentication is off since release 2026.11; bearer tokens only.",
    "Rolls back within 15 minutes: redeploy previous artifact, then replay the queue.",
    "Ask for p99 < 300 ms at 2,000 requests/s; we saw 212 ms on 24 November.",
    "Région Île-de-France, équipe « plateforme », canal nº 4",
    "Größe der Änderung: klein; Rückfall auf Version 3.2.1",
    "承認者は運用責任者です",
    "Согласовано с дежурным инженером",
    "Υπεύθυνος έκδοσης: ομάδα πλατφόρμας",
    "24x7, 2nd line 08:00-20:00 CET (+49 30 5550 1000)",
    "See section 4.2, table 7, page 12 of the runbook.",
    "eu-west-1, eu-central-1 and us-east-2; not ap-southeast-2",
    "Patient portal release: the clinic's owner agreed.",
    "This agreement of the two teams is recorded in OPS-1432.",
    "1. drain 2. deploy 3. smoke test 4. undrain",
    "read, write, admin and audit for the service account",
    "approve; then deploy; then watch for 30 minutes",
    "#platform-oncall, then the duty manager, then +44 20 7946 0018",
    "sha256 of the image is in the subject; gitCommit as well",
    "Cost centre 4711-0815, budget line 2026/33",
)


def good() -> list[Sample]:
    make = Maker(SEED + 1)
    word = lambda: make.pick(*WORDS)  # noqa: E731
    made = {
        "uuid": lambda: str(uuid.UUID(bytes=make.data(16), version=4)),
        "ulid": lambda: "01" + make.text(24, "0123456789ABCDEFGHJKMNPQRSTVWXYZ"),
        "git sha": lambda: make.text(40, HEX),
        "short sha": lambda: make.text(make.pick(7, 8, 12), HEX),
        "sha256": lambda: make.text(64, HEX),
        "digest": lambda: "sha256:" + make.text(64, HEX),
        "md5": lambda: make.text(32, HEX),
        "ticket": lambda: f"{make.pick('OPS', 'PAY', 'SEC', 'CHG', 'INC', 'RITM')}-{make.digits(make.pick(3, 5))}",
        "service ticket": lambda: make.pick("CHG", "INC", "RITM") + make.digits(7),
        "ticket link": lambda: (
            f"https://tickets.example.org/browse/OPS-{make.digits(4)}?focusedId={make.digits(6)}#comment-{make.digits(5)}"
        ),
        "pull request": lambda: f"https://git.example.org/{word()}/{word()}/pull/{make.digits(4)}/files?w=1",
        "pipeline": lambda: f"https://ci.example.org/{word()}/-/pipelines/{make.digits(9)}",
        "wiki": lambda: f"https://wiki.example.org/pages/viewpage.action?pageId={make.digits(9)}",
        "shared document": lambda: f"https://docs.example.org/document/d/1{make.text(43)}/edit",
        "dashboard": lambda: f"https://metrics.example.org/d/{make.text(9)}/{word()}?orgId=1&from=now-6h&to=now",
        "scope": lambda: f"{word()}_{word()}_{word()}",
        "scope path": lambda: f"{word()}/{word()}:{make.pick('read', 'write', 'admin')}",
        "scopes": lambda: ",".join(f"{word()}:{make.pick('read', 'write')}" for _ in range(5)),
        "host request": lambda: f"host-request-{make.digits(make.pick(3, 10))}",
        "day": lambda: f"20{make.dice.randint(20, 39)}-{make.dice.randint(1, 12):02d}-{make.dice.randint(1, 28):02d}",
        "moment": lambda: f"2026-{make.dice.randint(1, 12):02d}-{make.dice.randint(1, 28):02d}T{make.dice.randint(0, 23):02d}:30:00Z",
        "window": lambda: f"2026-11-{make.dice.randint(10, 28)}T20:00Z/2026-12-{make.dice.randint(10, 28)}T23:00Z",
        "stamp": lambda: f"2026112{make.digits(1)}-{make.digits(6)}",
        "epoch": lambda: "17" + make.digits(11),
        "phone": lambda: f"+49 {make.digits(3)} {make.digits(8)}",
        "channel": lambda: f"#{word()}-oncall-{make.digits(2)}",
        "version": lambda: f"v{make.digits(1)}.{make.digits(2)}.{make.digits(1)}-rc.{make.digits(1)}+build.{make.digits(4)}",
        "image": lambda: f"registry.example.org/{word()}/{word()}:{make.digits(1)}.{make.digits(2)}@sha256:{make.text(64, HEX)}",
        "resource": lambda: f"arn:aws:iam::{make.digits(12)}:role/{word()}-{word()}",
        "account": lambda: f"account {make.digits(12)}",
        "amount": lambda: f"above {make.digits(3)},{make.digits(3)}.{make.digits(2)} EUR for {word()}",
        "camel case": lambda: "".join(word().title() for _ in range(4)) + make.digits(4),
        "commitment": lambda: "rdc1_" + make.url64(32),
        "address": lambda: f"10.{make.dice.randint(0, 255)}.{make.dice.randint(0, 255)}.7/24",
        "name": lambda: f"{word().title()} {word()} {make.digits(2)}",
    }
    samples = [(kind, one()) for kind, one in made.items() for _ in range(15)]
    return samples + [("sentence", sentence) for sentence in SENTENCES]


def refused(samples: list[Sample]) -> list[tuple[Sample, bool]]:
    """Each sample, and whether it is refused; addresses as evidence links are."""
    return [(sample, bool((kind_in_link if sample[1].startswith("http") else kind_of)(sample[1]))) for sample in samples]


def main() -> None:
    for name, samples, wanted in (("bad", bad(), True), ("good", good(), False)):
        wrong = [sample for sample, answer in refused(samples) if answer is not wanted]
        print(f"{name}: {len(samples)}, wrong: {len(wrong)} ({len(wrong) / len(samples):.2%}) {dict(Counter(kind for kind, _ in wrong))}")


if __name__ == "__main__":
    main()
