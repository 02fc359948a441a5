"""Signed notes against the examples of their specification."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from receipts import note
from receipts.canonical import b64, unb64
from tests.receipts.samples import SIGNER

NAME = "readiness.example.org"


def test_S08_the_key_hash_is_that_of_the_specification():
    # The example key of the Go package golang.org/x/mod/sumdb/note.
    name, public_key = "PeterNeumann", unb64("ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")[1:]

    assert note.key_name(name, public_key) == "PeterNeumann+c74f20a3"
    assert note.verifier_key(name, public_key) == "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"


def test_a_checkpoint_has_three_lines_a_blank_one_and_a_signature():
    text = note.checkpoint(NAME, size=7, root=bytes(32))
    whole = note.signed(text, name=NAME, public_key=SIGNER.public_key, signature=SIGNER.sign(text.encode()))

    origin, size, root, blank, line, end = whole.split("\n")
    assert (origin, size, root, blank, end) == (NAME, "7", b64(bytes(32)), "", "")
    dash, name, signature = line.split(" ")
    assert (dash, name) == ("\u2014", NAME)
    assert unb64(signature)[:4] == note.key_hash(NAME, SIGNER.public_key)
    Ed25519PublicKey.from_public_bytes(SIGNER.public_key).verify(unb64(signature)[4:], f"{origin}\n{size}\n{root}\n".encode())


@pytest.mark.parametrize(
    ("issuer", "origin"),
    [
        ("https://readiness.example.org", NAME),
        ("http://127.0.0.1:8000", "127.0.0.1:8000"),
        ("https://a.example/x/y", "a.example/x/y"),
        ("plain", "plain"),
    ],
)
def test_the_origin_is_the_issuer_without_its_scheme(issuer, origin):
    assert note.origin(issuer) == origin
