"""`python -m benchmarks.receipts`: signing and verifying beside bare `cryptography`, and a log that grows. README.md has the figures."""

import argparse
import json
import os
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from math import log2
from pathlib import Path

import django
from django.core.management import call_command
from django.db import connections, transaction

SIZES = (10_000, 100_000, 1_000_000)
STORE = "self_service"
ROUNDS, CALLS = 15, 300
SIGN_GOAL, VERIFY_GOAL = 0.75, 0.8


def set_up(folder: Path) -> None:
    """An installation of two SQLite files, with a signing key in a file, as in production, and one for the log."""
    os.environ.update(
        READINESS_ENVIRONMENT="test",
        DATABASE_URL=f"sqlite:///{folder}/primary.sqlite3",
        SELF_SERVICE_DATABASE_URL=f"sqlite:///{folder}/store.sqlite3",
        RECEIPT_SIGNING_KEY_FILE=str(folder / "key.pem"),
        LOG_SIGNING_KEY_FILE=str(folder / "log.pem"),
        RECEIPT_ISSUER="https://readiness.test",
        DJANGO_SETTINGS_MODULE="config.settings",
    )
    django.setup()
    call_command("migrate_all", verbosity=0, stdout=open(os.devnull, "w"))  # noqa: SIM115  ends with the process
    for arguments in (["create"], ["create", "--log"]):
        call_command("keys", *arguments, stdout=open(os.devnull, "w"))  # noqa: SIM115


def microseconds(call: Callable[[], object], calls: int) -> float:
    started = time.process_time_ns()
    for _ in range(calls):
        call()
    return (time.process_time_ns() - started) / calls / 1000


def beside(ours: Callable[[], object], bare: Callable[[], object]) -> dict[str, float]:
    """Both in turns; CPU time of this process. `ratio`: ours per second / bare per second, the median over the rounds."""
    rounds = [(microseconds(ours, CALLS), microseconds(bare, CALLS)) for _ in range(ROUNDS)]
    return {
        "ours_us": round(statistics.median(own for own, _ in rounds), 1),
        "bare_us": round(statistics.median(other for _, other in rounds), 1),
        "ratio": round(statistics.median(other / own for own, other in rounds), 3),
    }


def signing_figures() -> dict[str, dict[str, float]]:
    from receipts import signing  # noqa: PLC0415  Django is set up by now
    from receipts.canonical import canonical_bytes  # noqa: PLC0415
    from receipts.envelope import envelope, inner  # noqa: PLC0415
    from receipts.signing import public_jwk  # noqa: PLC0415
    from receipts.verify import load_keys, verify  # noqa: PLC0415
    from tests.receipts.samples import payload  # noqa: PLC0415

    with open(os.environ["RECEIPT_SIGNING_KEY_FILE"], "rb") as file:
        private = signing.private_key(file.read().strip())
    signer, public = signing.signer(), private.public_key()
    said = payload() | {"expires_at": "2999-01-01T00:00:00Z"}
    message = canonical_bytes(said)
    signature = private.sign(message)
    whole = envelope(inner(message, signature=signature, kid=signer.kid), said)
    jwks, text = {"keys": [public_jwk(signer.public_key)]}, json.dumps(whole).encode()
    keys = load_keys(jwks)
    assert verify(text, keys).verified
    return {
        "sign": beside(lambda: signing.signer().sign(message), lambda: private.sign(message)),
        "verify": beside(lambda: verify(text, keys), lambda: public.verify(signature, message)),
        "verify, key set read each time": beside(lambda: verify(text, jwks), lambda: public.verify(signature, message)),
    }


class Growing:
    """A log that is filled from outside, as fast as SQLite takes rows, and then asked and appended to as always."""

    def __init__(self) -> None:
        from receipts import log, merkle  # noqa: PLC0415
        from receipts.models import LeafKind  # noqa: PLC0415

        self.log, self.merkle, self.kind = log, merkle, LeafKind.STATUS
        self.frontier = self._head()

    def _head(self) -> list[bytes]:
        whole = bytes(self.log.head().frontier)
        return [whole[at : at + 32] for at in range(0, len(whole), 32)]

    def fill(self, size: int) -> None:
        self.frontier, at = self._head(), self.log.head().size
        with transaction.atomic(using=STORE), connections[STORE].cursor() as cursor:
            while at < size:
                rows = []
                for number in range(at, min(size, at + 20_000)):
                    data = b'{"n":%d}' % number
                    self.frontier, (own, *above) = self.merkle.grown(number, self.frontier, self.merkle.leaf_hash(data))
                    rows.append((*own, data, "status"))
                    rows += [(place, found, None, "") for place, found in above]
                at = min(size, at + 20_000)
                cursor.executemany("INSERT INTO receipts_lognode (place, hash, data, kind) VALUES (%s, %s, %s, %s)", rows)
            cursor.execute("UPDATE receipts_loghead SET size = %s, frontier = %s", [size, b"".join(self.frontier)])

    def figures(self, size: int) -> dict[str, float]:
        """Median microseconds of wall time, and rows that a proof reads at most."""
        self.fill(size)
        indexes = [secrets.randbelow(size) for _ in range(CALLS)]
        return {
            "leaves": size,
            "append_us": self._median(lambda number: self.append(number), range(CALLS)),
            "inclusion_us": self._median(lambda index: self.log.inclusion(index, size), indexes),
            "consistency_us": self._median(lambda index: self.log.consistency(index + 1, size), indexes),
        }

    def append(self, number: int) -> None:
        with transaction.atomic(using=STORE):
            self.log.append({"object": self.log.LEAF, "kind": self.kind.value, "at": "2026-11-24T09:00:00Z", "seq": number})

    def _median(self, call: Callable[[int], object], arguments) -> float:
        times = []
        for each in arguments:
            started = time.perf_counter_ns()
            call(each)
            times.append((time.perf_counter_ns() - started) / 1000)
        return round(statistics.median(times), 1)


def growth(rows: list[dict[str, float]]) -> dict[str, float]:
    """How much slower the largest log is than the smallest, and how much slower log n would let it be."""
    first, last = rows[0], rows[-1]
    found = {name: round(last[name] / first[name], 2) for name in ("append_us", "inclusion_us", "consistency_us")}
    return found | {"log_n": round(log2(last["leaves"]) / log2(first["leaves"]), 2)}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="sizes of the log, from small to large (default: %(default)s)")
    sizes = [int(text) for text in parser.parse_args(argv).sizes.split(",")]
    with tempfile.TemporaryDirectory() as folder:
        set_up(Path(folder))
        figures = signing_figures()
        log = Growing()
        rows = [log.figures(size) for size in sizes]
        connections.close_all()
    found = growth(rows)
    missed = [name for name, goal in (("sign", SIGN_GOAL), ("verify", VERIFY_GOAL)) if figures[name]["ratio"] < goal]
    missed += [name for name in ("append_us", "inclusion_us") if found[name] > found["log_n"]]
    print(json.dumps({**figures, "log": rows, "growth": found, "missed": missed}, indent=2))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
