"""The one way out: the name is looked up once, judged, and what was judged is connected to; real sockets on loopback."""

import ipaddress
import socket
import ssl
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from reviews import outward
from reviews.outward import Guard, is_public, passes, post, url_fault

LOOPBACK = Guard(allow_http=True, networks=(ipaddress.ip_network("127.0.0.0/8"),))
OK = b"HTTP/1.1 204 No Content\r\n\r\n"


class Answering:
    """A server on loopback that gives one answer to everybody, and keeps what it was sent."""

    def __init__(self, answer: bytes = OK, *, context: ssl.SSLContext | None = None, pause: float = 0) -> None:
        self.answer, self.context, self.pause = answer, context, pause
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.received: list[bytes] = []
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        while True:
            try:
                line = self.server.accept()[0]
            except OSError:
                return
            try:
                line.settimeout(5)
                line = self.context.wrap_socket(line, server_side=True) if self.context else line
                self.received.append(line.recv(65536))
                for part in [self.answer[place : place + 1] for place in range(len(self.answer))] if self.pause else [self.answer]:
                    line.sendall(part)
                    time.sleep(self.pause)
            except OSError:
                pass
            finally:
                line.close()

    def __enter__(self) -> "Answering":
        return self

    def __exit__(self, *_) -> None:
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()
        self.thread.join(5)


def to(*addresses: str):
    """A name service that answers this, and counts how often it was asked."""

    def resolver(host: str, port: int) -> list[str]:
        resolver.asked.append((host, port))
        return list(addresses)

    resolver.asked = []
    return resolver


# --- which addresses ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1",
        "239.255.255.250", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.51.100.1", "203.0.113.1", "198.18.0.1", "192.0.0.8",
        "192.88.99.1", "::", "::1", "fc00::1", "fd12::1", "fe80::1", "fec0::1", "ff02::1", "2001:db8::1", "3fff::1", "100::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::7f00:1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::",
        "2002:a00:1::1", "2001:0:a00:1::", "5f00::1",
    ],
)  # fmt: skip
def test_no_address_that_leads_inside_is_public(address):
    assert not is_public(ipaddress.ip_address(address))
    assert not passes(ipaddress.ip_address(address), Guard())


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public_addresses_pass(address):
    assert passes(ipaddress.ip_address(address), Guard())


def test_a_network_that_is_allowed_passes_and_no_other():
    guard = Guard(networks=(ipaddress.ip_network("10.20.0.0/16"),))
    found = [passes(ipaddress.ip_address(each), guard) for each in ("10.20.1.1", "::ffff:10.20.1.1", "10.21.1.1", "127.0.0.1", "::1")]
    assert found == [True, True, False, False, False]


