"""`manage.py keys`: what it makes, registers, refuses and says."""

import json
import os
import stat
from io import StringIO

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.core.management import CommandError, call_command

from receipts import signing
from receipts.canonical import b64, canonical_bytes, sha256_hex, unb64
from receipts.keys import jwks, register_key
from receipts.models import Attestation, SigningKey
from receipts.verify import parse
from tests.receipts.samples import OTHER_SIGNER, SIGNER

pytestmark = pytest.mark.usefixtures("both_stores")


@pytest.fixture
def key_file(settings, tmp_path):
    """The file that the settings name; nothing is in it."""
    settings.RECEIPT_SIGNING_KEY, settings.RECEIPT_SIGNING_KEY_FILE = "", str(tmp_path / "key.pem")
    return tmp_path / "key.pem"


@pytest.fixture
def no_key(settings) -> None:
    settings.RECEIPT_SIGNING_KEY = settings.RECEIPT_SIGNING_KEY_FILE = ""


def keys(*arguments: str) -> str:
    out = StringIO()
    call_command("keys", *arguments, stdout=out)
    return out.getvalue()


def states() -> dict[str, str]:
    return dict(SigningKey.objects.values_list("kid", "state"))


# --- create ---------------------------------------------------------------------------------------------------------------------


def test_key_is_made_where_the_settings_say_and_is_active(key_file):
    said = keys("create")

    assert said == f"Made a new signing key.\nIts public half is registered as {signing.signer().kid} (active).\n"
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert states() == {signing.signer().kid: "active"}


def test_key_in_another_file_is_the_next_one(key_file, tmp_path):
    keys("create")

    said = json.loads(keys("create", "--file", str(tmp_path / "new.pem"), "--json"))

    assert (said["made"], said["state"], said["kid"]) == (True, "next", signing.signer_in(str(tmp_path / "new.pem")).kid)
    assert sorted(states().values()) == ["active", "next"]
    assert stat.S_IMODE((tmp_path / "new.pem").stat().st_mode) == 0o600


def test_key_in_a_named_file_says_what_to_set(no_key, tmp_path):
    assert "RECEIPT_SIGNING_KEY_FILE" in keys("create", "--file", str(tmp_path / "new.pem"))


def test_second_run_registers_the_key_that_is_there(key_file):
    keys("create")
    before = key_file.read_bytes()

    said = keys("create", "--file", str(key_file))

    assert said.startswith("The configured signing key is in order.")
    assert (key_file.read_bytes(), SigningKey.objects.count()) == (before, 1)


def test_key_in_the_setting_is_registered(settings):
    settings.RECEIPT_SIGNING_KEY, settings.RECEIPT_SIGNING_KEY_FILE = b64(bytes(range(32))), ""

    assert keys("create").split()[-2:] == [SIGNER.kid, "(active)."]


def test_the_logs_key_is_another_one(settings, tmp_path, key_file):
    settings.LOG_SIGNING_KEY_FILE = str(tmp_path / "log.pem")
    keys("create")

    said = json.loads(keys("create", "--log", "--json"))

    assert (said["use"], said["state"]) == ("log_signing", "active")
    assert said["kid"] not in {entry["kid"] for entry in jwks()["keys"]}


def test_one_key_is_not_used_for_both(settings, key_file):
    keys("create")
    settings.LOG_SIGNING_KEY_FILE = str(key_file)

    with pytest.raises(CommandError, match="each use has its own"):
        keys("create", "--log")


def test_no_place_to_make_it_is_an_error(no_key):
    with pytest.raises(CommandError, match="Say where: set RECEIPT_SIGNING_KEY_FILE"):
        keys("create")


@pytest.mark.parametrize("content", [b"", b"somebody's notes", signing.new_private_key_pem()])
@pytest.mark.parametrize("verb", [("create",), ("init-root", "--id", "root")])
def test_a_file_that_is_there_is_never_overwritten(no_key, tmp_path, content, verb):
    (tmp_path / "taken").write_bytes(content)

    with pytest.raises(CommandError, match="left as it is"):
        keys(*verb, "--file", str(tmp_path / "taken"))

    assert (tmp_path / "taken").read_bytes() == content
    assert SigningKey.objects.count() == 0


