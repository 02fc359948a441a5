"""Real TCP servers that behave badly: one that accepts and says nothing, one that passes everything on until it falls silent."""

import select
import socket
import threading
from contextlib import contextmanager


class Listener:
    """Accepts on loopback, counts, says nothing. `port`; `connections`: how many came."""

    def __init__(self, *, port: int = 0, host: str = "127.0.0.1", family: int = socket.AF_INET) -> None:
        self.server = socket.socket(family)
        self.server.bind((host, port))
        self.server.listen(50)
        self.port = self.server.getsockname()[1]
        self.accepted: list[socket.socket] = []
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    @property
    def connections(self) -> int:
        return len(self.accepted)

    def _accept(self) -> None:
        while True:
            try:
                connection = self.server.accept()[0]
            except OSError:
                return
            self.accepted.append(connection)
            self.serve(connection)

    def serve(self, connection: socket.socket) -> None:
        """Nothing."""

    def close(self) -> None:
        # shutdown wakes the thread that waits in accept; close alone does not
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()
        self.thread.join(5)
        for connection in self.accepted:
            connection.close()


class Relay(Listener):
    """Passes bytes between clients and a real server until a client says `word`; after that, silence for everybody."""

    def __init__(self, upstream: tuple[str, int], *, word: bytes) -> None:
        self.upstream, self.word, self.silent = upstream, word, False
        super().__init__()

    def serve(self, connection: socket.socket) -> None:
        if not self.silent:
            threading.Thread(target=self._relay, args=(connection,), daemon=True).start()

    def _relay(self, client: socket.socket) -> None:
        with socket.create_connection(self.upstream) as server:
            while not self.silent:
                for ready in select.select([client, server], [], [], 0.2)[0]:
                    try:
                        data = ready.recv(65536)
                    except OSError:
                        return
                    if not data:
                        client.close()
                        return
                    self.silent = self.silent or (ready is client and self.word in data)
                    if not self.silent:
                        (server if ready is client else client).sendall(data)


@contextmanager
def opened(*listeners: Listener):
    try:
        yield listeners
    finally:
        for listener in listeners:
            listener.close()
