"""JSON Schema (2020-12) of the envelope, the payload and what travels with them. Open: a later version may add members."""

from receipts.verify import (
    ATTESTATION,
    ATTESTATION_PAYLOAD,
    BUNDLE,
    COMMITMENT_ALG,
    DECISION_TYPE,
    GATE_TYPE,
    LOG_LEAF,
    OBJECT,
    PROTOCOL,
    SIG_ALG,
    STATUS,
    VERDICTS,
)

DIALECT = "https://json-schema.org/draft/2020-12/schema"
TEXT = {"type": "string", "minLength": 1}
HASH = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
UUID = {"type": "string", "pattern": "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"}
TIME = {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"}
BASE64 = {"type": "string", "pattern": "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"}
SIGNATURE = {"type": "string", "pattern": "^[A-Za-z0-9+/]{86}==$"}
COUNT = {"type": "integer", "minimum": 1, "maximum": 999999999999999}


def _ref(name: str) -> dict:
    return {"$ref": f"#/$defs/{name}"}


def _or_null(schema: dict) -> dict:
    return {"anyOf": [schema, {"type": "null"}]}


def _list_of(schema: dict) -> dict:
    return {"type": "array", "items": schema}


def _object(required: dict[str, dict], **optional: dict) -> dict:
    return {"type": "object", "required": list(required), "properties": required | optional}


def _signed(what: str) -> dict:
    """An inner object: base64 of exactly the signed bytes, which are one JSON document."""
    payload = BASE64 | {"contentEncoding": "base64", "contentMediaType": "application/json", "contentSchema": _ref(what)}
    return _object({"payload_b64": payload, "signature": SIGNATURE, "kid": TEXT, "sig_alg": {"const": SIG_ALG}})


PAYLOAD = _object(
    {
        "protocol": {"const": PROTOCOL},
        "object": {"const": OBJECT},
        "issuer": TEXT,
        "receipt_id": UUID,
        "request_id": UUID,
        "revision": COUNT,
        "verdict": {"enum": list(VERDICTS)},
        "commitment_id": {"type": "string", "pattern": "^rdc1_[A-Za-z0-9_-]{43}$"},
        "commitment_alg": {"const": COMMITMENT_ALG},
        "decision_type": {"const": DECISION_TYPE},
        "gate_type": {"const": GATE_TYPE},
        "environment": TEXT,
        "subject": _list_of(
            _object({"name": TEXT, "digest": {"type": "object", "minProperties": 1, "additionalProperties": TEXT}}),
        ),
        "policy": _object({"id": TEXT, "version": COUNT, "digest": HASH}),
        "conditions_digest": _or_null(HASH),
        "issued_at": TIME,
        "expires_at": _or_null(TIME),
        "supersedes": _or_null(UUID),
        "production_write": {"const": False},
    }
) | {"if": {"properties": {"expires_at": {"type": "null"}}}, "then": {"properties": {"verdict": {"const": "reject"}}}}

ATTESTED = {
    "root_key_id": TEXT,
    "root_public_key_fingerprint_sha256": HASH,
}
DEFINITIONS = {
    "envelope": _object(
        {"receipt": _ref("receipt")}, verdict=PAYLOAD["properties"]["verdict"], commitment_id={"type": "string"}, request_id=UUID
    ),
    "receipt": _signed("payload"),
    "payload": PAYLOAD,
    "bundle": _object(
        {"object": {"const": BUNDLE}, "receipt": _ref("receipt"), "key_bundle": _ref("jwks")},
        attestation=_ref("attestation"),
        log=_ref("log"),
        status=_signed("status"),
        status_attestation=_ref("attestation"),
    ),
    "jwks": _object(
        {
            "keys": _list_of(
                _object(
                    {
                        "kty": {"const": "OKP"},
                        "crv": {"const": "Ed25519"},
                        "use": {"const": "sig"},
                        "kid": {"type": "string", "pattern": "^[A-Za-z0-9_-]{43}$"},
                        "x": {"type": "string", "pattern": "^[A-Za-z0-9_-]{43}$"},
                    }
                )
            )
        }
    ),
    "root": _object({"root_key_id": TEXT, "public_key_b64": BASE64, "public_key_fingerprint_sha256": HASH, "sig_alg": {"const": SIG_ALG}}),
    "attestation": _object(
        {
            "object": {"const": ATTESTATION},
            **ATTESTED,
            "payload_b64": BASE64
            | {"contentEncoding": "base64", "contentMediaType": "application/json", "contentSchema": _ref("attestation_payload")},
            "signature": SIGNATURE,
        }
    ),
    "attestation_payload": _object(
        {
            "object": {"const": ATTESTATION_PAYLOAD},
            "protocol": {"const": PROTOCOL},
            **ATTESTED,
            "subject": _object(
                {
                    "kid": TEXT,
                    "allowed_use": {"enum": ["receipt_signing", "log_signing"]},
                    "sig_alg": {"const": SIG_ALG},
                    "public_key_b64": BASE64,
                    "public_key_fingerprint_sha256": HASH,
                }
            ),
            "not_before": TIME,
            "not_after": TIME,
        }
    ),
    "status": _object(
        {
            "object": {"const": STATUS},
            "protocol": {"const": PROTOCOL},
            "issuer": TEXT,
            "seq": COUNT,
            "issued_at": TIME,
            "next_update": TIME,
            "revoked": _list_of(
                _object(
                    {"receipt_sha256": HASH, "commitment_id": TEXT, "revoked_at": TIME, "reason": TEXT, "superseded_by": _or_null(HASH)}
                )
            ),
        },
        revoked_keys=_list_of(_object({"kid": TEXT, "revoked_at": TIME})),
    ),
    "log": _object(
        {
            "leaf_b64": BASE64 | {"contentEncoding": "base64", "contentMediaType": "application/json", "contentSchema": _ref("log_leaf")},
            "leaf_index": {"type": "integer", "minimum": 0},
            "tree_size": COUNT,
            "hashes": _list_of(HASH),
            "checkpoint": TEXT,
            "key": TEXT,
        },
        attestation=_ref("attestation"),
    ),
    "log_leaf": _object({"object": {"const": LOG_LEAF}, "kind": {"enum": ["decision", "receipt", "status", "key"]}, "at": TEXT}),
}


def schema(issuer: str) -> dict[str, object]:
    """The whole document. It describes an envelope or a bundle; the payload is under `$defs/payload`."""
    return {
        "$schema": DIALECT,
        "$id": f"{issuer.rstrip('/')}/protocol/v1/schema",
        "title": "Deployment review receipt",
        "description": "An envelope or a verification bundle. Where it passes, its form is right; only a verifier says whether it holds.",
        "if": {"type": "object", "properties": {"object": {"const": BUNDLE}}, "required": ["object"]},
        "then": _ref("bundle"),
        "else": _ref("envelope"),
        "$defs": DEFINITIONS,
    }