def test_S10_a_configured_key_that_cannot_be_read_is_left_alone(key_file):
    key_file.write_bytes(b"garbage")

    with pytest.raises(CommandError, match="cannot be used"):
        keys("create")

    assert key_file.read_bytes() == b"garbage"


def test_a_folder_that_is_not_there_is_an_error(no_key, tmp_path):
    with pytest.raises(CommandError, match="cannot be made"):
        keys("create", "--file", str(tmp_path / "missing" / "key.pem"))


# --- rotate, retire, revoke, list ---------------------------------------------------------------------------------------------------


def test_S09_a_rotation_and_a_revocation_step_by_step(key_file, tmp_path):
    keys("create")
    old = signing.signer().kid
    keys("create", "--file", str(tmp_path / "new.pem"))
    new = signing.signer_in(str(tmp_path / "new.pem")).kid

    assert json.loads(keys("rotate", "--json"))["kid"] == new
    assert states() == {old: "retired", new: "active"}
    said = json.loads(keys("revoke", f"--kid={old}", "--reason", "laptop lost", "--since", "2026-11-01T08:00:00Z", "--json"))
    assert (said["state"], said["revoked_at"], said["reason"]) == ("revoked", "2026-11-01T08:00:00+00:00", "laptop lost")
    assert [entry["kid"] for entry in jwks()["keys"]] == [new]
    rows = json.loads(keys("list", "--json"))["keys"]
    assert [(row["kid"], row["state"]) for row in rows] == [(old, "revoked"), (new, "active")]
    assert "laptop lost" in keys("list")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["rotate"], "No key is next"),
        (["rotate", "--kid", "x"], "No key of that name is next"),
        (["retire", "--kid", "x"], "no key of that name"),
        (["revoke", "--kid", "x", "--reason", "y"], "no key of that name"),
        (["revoke", "--kid", SIGNER.kid, "--reason", " "], "Say why"),
        (["revoke", "--kid", SIGNER.kid, "--reason", "a\nb"], "one line"),
        (["revoke", "--kid", SIGNER.kid, "--reason", "x" * 301], "Say why"),
        (["revoke", "--kid", SIGNER.kid, "--reason", "y", "--since", "soon"], "--since is a time"),
        (["revoke", "--kid", SIGNER.kid, "--reason", "y", "--since", "2999-01-01T00:00:00Z"], "from now or from an earlier time"),
    ],
)
def test_wrong_wishes_are_refused_and_change_nothing(arguments, sentence):
    register_key(SIGNER)

    with pytest.raises(CommandError, match=sentence):
        keys(*arguments)

    assert states() == {SIGNER.kid: "active"}


def test_two_next_keys_ask_which():
    for seed in (40, 41, 42):
        register_key(signing.LocalSigner(signing.private_key(b64(bytes([seed]) * 32).encode())))
    waiting = list(SigningKey.objects.filter(state="next").values_list("kid", flat=True))

    with pytest.raises(CommandError, match="say which with --kid"):
        keys("rotate")
    keys("rotate", f"--kid={waiting[1]}")

    assert states()[waiting[1]] == "active"
    assert states()[waiting[0]] == "next"


def test_list_without_keys_says_what_to_do():
    assert keys("list") == "No key is registered; run keys create.\n"


def test_list_shows_no_private_half(key_file):
    keys("create")

    assert "PRIVATE" not in keys("list") + keys("list", "--json")


# --- root -----------------------------------------------------------------------------------------------------------------------------


def test_the_root_goes_where_the_operator_says_and_into_no_database(tmp_path):
    path = tmp_path / "root.pem"

    anchor = json.loads(keys("init-root", "--file", str(path), "--id", "release-root", "--anchor", str(tmp_path / "anchor.json")))

    public = signing.signer_in(str(path)).public_key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert anchor == json.loads((tmp_path / "anchor.json").read_text())
    assert anchor == {
        "root_key_id": "release-root",
        "public_key_b64": b64(public),
        "public_key_fingerprint_sha256": sha256_hex(public),
        "sig_alg": "ed25519",
    }
    assert (SigningKey.objects.count(), Attestation.objects.count()) == (0, 0)


