"""`python -m readiness.demo`: a fresh demo on two SQLite files in .demo/, served until Ctrl-C."""

import argparse
import os
import secrets
import shutil
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".demo"
LOGINS = """
  owner      drafts for every partner but quill_insurance      owner2     drafts for quill_insurance
  release    reviews                                           security   reviews
  viewer     looks                                             auditor    reads everything
  operator   runs it                                           operator2  runs it, too
"""
ROOT_FILE = ["--root-file", str(FOLDER / "root-key.pem"), "--root-id", "demo-root"]
KEYS = (
    ["keys", "create"],
    ["keys", "create", "--log"],
    ["keys", "init-root", "--file", str(FOLDER / "root-key.pem"), "--id", "demo-root", "--anchor", str(FOLDER / "trust-anchor.json")],
    ["keys", "attest", *ROOT_FILE],
    ["keys", "attest", "--log", *ROOT_FILE],
)
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV")


def environment(port: int) -> dict[str, str]:
    """What the demo's env file holds. The secret key and the signing key are made anew each time."""
    return {
        "READINESS_ENVIRONMENT": "development",
        "DATABASE_URL": f"sqlite:///{FOLDER / 'primary.sqlite3'}",
        "SELF_SERVICE_DATABASE_URL": f"sqlite:///{FOLDER / 'self_service.sqlite3'}",
        "REQUIRE_SELF_SERVICE_DATABASE_URL": "true",
        "SECRET_KEY": secrets.token_urlsafe(48),
        "RECEIPT_SIGNING_KEY_FILE": str(FOLDER / "signing-key.pem"),
        "LOG_SIGNING_KEY_FILE": str(FOLDER / "log-key.pem"),
        "RECEIPT_ISSUER": f"http://127.0.0.1:{port}",
    }


def refuse_taken_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            sys.exit(f"Port {port} is taken. Choose another: make demo PORT={port + 1}")


def write_folder(said: dict[str, str]) -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(mode=0o700)
    (FOLDER / "env").write_text("".join(f"{name}={value}\n" for name, value in said.items()), encoding="utf-8")


def ending(port: int) -> str:
    """The last that is said before it serves."""
    return (
        "The demo signs with keys and a root of its own, made a moment ago; nobody else has any reason to trust them.\n"
        f"Its public trust anchor, for verifiers to pin, is in {FOLDER / 'trust-anchor.json'}\n\n"
        f"Readiness is at http://127.0.0.1:{port}/ until Ctrl-C. Password for every login: readiness-demo\n{LOGINS}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Set up a fresh demo and serve it on loopback until Ctrl-C.")
    parser.add_argument("--port", type=int, default=8000)
    port = parser.parse_args().port
    refuse_taken_port(port)
    said = environment(port)
    write_folder(said)
    # Nothing of the shell's own settings may leak into the demo, least of all a database URL.
    clean = {name: os.environ[name] for name in KEPT if name in os.environ} | said
    for command in (["migrate_all", "--verbosity", "0"], *KEYS, ["seed_demo"], ["publish_status"]):
        subprocess.run([sys.executable, "manage.py", *command], cwd=ROOT, env=clean, check=True)  # noqa: S603  our own commands
    print(ending(port), flush=True)
    os.chdir(ROOT)
    server = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--blocking-threads", "4"]
    os.execve(sys.executable, [*server, "--log-level", "warning", "config.wsgi:application"], clean)  # noqa: S606  the server takes over


if __name__ == "__main__":
    main()
