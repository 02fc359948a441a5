"""The published vectors: as their command makes them, and agreed upon by verifiers that share no code."""

import json
import subprocess
from datetime import datetime, timedelta

import nacl.exceptions
import nacl.signing
import pytest

from receipts.canonical import unb64, unb64url
from receipts.verify import MEANING, verify
from tests.receipts import vectors
from tests.receipts.test_interop import NODES

RECEIPTS = json.loads((vectors.FOLDER / "receipts.json").read_text())
SIGNATURES = json.loads((vectors.FOLDER / "ed25519.json").read_text())
NOW = datetime.fromisoformat(RECEIPTS["now"])
NODE = """
const { createPublicKey, verify } = require("node:crypto");
const { key, vectors } = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
const known = createPublicKey({ key, format: "jwk" });
const bytes = (text) => Buffer.from(text, "base64");
process.stdout.write(JSON.stringify(vectors.map((each) => verify(null, bytes(each.payload_b64), known, bytes(each.signature)))));
"""


def test_S08_the_command_makes_the_published_files_again():
    assert {path.name: path.read_text() for path in vectors.FOLDER.glob("*.json")} == vectors.texts()


def test_S08_every_vector_has_a_name_of_its_own():
    for published in (RECEIPTS, SIGNATURES):
        names = [each["name"] for each in published["vectors"]]
        assert len(set(names)) == len(names)


def test_S08_every_reason_has_a_vector():
    """But for the one that needs a pinned root that is no root at all, which the command line and its tests refuse."""
    said = {word for each in RECEIPTS["vectors"] for word in each["expected"]["reasons"]}

    assert set(MEANING) - said == {"malformed_root"}


def demands_of(given: dict) -> dict:
    ages = {name: timedelta(seconds=given[name]) for name in ("max_age", "max_status_age") if name in given}
    return {"accept_conditions": False} | given | ages


@pytest.mark.parametrize("vector", RECEIPTS["vectors"], ids=lambda vector: vector["name"])
def test_S08_our_verifier_says_what_is_expected(vector):
    pinned = RECEIPTS["pinned"][vector["pinned"]]
    trust = {"root": pinned} if "root_key_id" in pinned else {"jwks": pinned}

    found = verify(vector["file"].encode(), legacy=True, now=NOW, **trust, **demands_of(vector["demands"]))

    said = {"verified": found.verified, "reasons": list(found.reasons), "signature_valid": found.signature_valid}
    assert {name: said[name] for name in vector["expected"]} == vector["expected"]


def sodium_accepts(vector: dict) -> bool:
    try:
        nacl.signing.VerifyKey(unb64url(SIGNATURES["key"]["x"])).verify(unb64(vector["payload_b64"]), unb64(vector["signature"]))
    except nacl.exceptions.BadSignatureError:
        return False
    return True


def test_S08_libsodium_agrees_on_every_signature():
    assert [sodium_accepts(vector) for vector in SIGNATURES["vectors"]] == [vector["valid"] for vector in SIGNATURES["vectors"]]


@pytest.mark.parametrize("node", NODES.values(), ids=NODES)
def test_S08_node_agrees_on_every_signature(node):
    done = subprocess.run([node, "-e", NODE], input=json.dumps(SIGNATURES), capture_output=True, text=True, check=True)

    assert json.loads(done.stdout) == [vector["valid"] for vector in SIGNATURES["vectors"]]
