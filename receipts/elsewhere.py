"""Asking a signer in another process: one line of JSON there, one line back, over a Unix socket."""

import json
import socket
import time

SECONDS = 2.0
LONGEST_ANSWER = 4096


def ask(path: str, question: dict) -> bytes:
    """The answer's line. Two seconds for everything together. Raises OSError (TimeoutError too) and ValueError."""
    end = time.monotonic() + SECONDS
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(SECONDS)
        connection.connect(path)
        connection.sendall(json.dumps(question).encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n"):
            connection.settimeout(max(end - time.monotonic(), 0.001))
            part = connection.recv(LONGEST_ANSWER)
            answer += part
            if not part or len(answer) > LONGEST_ANSWER:
                raise ValueError("The signer's answer is no line of a fitting length.")
        return answer.strip()
