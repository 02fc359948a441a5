"""A TCP proxy on loopback before a real server: it passes on, refuses, falls silent, or cuts, as a test tells it to."""

import select
import socket
import threading
import time

from tests.server import free_port

SLICE_SECONDS = 0.05
STUCK_SECONDS = 10  # whoever neither reads nor answers for so long is cut


class Proxy:
    """`port` stays the same in every mode. What arrives during a silence is passed on after it, as by a process that was stopped."""

    def __init__(self, upstream: tuple[str, int]) -> None:
        self.upstream, self.port = upstream, free_port()
        self._passing = threading.Event()
        self._at_commit = ""
        self.delay_seconds = 0.0  # of each thing that is said, in either direction
        self._clients: dict[socket.socket, threading.Thread] = {}
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", self.port))
        self._acceptor: threading.Thread | None = None
        self.pass_on()

    def pass_on(self) -> None:
        self._listen()
        self._passing.set()

    def fall_silent(self) -> None:
        """Accept and say nothing; what is connected stalls."""
        self._listen()
        self._passing.clear()

    def refuse(self) -> None:
        """Nobody gets in, and whoever is in is cut. The port stays bound, so that nobody else takes it."""
        if self._acceptor is not None:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._acceptor.join()
            self._acceptor = None
        self.cut()

    def cut(self) -> None:
        """Close every connection there is; new ones are as the mode says."""
        threads = list(self._clients.values())
        self._clients.clear()
        for thread in threads:
            thread.join()

    def cut_at_commit(self, *, reached: bool) -> None:
        """Cut the next connection that says COMMIT, once: before the server has heard it, or after, so that its answer is lost."""
        self._at_commit = "after" if reached else "before"

    def close(self) -> None:
        self.refuse()
        self._listener.close()

    def _listen(self) -> None:
        if self._acceptor is None:
            self._listener.listen(100)
            self._acceptor = threading.Thread(target=self._accept, daemon=True)
            self._acceptor.start()

    def _accept(self) -> None:
        while True:
            try:
                client = self._listener.accept()[0]
            except OSError:
                return
            client.settimeout(STUCK_SECONDS)
            self._clients[client] = threading.Thread(target=self._serve, args=(client,), daemon=True)
            self._clients[client].start()

    def _serve(self, client: socket.socket) -> None:
        server = None
        try:
            while client in self._clients:
                if self._passing.wait(SLICE_SECONDS):
                    server = server or socket.create_connection(self.upstream, timeout=STUCK_SECONDS)
                    if not self._relay(client, server):
                        break
        except OSError:  # either side went away
            pass
        finally:
            self._clients.pop(client, None)
            client.close()
            if server is not None:
                server.close()

    def _cut(self, server: socket.socket, data: bytes) -> bool:
        reached, self._at_commit = self._at_commit == "after", ""
        if reached:
            server.sendall(data)
            server.recv(65536)  # it has committed
        return False

    def _relay(self, client: socket.socket, server: socket.socket) -> bool:
        """Pass on what has arrived; False when one side has ended."""
        for ready in select.select([client, server], [], [], SLICE_SECONDS)[0]:
            if not self._passing.is_set():
                return True
            data = ready.recv(65536)
            if not data:
                return False
            time.sleep(self.delay_seconds)
            if self._at_commit and ready is client and b"COMMIT" in data:
                return self._cut(server, data)
            (server if ready is client else client).sendall(data)
        return True
