import subprocess
import sys

import pytest

from receipts import canonical


def test_S08_canonical_bytes_follow_the_published_vector():
    # RFC 8785 section 3.2.3: keys by UTF-16 code units, so the emoji stands before the presentation form.
    value = {"\u20ac": 5, "\r": 1, "\ufb33": 7, "1": 2, "\U0001f600": 6, "\u0080": 3, "\u00f6": 4}

    ordered = '{"\\r":1,"1":2,"\u0080":3,"\u00f6":4,"\u20ac":5,"\U0001f600":6,"\ufb33":7}'
    assert canonical.canonical_bytes(value) == ordered.encode()


def test_S08_canonical_bytes_have_no_blanks_and_shortest_numbers():
    assert canonical.canonical_bytes({"b": [1, 1.0, 1e30], "a": None}) == b'{"a":null,"b":[1,1,1e+30]}'


@pytest.mark.parametrize("value", [2**53, -(2**53), float("nan"), float("inf"), "\ud800"])
def test_S08_canonical_bytes_refuse_what_has_no_one_spelling(value):
    with pytest.raises(ValueError):
        canonical.canonical_bytes({"a": value})


def test_S08_digest_is_the_same_over_processes_and_hash_seeds():
    program = "from receipts.canonical import *; print(sha256_hex(canonical_bytes({word: {'z': 1, 'a': word} for word in set('qwer')})))"

    def run(seed: str) -> bytes:
        return subprocess.run([sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True).stdout

    assert run("1") == run("2") == run("3") != b""


def test_sha256_hex_follows_the_published_vector():
    assert canonical.sha256_hex(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_commitment_id_is_hmac_over_context_null_and_packet():
    # The second half of the value was computed with openssl.
    made = canonical.commitment_id(bytes(range(32)), b'{"schema":"readiness.packet.v1"}')

    assert made == "rdc1_BR4F5YMJYBWLF1_wzVlg8mGE8Q-OdeV3_2sEmGSwmdo"


def test_commitment_id_changes_with_salt_and_packet():
    made = {canonical.commitment_id(salt * 32, packet) for salt in (b"\0", b"\1") for packet in (b"{}", b"{} ")}

    assert len(made) == 4


@pytest.mark.parametrize("salt", [b"", bytes(31), bytes(33)])
def test_commitment_id_refuses_a_salt_of_another_length(salt):
    with pytest.raises(ValueError):
        canonical.commitment_id(salt, b"{}")


def test_base64_goes_there_and_back():
    for length in range(70):
        data = bytes(range(190, 190 + length % 64)) * 2
        assert canonical.unb64(canonical.b64(data)) == data
        assert canonical.unb64url(canonical.b64url(data)) == data


@pytest.mark.parametrize("text", ["QQ", "QQ=", "QR==", "QQ== ", "Q Q==", "QQ==\n", "-_==", "QQ===", "QQ==QQ==", "é", "\ud800", "Q"])
def test_S04_unb64_refuses_every_other_spelling(text):
    with pytest.raises(ValueError):
        canonical.unb64(text)


@pytest.mark.parametrize("text", ["QQ==", "QR", "Q Q", "QQ\n", "+/8", "Q", "é", "\ud800"])
def test_S04_unb64url_refuses_every_other_spelling(text):
    with pytest.raises(ValueError):
        canonical.unb64url(text)
