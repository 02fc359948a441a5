"""What `make audit` asks. Needs neither Django nor a database."""

from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent
