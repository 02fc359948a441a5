"""A signer in another process, for real: the example of examples/ behind a Unix socket, and signers that fail in every way."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import env
from receipts import signing
from receipts.canonical import b64
from receipts.keys import jwks, register_key, rotate
from receipts.models import Receipt
from receipts.verify import verify
from tests.conftest import PROJECT
from tests.factories import Story
from tests.invariants import assert_consistent, refused
from tests.receipts.samples import OTHER_SIGNER, SIGNER


@pytest.fixture
def folder():
    """A socket's path may hold about 100 bytes only, which the folders of pytest overrun."""
    with tempfile.TemporaryDirectory(prefix="signer-", dir="/tmp") as found:
        yield Path(found)


@pytest.fixture
def elsewhere(settings, folder):
    settings.RECEIPT_SIGNING_KEY = settings.RECEIPT_SIGNING_KEY_FILE = ""
    settings.RECEIPT_SIGNER = f"unix:{folder}/s"
    return folder


@contextmanager
def example(folder: Path):
    (folder / "key.pem").write_bytes(signing.new_private_key_pem())
    command = [sys.executable, PROJECT / "examples/socket_signer.py", "--key", folder / "key.pem", "--socket", folder / "s"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env={"PATH": os.environ["PATH"]})
    try:
        assert process.stdout.readline() == b"listening\n"
        yield
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@contextmanager
def answering(folder: Path, answers):
    """A signer that says what it is told to; `answers`: question → bytes, or None to say nothing."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"{folder}/s")
    listener.listen()

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                said = answers(json.loads(connection.makefile().readline()))
                if said is None:
                    connection.settimeout(10)
                    connection.recv(1)
                else:
                    connection.sendall(said)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def line(**members) -> bytes:
    return json.dumps(members).encode() + b"\n"


def test_receipts_are_signed_by_the_example(elsewhere, both_stores):
    with example(elsewhere):
        story = Story()
        story.approved()
        report = verify(Receipt.objects.get().envelope, jwks())

    assert (report.verified, report.kid) == (True, Receipt.objects.get().kid)


def test_F19_the_examples_key_is_rotated_by_replacing_its_file(elsewhere, both_stores):
    with example(elsewhere):
        story = Story()
        review_request = story.in_review()
        story.vote(story.release, review_request)
        (elsewhere / "new.pem").write_bytes(signing.new_private_key_pem())
        register_key(signing.signer_in(str(elsewhere / "new.pem")))
        rotate()
        refused(lambda: story.vote(story.security, review_request), "signing_key_retired", status=503)
        (elsewhere / "new.pem").replace(elsewhere / "key.pem")
        assert story.vote(story.security, review_request).state == "approved"
        assert verify(Receipt.objects.get().envelope, jwks()).verified


def test_the_example_signs_nothing_else(elsewhere):
    with example(elsewhere):
        signer = signing.signer()
        for payload in (b"{}", b"[]", b"transfer everything"):
            with pytest.raises(signing.SigningUnavailable):
                signer.sign(payload)
        assert signer.sign(b'{"protocol":"craton.receipt.protocol.v1"}')


def test_the_examples_socket_is_for_its_user_alone(elsewhere):
    with example(elsewhere):
        assert (elsewhere / "s").stat().st_mode & 0o077 == 0


def key(_) -> bytes:
    return line(public_key_b64=b64(SIGNER.public_key))


BROKEN = {
    "no line": lambda _: b"",
    "no JSON": lambda _: b"ok\n",
    "an error": lambda _: line(error="no"),
    "a list": lambda _: b"[]\n",
    "a short key": lambda _: line(public_key_b64=b64(b"short")),
    "lenient base64": lambda _: line(public_key_b64=b64(SIGNER.public_key) + "\n"),
    "a small-order key": lambda _: line(public_key_b64=b64(bytes(32))),
    "endless": lambda _: b"x" * 100_000,
}


@pytest.mark.parametrize("sort", BROKEN)
def test_S10_a_signer_that_is_no_signer_approves_nothing(elsewhere, sort):
    with answering(elsewhere, BROKEN[sort]), pytest.raises(signing.SigningUnavailable):
        signing.signer()


def test_S10_a_signer_that_is_not_there_approves_nothing(elsewhere):
    with pytest.raises(signing.SigningUnavailable):
        signing.signer()


FORGED = {
    "another key's signature": lambda _: line(signature_b64=b64(OTHER_SIGNER.sign(b"payload"))),
    "of something else": lambda _: line(signature_b64=b64(SIGNER.sign(b"another payload"))),
    "too short": lambda _: line(signature_b64=b64(b"x")),
    "nothing": lambda _: line(),
}


@pytest.mark.parametrize("sort", FORGED)
def test_S10_a_signature_is_checked_before_it_is_believed(elsewhere, sort):
    with answering(elsewhere, lambda question: key(question) if question["ask"] == "public_key" else FORGED[sort](question)):
        signer = signing.signer()
        with pytest.raises(signing.SigningUnavailable) as refusal:
            signer.sign(b"payload")

    assert refusal.value.code == "signer_unavailable"


def test_S10_a_silent_signer_is_waited_for_two_seconds(elsewhere):
    with answering(elsewhere, lambda _: None):
        started = time.monotonic()
        with pytest.raises(signing.SigningUnavailable):
            signing.signer()

    assert 1.5 < time.monotonic() - started < 4


def test_S10_a_signer_that_dies_leaves_the_request_in_review_and_a_rejection_waits(elsewhere, both_stores):
    with example(elsewhere):
        story = Story()
        review_request = story.in_review()
        story.vote(story.release, review_request)
    refused(lambda: story.vote(story.security, review_request), "signer_unavailable", status=503)
    assert story.vote(story.security, review_request, "reject").state == "rejected"
    assert not Receipt.objects.exists()
    assert_consistent()


def test_a_key_and_a_signer_elsewhere_at_once_are_refused(elsewhere, settings):
    settings.RECEIPT_SIGNING_KEY = b64(bytes(range(32)))

    with pytest.raises(signing.SigningUnavailable) as refusal:
        signing.signer()

    assert refusal.value.code == "signing_key_unreadable"


@pytest.mark.parametrize("given", ["/run/s", "unix:run/s", "tcp:/x", "unix:", "receipts.signing.LocalSigner"])
def test_a_signers_address_is_read_strictly(given):
    with pytest.raises(ImproperlyConfigured, match="RECEIPT_SIGNER must be unix: and the absolute path of a socket"):
        env.unix_socket({"RECEIPT_SIGNER": given}, "RECEIPT_SIGNER")


def test_a_signers_address_as_it_should_be():
    assert env.unix_socket({"RECEIPT_SIGNER": " unix:/run/s "}, "RECEIPT_SIGNER") == "unix:/run/s"
    assert env.unix_socket({}, "RECEIPT_SIGNER") == ""
