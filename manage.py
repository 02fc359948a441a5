#!/usr/bin/env python
"""Commands of this project; without DATABASE_URL they work on the demo, if `make demo` has been run."""

import os
import sys
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

from config import env
from config.databases import is_production_like

DEMO_ENV_FILE = Path(__file__).resolve().parent / ".demo" / "env"


def read_demo_environment() -> None:
    """Fill in what is not set; never where somebody said that this is a production-like place."""
    said = os.environ.get("READINESS_ENVIRONMENT", "").strip().lower()
    if (
        env.text(os.environ, "DATABASE_URL")
        or env.text(os.environ, "SELF_SERVICE_DATABASE_URL")
        or (said and is_production_like(said))
        or not DEMO_ENV_FILE.exists()
    ):
        return
    os.environ.pop("DATABASE_URL", None)
    environ.Env.read_env(DEMO_ENV_FILE)


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    if sys.argv[1:2] == ["runserver"]:
        os.environ["READINESS_PROCESS"] = "server"
    try:
        read_demo_environment()
        __import__("config.settings")
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as refusal:
        sys.exit(f"readiness will not start: {refusal}")


if __name__ == "__main__":
    main()
