"""A signer in a process of its own, for RECEIPT_SIGNER=unix:/run/readiness/signer.sock. An example: put your KMS or HSM where `sign` is.

    python examples/socket_signer.py --key /etc/readiness/signing-key.pem --socket /run/readiness/signer.sock

One line of JSON is asked, one line is answered, then the connection ends:

    {"ask": "public_key"}                                      → {"public_key_b64": "…"}
    {"ask": "sign", "kid": "…", "payload_b64": "…"}            → {"signature_b64": "…"}
    anything else, or a kid that is not the key's              → {"error": "…"}

The key is read anew for each question, so a rotation is one `mv`. Who may open the socket may have anything signed: the file system's
rights on its folder are the guard. This process signs nothing but receipts and status documents of the protocol.
"""

import argparse
import base64
import hashlib
import json
import os
import socketserver

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

LONGEST_QUESTION = 1024 * 1024
SECONDS = 5
PROTOCOL = "craton.receipt.protocol.v1"


def b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def thumbprint(public_key: bytes) -> str:
    """RFC 7638."""
    members = f'{{"crv":"Ed25519","kty":"OKP","x":"{b64url(public_key)}"}}'
    return b64url(hashlib.sha256(members.encode()).digest())


def load(path: str) -> Ed25519PrivateKey:
    with open(path, "rb") as file:
        key = load_pem_private_key(file.read(), None)
    if not isinstance(key, Ed25519PrivateKey):
        raise TypeError("not an Ed25519 key")
    return key


def answer(question: dict, key: Ed25519PrivateKey) -> dict[str, str]:
    public_key = key.public_key().public_bytes_raw()
    if question.get("ask") == "public_key":
        return {"public_key_b64": base64.b64encode(public_key).decode()}
    if question.get("ask") != "sign" or question.get("kid") != thumbprint(public_key):
        return {"error": "unknown question or key"}
    payload = base64.b64decode(question["payload_b64"], validate=True)
    if json.loads(payload).get("protocol") != PROTOCOL:
        return {"error": "not a document of the protocol"}
    return {"signature_b64": base64.b64encode(key.sign(payload)).decode()}


class Handler(socketserver.StreamRequestHandler):
    timeout = SECONDS

    def handle(self) -> None:
        try:
            said = answer(json.loads(self.rfile.readline(LONGEST_QUESTION)), load(self.server.key_path))
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            said = {"error": "no"}
        self.wfile.write(json.dumps(said).encode() + b"\n")


class Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


def main() -> None:
    parser = argparse.ArgumentParser(description="Sign receipts for a Readiness on this machine, over a Unix socket.")
    parser.add_argument("--key", required=True, help="PKCS#8 PEM file of the Ed25519 key")
    parser.add_argument("--socket", required=True, help="where to listen; the folder says who may ask")
    said = parser.parse_args()
    os.umask(0o177)
    if os.path.exists(said.socket):
        os.unlink(said.socket)
    with Server(said.socket, Handler) as server:
        server.key_path = said.key
        print("listening", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
