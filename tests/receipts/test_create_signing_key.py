import stat
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from receipts import signing
from receipts.canonical import b64
from receipts.models import SigningKey
from tests.receipts.samples import SIGNER

pytestmark = pytest.mark.usefixtures("both_stores")


@pytest.fixture
def key_file(settings, tmp_path):
    """The file that the settings name; nothing is in it."""
    settings.RECEIPT_SIGNING_KEY, settings.RECEIPT_SIGNING_KEY_FILE = "", str(tmp_path / "key.pem")
    return tmp_path / "key.pem"


def create(*arguments: str) -> str:
    out = StringIO()
    call_command("create_signing_key", *arguments, stdout=out)
    return out.getvalue()


def test_key_is_made_where_the_settings_say_and_registered(key_file):
    said = create()

    assert said == f"Made a new signing key.\nIts public half is registered as {signing.signer().kid}\n"
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert SigningKey.objects.get().kid == signing.signer().kid


def test_key_is_made_in_a_named_file_and_says_what_to_set(settings, tmp_path):
    settings.RECEIPT_SIGNING_KEY = settings.RECEIPT_SIGNING_KEY_FILE = ""

    said = create("--file", str(tmp_path / "new.pem"))

    assert "Set RECEIPT_SIGNING_KEY_FILE" in said
    assert said.split()[-1] == SigningKey.objects.get().kid


def test_second_run_registers_the_key_that_is_there(key_file):
    create()
    before = key_file.read_bytes()

    said = create("--file", str(key_file))

    assert said.startswith("The configured signing key is in order.")
    assert key_file.read_bytes() == before
    assert SigningKey.objects.count() == 1


def test_key_in_the_setting_is_registered(settings):
    settings.RECEIPT_SIGNING_KEY, settings.RECEIPT_SIGNING_KEY_FILE = b64(bytes(range(32))), ""

    assert create().split()[-1] == SIGNER.kid


def test_no_place_to_make_it_is_an_error(settings):
    settings.RECEIPT_SIGNING_KEY = settings.RECEIPT_SIGNING_KEY_FILE = ""

    with pytest.raises(CommandError, match="Say where"):
        create()


@pytest.mark.parametrize("content", [b"", b"somebody's notes", signing.new_private_key_pem()])
def test_a_file_that_is_there_is_never_overwritten(settings, tmp_path, content):
    settings.RECEIPT_SIGNING_KEY = settings.RECEIPT_SIGNING_KEY_FILE = ""
    (tmp_path / "taken").write_bytes(content)

    with pytest.raises(CommandError, match="left as it is"):
        create("--file", str(tmp_path / "taken"))

    assert (tmp_path / "taken").read_bytes() == content
    assert SigningKey.objects.count() == 0


def test_S10_a_configured_key_that_cannot_be_read_is_left_alone(key_file):
    key_file.write_bytes(b"garbage")

    with pytest.raises(CommandError, match="cannot be used"):
        create()

    assert key_file.read_bytes() == b"garbage"


def test_a_second_key_beside_a_good_one_is_refused(key_file, tmp_path):
    create()

    with pytest.raises(CommandError, match="Another signing key"):
        create("--file", str(tmp_path / "second.pem"))

    assert not (tmp_path / "second.pem").exists()


def test_a_folder_that_is_not_there_is_an_error(settings, tmp_path):
    settings.RECEIPT_SIGNING_KEY = settings.RECEIPT_SIGNING_KEY_FILE = ""

    with pytest.raises(CommandError, match="cannot be made"):
        create("--file", str(tmp_path / "missing" / "key.pem"))
