"""Commands in processes of their own, with an environment that is given and no other. Needs no Django."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent


def run(
    *command: str | Path, env: Mapping[str, str], cwd: Path = PROJECT, timeout: float = 120, input: str = ""
) -> subprocess.CompletedProcess:
    """Python in a process that inherits PATH and HOME and nothing else; text in, text out."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    whole = [sys.executable, *map(str, command)]
    return subprocess.run(
        whole, env=inherited | dict(env), cwd=cwd, timeout=timeout, input=input, capture_output=True, text=True, check=False
    )


def run_manage(*args: str, env: Mapping[str, str], **options) -> subprocess.CompletedProcess:
    return run(PROJECT / "manage.py", *args, env=env, **options)


def run_python(code: str, *, env: Mapping[str, str], **options) -> subprocess.CompletedProcess:
    return run("-c", code, env=env, **options)