@pytest.mark.parametrize(
    "url",
    [
        "http://a.test/", "ftp://a.test/", "//a.test", "https://", "https:///x", "https://u:p@a.test/", "https://u@a.test/", "https://a.test/#x",
        "https://a.test:0/", "https://a.test:99999/", "https://a.test/ x", "https://a.test/\r\nX: y",
        "https://\u0430.test/", "https://a.test/" + "x" * 500,
        "https://[::1", "unix:/x", "", None, 7,
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_in_words(url):
    assert url_fault(url, Guard()) != ""
    assert post(url if isinstance(url, str) else "", b"{}", {}, guard=Guard(), resolver=to("8.8.8.8")).word == "address_refused"


def test_https_is_an_address_and_http_only_where_it_is_allowed():
    assert [url_fault("https://a.test/x?y=z", Guard()), url_fault("http://a.test/", Guard(allow_http=True))] == ["", ""]


# --- one look-up ------------------------------------------------------------------------------------------------------------------------


def test_what_was_looked_up_is_what_is_connected_to():
    with Answering() as server:
        resolver = to("127.0.0.1")
        outcome = post(f"http://hooks.test:{server.port}/in?a=b", b'{"a":1}', {"X-One": "1"}, guard=LOOPBACK, resolver=resolver)
    assert (outcome.word, outcome.status, outcome.delivered) == ("delivered", 204, True)
    assert resolver.asked == [("hooks.test", server.port)]
    head, body = server.received[0].split(b"\r\n\r\n")
    assert head.split(b"\r\n")[0] == b"POST /in?a=b HTTP/1.1"
    assert {f"Host: hooks.test:{server.port}".encode(), b"Content-Length: 7", b"X-One: 1"} <= set(head.split(b"\r\n"))
    assert body == b'{"a":1}'


def test_a_name_that_changes_its_address_afterwards_leads_nowhere_else():
    """DNS rebinding: the first answer is judged and used; a second answer is never asked for."""
    answers = iter([["127.0.0.1"], ["127.0.0.2"]])
    with Answering() as server:
        outcome = post(f"http://hooks.test:{server.port}/", b"", {}, guard=LOOPBACK, resolver=lambda *_: next(answers))
    assert outcome.word == "delivered"
    assert next(answers) == ["127.0.0.2"]


@pytest.mark.parametrize("answer", [["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["::ffff:127.0.0.1"], ["::1"], ["fe80::1%eth0"], ["10.0.0.1"]])
def test_a_name_that_leads_inside_is_refused_before_a_socket_is_opened(answer):
    with Answering() as server:
        outcome = post(f"http://hooks.test:{server.port}/", b"", {}, guard=Guard(allow_http=True), resolver=to(*answer))
    assert (outcome.word, server.received) == ("address_refused", [])


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "2130706433", "0x7f.0.0.1", "[::1]", "localhost"])
def test_spellings_of_loopback_are_refused_by_the_systems_resolver_too(host):
    with Answering() as server:
        outcome = post(f"http://{host}:{server.port}/", b"", {}, guard=Guard(allow_http=True))
    assert outcome.word in ("address_refused", "name_unknown")
    assert server.received == []


def test_a_name_that_nobody_knows_is_an_outcome():
    def nobody(host: str, port: int) -> list[str]:
        raise socket.gaierror

    assert [post("https://a.test/", b"", {}, guard=Guard(), resolver=each).word for each in (nobody, to())] == ["name_unknown"] * 2


# --- answers ----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "word", "status"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\nsecret", "delivered", 200),
        (b"HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1/\r\n\r\n", "redirected", 301),
        (b"HTTP/1.1 410 Gone\r\n\r\n", "gone", 410),
        (b"HTTP/1.1 500 x\r\n\r\n", "refused", 500),
        (b"HTTP/1.1 404 x\r\n\r\n", "refused", 404),
        (b"SSH-2.0-x\r\n", "connection_failed", None),
        (b"HTTP/1.1 999 x\r\n", "connection_failed", None),
        (b"", "connection_failed", None),
        (b"x" * 200_000, "connection_failed", None),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"y" * 2_000_000, "delivered", 200),
    ],
)
def test_of_an_answer_only_the_status_is_read_and_no_redirect_is_followed(answer, word, status):
    with Answering(answer) as server:
        outcome = post(f"http://hooks.test:{server.port}/", b"", {}, guard=LOOPBACK, resolver=to("127.0.0.1"))
    assert (outcome.word, outcome.status, len(server.received)) == (word, status, 1)


def test_silence_ends(monkeypatch):
    monkeypatch.setattr(outward, "READ_SECONDS", 0.3)
    with Answering(b"HTTP/1.1 200 OK\r\n", pause=5) as server:
        outcome = post(f"http://hooks.test:{server.port}/", b"", {}, guard=LOOPBACK, resolver=to("127.0.0.1"))
    assert outcome.word == "timeout"
    assert outcome.ms < 3000


def test_a_byte_at_a_time_ends_too(monkeypatch):
    monkeypatch.setattr(outward, "WHOLE_SECONDS", 0.5)
    with Answering(b"H" * 200, pause=0.05) as server:
        outcome = post(f"http://hooks.test:{server.port}/", b"", {}, guard=LOOPBACK, resolver=to("127.0.0.1"))
    assert outcome.word in ("connection_failed", "timeout")
    assert outcome.ms < 3000


def test_nobody_listening_is_an_outcome():
    with Answering() as server:
        port = server.port
    assert post(f"http://hooks.test:{port}/", b"", {}, guard=LOOPBACK, resolver=to("127.0.0.1")).word == "connection_failed"


# --- TLS --------------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def certificate(tmp_path):
    """Of hooks.test, vouched for by itself."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hooks.test")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(7)
    made = made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName("hooks.test")]), critical=False)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(key, hashes.SHA256())
    path = tmp_path / "certificate.pem"
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return path


def test_the_certificate_is_asked_for_the_name_and_not_for_the_address(certificate, monkeypatch):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    names = []
    context.sni_callback = lambda *said: names.append(said[1])
    with Answering(context=context) as server:
        untrusted = post(f"https://hooks.test:{server.port}/", b"", {}, guard=LOOPBACK, resolver=to("127.0.0.1"))
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        trusted = post(f"https://hooks.test:{server.port}/", b"", {}, guard=LOOPBACK, resolver=to("127.0.0.1"))
        another = post(f"https://other.test:{server.port}/", b"", {}, guard=LOOPBACK, resolver=to("127.0.0.1"))
    assert [untrusted.word, trusted.word, another.word] == ["tls_failed", "delivered", "tls_failed"]
    assert names == ["hooks.test", "hooks.test", "other.test"]
