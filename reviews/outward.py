"""One POST to an address that somebody else chose: the name is looked up once, judged, and what was judged is what is connected to.

Pure: no settings, no database. No redirect is followed, no proxy asked, and nothing of the answer is kept but its status.
"""

import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from config.webhooks import Network

CONNECT_SECONDS, READ_SECONDS, WHOLE_SECONDS = 3.0, 5.0, 10.0
LONGEST_ANSWER = 64 * 1024
LONGEST_URL = 500
PORTS = {"https": 443, "http": 80}
# Of IPv6 only this is given out to anybody; and these are not, whatever the standard library of the day knows of them.
GLOBAL_IPV6 = ipaddress.ip_network("2000::/3")
NOT_PUBLIC = [ipaddress.ip_network(each) for each in ("192.0.0.0/24", "192.88.99.0/24", "3fff::/20")]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# (host, port) → addresses as text; raises OSError when there are none.
Resolver = Callable[[str, int], list[str]]


@dataclass(frozen=True)
class Guard:
    """What is let out: plain HTTP or not, and networks that are let through although they are not public."""

    allow_http: bool = False
    networks: Collection[Network] = ()


@dataclass(frozen=True)
class Outcome:
    """How an attempt went. `word`: delivered, or why not; `status`: of the answer, if there was one; `ms`: how long it took."""

    word: str
    status: int | None = None
    ms: int = 0

    @property
    def delivered(self) -> bool:
        return self.word == "delivered"


def looked_up(host: str, port: int) -> list[str]:
    """The system's resolver."""
    return [found[4][0] for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def url_fault(url: object, guard: Guard) -> str:
    """Why an address is not taken, in words; empty when it is. The name is not looked up here."""
    if not isinstance(url, str) or len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url:
        return f"An address is ASCII without blanks, {LONGEST_URL} characters at most."
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "This is no address."
    if parts.scheme not in PORTS or (parts.scheme == "http" and not guard.allow_http):
        return "An address begins with https://."
    if not parts.hostname or port == 0 or parts.username is not None or parts.password is not None or parts.fragment:
        return "An address names a host, and neither a user nor a fragment."
    return ""


def is_public(address: Address) -> bool:
    """Judged as what it leads to: an IPv4 address inside an IPv6 one is that IPv4 address."""
    inner = _inside(address)
    if inner is not None:
        return is_public(inner)
    if address.version == 6 and address not in GLOBAL_IPV6:
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved or any(address in network for network in NOT_PUBLIC))


def _inside(address: Address) -> Address | None:
    """Mapped (::ffff:…), compatible (::…), 6to4 (2002:…), and NAT64 (64:ff9b::…) addresses."""
    if address.version == 4:
        return None
    if address.ipv4_mapped or address.sixtofour:
        return address.ipv4_mapped or address.sixtofour
    if address in ipaddress.ip_network("64:ff9b::/96") or (int(address) >> 32 == 0 and int(address) > 1):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def passes(address: Address, guard: Guard) -> bool:
    judged = _inside(address) or address
    return is_public(address) or any(judged.version == network.version and judged in network for network in guard.networks)


def post(url: str, body: bytes, headers: Mapping[str, str], *, guard: Guard, resolver: Resolver = looked_up) -> Outcome:
    """Send it once. Never raises for what the other side, the name service or the network does."""
    begun = time.monotonic()
    word, status = _post(url, body, headers, guard=guard, resolver=resolver, until=begun + WHOLE_SECONDS)
    return Outcome(word, status, int((time.monotonic() - begun) * 1000))


def _post(url: str, body: bytes, headers: Mapping[str, str], *, guard: Guard, resolver: Resolver, until: float) -> tuple[str, int | None]:
    if url_fault(url, guard):
        return "address_refused", None
    parts = urlsplit(url)
    try:
        # All of them are judged: a name that leads inside as well is not to be tried until it does.
        addresses = [ipaddress.ip_address(found.split("%")[0]) for found in resolver(parts.hostname, _port(parts))]
    except (OSError, ValueError):
        return "name_unknown", None
    if not addresses or not all(passes(address, guard) for address in addresses):
        return ("address_refused" if addresses else "name_unknown"), None
    try:
        status = _exchange(parts, str(addresses[0]), body, headers, until=until)
    except ssl.SSLError:
        return "tls_failed", None
    except TimeoutError:
        return "timeout", None
    except (OSError, http.client.HTTPException, ValueError):
        return "connection_failed", None
    return _word(status), status


def _word(status: int) -> str:
    if 200 <= status < 300:
        return "delivered"
    return "redirected" if 300 <= status < 400 else "gone" if status == 410 else "refused"


def _port(parts: SplitResult) -> int:
    return parts.port or PORTS[parts.scheme]


def _exchange(parts: SplitResult, address: str, body: bytes, headers: Mapping[str, str], *, until: float) -> int:
    """Status of the answer. Connects to `address`; certificate, SNI and Host are those of the name."""
    line = socket.create_connection((address, _port(parts)), timeout=CONNECT_SECONDS)
    if parts.scheme == "https":
        context = ssl.create_default_context()
        line = context.wrap_socket(line, server_hostname=parts.hostname, do_handshake_on_connect=False)
    # A timeout is for one read: who sends a byte at a time would keep us without this.
    end = threading.Timer(max(until - time.monotonic(), 0), _cut, [line])
    end.start()
    try:
        if parts.scheme == "https":
            line.do_handshake()
        line.settimeout(READ_SECONDS)
        line.sendall(_request(parts, body, headers))
        return _status(line)
    finally:
        end.cancel()
        line.close()


def _cut(line: socket.socket) -> None:
    with suppress(OSError):
        socket.socket.shutdown(line, socket.SHUT_RDWR)


def _request(parts: SplitResult, body: bytes, headers: Mapping[str, str]) -> bytes:
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    about = {"Host": host if parts.port is None else f"{host}:{parts.port}", "Content-Length": str(len(body)), "Connection": "close"}
    lines = [f"POST {target} HTTP/1.1", *(f"{name}: {value}" for name, value in (about | dict(headers)).items())]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


def _status(line: socket.socket) -> int:
    """Of the first line that answers. What comes after it is not read: no answer is too long, and none keeps us."""
    found = b""
    while b"\n" not in found:
        part = line.recv(4096)
        found += part
        if not part or len(found) > LONGEST_ANSWER:
            raise http.client.HTTPException("no status line")
    protocol, _, rest = found.split(b"\n")[0].partition(b" ")
    code = rest[:3]
    if not protocol.startswith(b"HTTP/1.") or not code.isdigit() or not 200 <= int(code) < 600:
        raise http.client.HTTPException("no status line")
    return int(code)
