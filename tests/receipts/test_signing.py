import json
import os
import re
from dataclasses import replace
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from receipts import signing
from receipts.canonical import b64, b64url, unb64url
from tests.conftest import PROJECT
from tests.receipts.samples import OTHER_SIGNER, SIGNER

SEED = b64(bytes(range(32)))


def pem(private_key, *, password: bytes | None = None) -> bytes:
    lock = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return private_key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)


def with_public(seed: bytes, public_key: bytes, *, tail: bytes = b"") -> bytes:
    """PKCS#8 version 2, in which the public half lies beside the seed (RFC 5958)."""
    der = bytes.fromhex("3051020101300506032b657004220420") + seed + bytes.fromhex("812100") + public_key + tail
    return b"-----BEGIN PRIVATE KEY-----\n" + b64(der).encode() + b"\n-----END PRIVATE KEY-----\n"


def jwk(seed: bytes, public_key: bytes, **members) -> bytes:
    return json.dumps({"kty": "OKP", "crv": "Ed25519", "d": b64url(seed), "x": b64url(public_key), **members}).encode()


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


@pytest.mark.parametrize(
    "content",
    [
        OUR_PEM,
        SEED.encode(),
        SEED.encode() + b"\n",
        with_public(bytes(range(32)), SIGNER.public_key),
        jwk(bytes(range(32)), SIGNER.public_key),
    ],
)
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
        with_public(bytes(range(32)), OTHER_SIGNER.public_key),
        with_public(bytes(range(32)), SIGNER.public_key, tail=b"x"),
        with_public(bytes(range(32)), SIGNER.public_key[:-1]),
        jwk(bytes(range(32)), OTHER_SIGNER.public_key),
        jwk(bytes(range(32)), SIGNER.public_key, kty="EC"),
        jwk(bytes(range(32)), SIGNER.public_key, x=None),
        jwk(bytes(range(32)), SIGNER.public_key, d=None),
        jwk(bytes(range(32)), SIGNER.public_key).replace(b"{", b'{"d": "x", ', 1),
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


# --- keys that everybody knows ------------------------------------------------------------------------------------------------------

RFC_8032 = [
    "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
    "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
    "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
    "f5e5767cf153319517630f226876b86c8160cc583bc013744c6bf255f5cc0ee5",
    "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
]
KNOWN_SEEDS = [*map(bytes.fromhex, RFC_8032), bytes(32), b"\xff" * 32, b"\x01" * 32, bytes(range(32)), bytes(range(1, 33))]


@pytest.mark.parametrize("seed", KNOWN_SEEDS, ids=bytes.hex)
@pytest.mark.parametrize("production_like", [True, False])
def test_a_published_key_is_refused_where_it_counts(configure, settings, seed, production_like):
    settings.INSTALLATION = replace(settings.INSTALLATION, production_like=production_like)
    configure(b64(seed))

    if production_like:
        assert code_of_refusal() == "signing_key_sample"
    else:
        assert signing.signer().kid in signing.SAMPLE_KIDS


def test_the_protocols_public_fixture_is_a_published_key():
    public_key = unb64url("11l5O7wTooGagnx2rbb7qKSa7gB_SfLQmS2ZuCWtLEg")

    assert signing.thumbprint(public_key) in signing.SAMPLE_KIDS


def test_every_key_in_our_documentation_is_a_published_key():
    pages = "".join(path.read_text() for path in [*PROJECT.glob("*.md"), *PROJECT.glob("docs/*.md")])
    shown = re.findall(r'"kid": "([A-Za-z0-9_-]{43})"', pages)

    assert shown
    assert set(shown) <= signing.SAMPLE_KIDS


def test_a_fresh_key_is_taken_in_production(configure, settings, tmp_path):
    settings.INSTALLATION = replace(settings.INSTALLATION, production_like=True)
    signing.write_private_key(str(tmp_path / "key"))
    configure(file=tmp_path / "key")

    assert signing.signer().kid
