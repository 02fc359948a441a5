"""The load: one thread, some kept connections, each asking again as soon as it was answered. Ends by time and by count."""

import selectors
import socket
import time
from contextlib import ExitStack
from dataclasses import dataclass, field

ANSWER_SECONDS = 10
READ_BYTES = 65536


class BadAnswer(RuntimeError):
    """The server said something else than 200 with a length, or nothing at all."""


@dataclass(frozen=True)
class Target:
    """What is asked: `GET path` of 127.0.0.1:port, perhaps with a token."""

    port: int
    path: str
    token: str = ""

    @property
    def request(self) -> bytes:
        lines = [f"GET {self.path} HTTP/1.1", "Host: 127.0.0.1", "Accept: application/json"]
        lines += [f"Authorization: Token {self.token}"] if self.token else []
        return "\r\n".join([*lines, "", ""]).encode()


@dataclass
class Connection:
    """One kept connection and the request that is under way on it."""

    channel: socket.socket
    request: bytes
    began: float = 0.0
    said: bytes = b""
    latencies: list[float] = field(default_factory=list)

    def ask(self) -> None:
        self.said = b""
        self.began = time.perf_counter()
        self.channel.sendall(self.request)

    def hear(self) -> bool:
        """Take what has come; whether the answer is whole. Raises BadAnswer."""
        more = self.channel.recv(READ_BYTES)
        if not more:
            raise BadAnswer("the server closed a connection that was to be kept")
        self.said += more
        if not is_whole(self.said):
            return False
        self.latencies.append(time.perf_counter() - self.began)
        return True


def is_whole(said: bytes) -> bool:
    """Whether this is all of an answer. Raises BadAnswer for any but a 200 that says its length."""
    head, end, body = said.partition(b"\r\n\r\n")
    if not end:
        return False
    if not head.startswith(b"HTTP/1.1 200 "):
        raise BadAnswer(said[:2000].decode(errors="replace"))
    head = head.lower()
    place = head.find(b"\r\ncontent-length:")
    if place < 0:
        raise BadAnswer(f"no Content-Length: {head.decode(errors='replace')}")
    return len(body) >= int(head[place + 17 :].partition(b"\r\n")[0])


def ask_once(target: Target) -> bytes:
    """The body of one answer. Raises BadAnswer."""
    with socket.create_connection(("127.0.0.1", target.port), timeout=ANSWER_SECONDS) as channel:
        connection = Connection(channel, target.request)
        connection.ask()
        while not connection.hear():
            pass
    return connection.said.partition(b"\r\n\r\n")[2]


def drive(target: Target, *, seconds: float, connections: int, most: int = 1_000_000) -> tuple[list[float], float]:
    """Ask for so many seconds, or `most` times: (seconds of each answer, seconds that all took). Raises BadAnswer."""
    with ExitStack() as stack:
        selector = stack.enter_context(selectors.DefaultSelector())
        asking = [_opened(stack, target) for _ in range(connections)]
        began = time.perf_counter()
        for connection in asking:
            selector.register(connection.channel, selectors.EVENT_READ, connection)
            connection.ask()
        _keep_asking(selector, until=began + seconds, asked=len(asking), most=most)
        took = time.perf_counter() - began
    return [latency for connection in asking for latency in connection.latencies], took


def _opened(stack: ExitStack, target: Target) -> Connection:
    channel = stack.enter_context(socket.create_connection(("127.0.0.1", target.port), timeout=ANSWER_SECONDS))
    channel.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Connection(channel, target.request)


def _keep_asking(selector: selectors.BaseSelector, *, until: float, asked: int, most: int) -> None:
    """Returns when every request that was begun is answered, so that none is cut off and forgotten."""
    under_way = asked
    while under_way:
        ready = selector.select(ANSWER_SECONDS)
        if not ready:
            raise BadAnswer(f"no answer within {ANSWER_SECONDS} seconds")
        for key, _ in ready:
            if not key.data.hear():
                continue
            if time.perf_counter() < until and asked < most:
                asked += 1
                key.data.ask()
            else:
                under_way -= 1
