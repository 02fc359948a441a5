"""JSON Schemas (2020-12) of what is JSON in a request and its packet; the verbs check the rules behind them."""

from reviews.confirmations import FIELDS, count
from reviews.models import Kind

HEX = "^[0-9a-f]{64}$"
DIGEST = {
    "type": "object",
    "properties": {
        "sha256": {"type": "string", "pattern": HEX},
        "gitCommit": {"type": "string", "pattern": "^[0-9a-f]{40}([0-9a-f]{24})?$"},
    },
    "minProperties": 1,
    "additionalProperties": False,
}
SUBJECT = {
    "type": "object",
    "properties": {"name": {"type": "string", "minLength": 1, "maxLength": 120}, "digest": DIGEST},
    "required": ["name", "digest"],
    "additionalProperties": False,
}
SUBJECTS = {
    "type": "array",
    "items": SUBJECT,
    "maxItems": 20,
    "examples": [[{"name": "ledger-export", "digest": {"sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}}]],
}
POLICY = {
    "type": ["object", "null"],
    "properties": {"id": {"type": "string", "format": "uuid"}, "version": {"type": "integer"}, "digest": {"type": "string"}},
    "required": ["id", "version", "digest"],
}
RULE = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "group": {"type": "string"}, "quorum": {"type": "integer", "minimum": 1}},
    "required": ["name", "group", "quorum"],
}
SECONDS = {"type": "integer", "minimum": 1}
ASKED = {
    "rules": {"type": "array", "items": RULE},
    "required_confirmations": {"type": "array", "items": {"enum": list(Kind.values)}},
    "maximum_ages": {"type": "object", "description": "Kind of confirmation → seconds.", "additionalProperties": SECONDS},
    "due_seconds": SECONDS,
    "review_seconds": SECONDS,
    "approval_seconds": SECONDS,
    "conditions_allowed": {"type": "boolean"},
    "session_seconds": {"type": ["integer", "null"], "description": "How old the sign-in of who decides may be."},
    "second_factor": {"type": "boolean", "description": "Who decides has signed in with a code of an authenticator app."},
}
RULING = POLICY | {"properties": POLICY["properties"] | ASKED, "required": [*POLICY["required"], *ASKED]}
TEXT = {"type": "string", "minLength": 1, "maxLength": 200}
COUNT = {"type": "integer", "minimum": 1, "maximum": 10_000_000}


def _statement(kind: str) -> dict:
    fields = FIELDS[Kind(kind)]
    return {
        "title": f"{Kind(kind).label} confirmation",
        "type": "object",
        "properties": {
            field.name: (COUNT if field.check is count else TEXT) | {"description": f"{field.hint} For example: {field.example}"}
            for field in fields
        },
        "required": [field.name for field in fields],
        "additionalProperties": False,
    }


STATEMENT = {
    "description": "The typed fields of the kind in the address.",
    "anyOf": [_statement(kind) for kind in Kind.values],
    "examples": [{"strategy": "redeploy previous artifact", "max_minutes": 15, "rehearsed_on": "2026-11-20"}],
}
STATED = {"type": "object", "description": "The typed fields of the kind; empty while it is only known who is to confirm it."}
LINK = {"type": "string", "maxLength": 500, "examples": ["https://evidence.example.org/drill-42"]}
SHA256 = {"type": "string", "examples": ["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"]}
UNTIL = {"type": "string", "description": "A time with its offset, or a day, which means its end in UTC.", "examples": ["2026-12-23"]}
COMMENT = {"type": "string", "minLength": 1, "maxLength": 2000, "examples": ["Not this quarter."]}
NOTE = {"type": "string", "maxLength": 2000, "examples": ["The second line goes first this time."]}
INNER = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in ("payload_b64", "signature", "kid", "sig_alg")},
    "required": ["payload_b64", "signature", "kid", "sig_alg"],
}
HANDED_IN = {"type": "object", "description": "The whole envelope, or a bundle, of the staging installation."}
DIGESTS = {"type": "object", "additionalProperties": {"type": "string", "pattern": HEX}}
OBJECT = {"type": "object"}
ANYTHING: dict = {}
