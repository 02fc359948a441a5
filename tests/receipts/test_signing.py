import os
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from receipts import signing
from receipts.canonical import b64
from tests.receipts.samples import OTHER_SIGNER, SIGNER

SEED = b64(bytes(range(32)))


def pem(private_key, *, password: bytes | None = None) -> bytes:
    lock = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return private_key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)


OUR_PEM = pem(ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
OTHER_PEM = pem(ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))))


@pytest.fixture
def configure(settings):
    """configure(inline, file): the two settings."""

    def set_both(inline: str = "", file: object = "") -> None:
        settings.RECEIPT_SIGNING_KEY, settings.RECEIPT_SIGNING_KEY_FILE = inline, str(file)

    set_both()
    return set_both


def code_of_refusal() -> str:
    with pytest.raises(signing.SigningUnavailable) as refusal:
        signing.signer()
    return refusal.value.code


@pytest.mark.parametrize("inline", [SEED, OUR_PEM.decode(), OUR_PEM.decode().strip(), OUR_PEM.decode().replace("\n", "\\n")])
def test_signer_from_the_setting(configure, inline):
    configure(inline)

    found = signing.signer()

    assert (found.kid, found.public_key, found.sign(b"x")) == (SIGNER.kid, SIGNER.public_key, SIGNER.sign(b"x"))


@pytest.mark.parametrize("content", [OUR_PEM, SEED.encode(), SEED.encode() + b"\n"])
def test_signer_from_a_file(configure, tmp_path, content):
    (tmp_path / "key").write_bytes(content)
    configure(file=tmp_path / "key")

    assert signing.signer().kid == SIGNER.kid


def test_signature_is_that_of_rfc_8032():
    # RFC 8032 section 7.1, test 1
    key = signing.LocalSigner(
        ed25519.Ed25519PrivateKey.from_private_bytes(bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"))
    )

    assert key.public_key.hex() == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    assert key.sign(b"").hex().startswith("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155")


def test_S10_no_key_configured(configure):
    assert code_of_refusal() == "signing_key_missing"


def test_S10_key_file_missing(configure, tmp_path):
    configure(file=tmp_path / "key")

    assert code_of_refusal() == "signing_key_missing"


def test_S10_key_file_removed_is_noticed_at_the_next_call(configure, tmp_path):
    (tmp_path / "key").write_bytes(OUR_PEM)
    configure(file=tmp_path / "key")
    signing.signer()

    (tmp_path / "key").unlink()

    assert code_of_refusal() == "signing_key_missing"


def test_S10_key_file_replaced_is_noticed_at_the_next_call(configure, tmp_path):
    (tmp_path / "key").write_bytes(OUR_PEM)
    configure(file=tmp_path / "key")
    before = signing.signer().kid
    stamp = os.stat(tmp_path / "key").st_mtime_ns

    (tmp_path / "new").write_bytes(OTHER_PEM)
    os.utime(tmp_path / "new", ns=(stamp, stamp))
    (tmp_path / "new").replace(tmp_path / "key")

    assert (before, signing.signer().kid) == (SIGNER.kid, OTHER_SIGNER.kid)


def test_signer_is_kept_while_nothing_changes(configure, tmp_path):
    (tmp_path / "key").write_bytes(OUR_PEM)
    configure(file=tmp_path / "key")

    assert signing.signer() is signing.signer()


def test_S10_key_file_unreadable(configure, tmp_path):
    configure(file=tmp_path)  # a folder: root may read any file, but nobody reads a folder

    assert code_of_refusal() == "signing_key_unreadable"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"garbage",
        b64(bytes(31)).encode(),
        b64(bytes(33)).encode(),
        SEED.rstrip("=").encode(),
        OUR_PEM[:60],
        OUR_PEM.replace(b"MC4", b"MC5"),
        pem(rsa.generate_private_key(65537, 2048)),
        pem(ed25519.Ed25519PrivateKey.generate(), password=b"secret"),
        "ключ".encode(),
        b"\xff" * 40,
    ],
)
def test_S10_key_file_holds_something_else(configure, tmp_path, content):
    (tmp_path / "key").write_bytes(content)
    configure(file=tmp_path / "key")

    assert code_of_refusal() == "signing_key_unreadable"


def test_S10_both_settings_at_once_are_refused(configure, tmp_path):
    (tmp_path / "key").write_bytes(OUR_PEM)
    configure(SEED, tmp_path / "key")

    assert code_of_refusal() == "signing_key_unreadable"


def test_L03_refusal_shows_neither_key_nor_path(configure, tmp_path):
    secret = SEED[:-4] + "####"
    configure(secret)

    with pytest.raises(signing.SigningUnavailable) as refusal:
        signing.signer()

    shown = f"{refusal.value!r} {refusal.value} {refusal.value.__cause__} {refusal.value.__suppress_context__}"
    assert secret not in shown
    assert shown.endswith("None True")
    assert SEED not in repr(signing.LocalSigner(ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))))


@pytest.mark.parametrize(
    ("public_key", "kid"),
    [(bytes(32), None), ((1).to_bytes(32, "little"), None), (SIGNER.public_key, "other"), (SIGNER.public_key[:31], None)],
)
def test_a_signer_with_an_unsafe_key_is_refused(public_key, kid):
    candidate = SimpleNamespace(public_key=public_key, kid=kid or signing.thumbprint(public_key))

    with pytest.raises(signing.SigningUnavailable):
        signing.refuse_unsafe(candidate)


def test_new_key_is_pkcs8_and_its_own():
    first, second = signing.new_private_key_pem(), signing.new_private_key_pem()

    assert first.startswith(b"-----BEGIN PRIVATE KEY-----")
    assert first != second
    assert isinstance(serialization.load_pem_private_key(first, None), ed25519.Ed25519PrivateKey)


def test_S12_public_jwk_has_no_private_member_and_no_alg():
    assert signing.public_jwk(SIGNER.public_key) == {
        "kty": "OKP",
        "crv": "Ed25519",
        "use": "sig",
        "kid": SIGNER.kid,
        "x": "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg",
    }