def test_the_root_vouches_for_the_active_key_in_the_protocols_form(key_file, tmp_path):
    keys("create")
    anchor = json.loads(keys("init-root", "--file", str(tmp_path / "root.pem"), "--id", "release-root"))

    said = json.loads(keys("attest", "--root-file", str(tmp_path / "root.pem"), "--root-id", "release-root", "--days", "30", "--json"))

    root = Ed25519PublicKey.from_public_bytes(unb64(anchor["public_key_b64"]))
    root.verify(unb64(said["signature"]), unb64(said["payload_b64"]))
    payload, key = parse(unb64(said["payload_b64"])), signing.signer()
    assert set(said) == {"object", "root_key_id", "root_public_key_fingerprint_sha256", "payload_b64", "signature"}
    assert said["object"] == "craton.receipt.operational_key_attestation.v1"
    assert canonical_bytes(payload) == unb64(said["payload_b64"])
    assert payload["object"] == "craton.receipt.operational_key_attestation_payload.v1"
    assert payload["protocol"] == "craton.receipt.protocol.v1"
    assert payload["root_key_id"] == said["root_key_id"] == "release-root"
    prints = {payload["root_public_key_fingerprint_sha256"], said["root_public_key_fingerprint_sha256"]}
    assert prints == {anchor["public_key_fingerprint_sha256"]}
    assert payload["subject"] == {
        "kid": key.kid,
        "allowed_use": "receipt_signing",
        "sig_alg": "ed25519",
        "public_key_b64": b64(key.public_key),
        "public_key_fingerprint_sha256": sha256_hex(key.public_key),
    }
    assert payload["not_before"].endswith("Z")
    assert payload["not_before"] < payload["not_after"]
    assert json.loads(keys("list", "--json"))["keys"][0]["attested_until"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"--root-id": "no blanks here"}, "A root's name"),
        ({"--days": "0"}, "from 1 to"),
        ({"--days": "99999"}, "from 1 to"),
        ({"--kid": "x"}, "no such key"),
        ({"--root-file": "/nowhere/root.pem"}, "No root's private half can be read there"),
        ({"--root-file": __file__}, "No root's private half can be read there"),
    ],
)
def test_an_attestation_that_would_say_nonsense_is_refused(key_file, tmp_path, change, sentence):
    keys("create")
    keys("init-root", "--file", str(tmp_path / "root.pem"), "--id", "root")
    given = {"--root-file": str(tmp_path / "root.pem"), "--root-id": "root", **change}

    with pytest.raises(CommandError, match=sentence):
        keys("attest", *(word for pair in given.items() for word in pair))

    assert Attestation.objects.count() == 0


def test_a_signing_key_is_no_root(key_file):
    keys("create")

    with pytest.raises(CommandError, match="a root signs nothing but attestations"):
        keys("attest", "--root-file", str(key_file), "--root-id", "root")


def test_a_revoked_key_is_not_vouched_for(key_file, tmp_path):
    keys("create")
    keys("init-root", "--file", str(tmp_path / "root.pem"), "--id", "root")
    kid = signing.signer().kid
    keys("revoke", f"--kid={kid}", "--reason", "lost")

    with pytest.raises(CommandError, match="revoked"):
        keys("attest", "--root-file", str(tmp_path / "root.pem"), "--root-id", "root", f"--kid={kid}")


@pytest.mark.parametrize("verb", ["create", "rotate", "retire", "revoke", "list", "init-root", "attest"])
def test_each_verb_has_help(manage, verb):
    done = manage("keys", verb, "--help", env=dict(os.environ))

    assert (done.returncode, "show this help message" in done.stdout) == (0, True)


def test_other_signers_key_cannot_take_the_place_of_the_first(settings):
    register_key(SIGNER)
    settings.RECEIPT_SIGNING_KEY, settings.RECEIPT_SIGNING_KEY_FILE = b64(bytes(range(1, 33))), ""

    assert keys("create").endswith("(next).\n")
    assert states() == {SIGNER.kid: "active", OTHER_SIGNER.kid: "next"}
