"""Licences of every package in the locks that is installed, against a list; a package that names none is a finding."""

import re
from importlib import metadata

from tests.audit import PROJECT
from tests.audit.flaws import LOCKS

# Each word of a licence expression, or of the older texts, that we may use and pass on. No AGPL, no GPL but with the linking exception.
ALLOWED = {
    "mit", "mit license", "mit-0", "mit no attribution", "mit-cmu", "hpnd", "bsd", "bsd license", "bsd-2-clause", "bsd-3-clause",
    "3-clause bsd license", "bsd 3-clause",
    "modified bsd license", "0bsd", "apache", "apache 2.0", "apache-2.0", "apache license 2.0", "apache license",
    "apache software license", "apache license, version 2.0", "isc", "isc license", "isc license (iscl)", "psf-2.0", "psf", "python-2.0",
    "python software foundation license", "mpl-2.0", "mozilla public license 2.0 (mpl 2.0)", "lgpl-2.1-or-later", "lgpl-3.0-only",
    "lgplv3", "lgpl-3.0-or-later", "lgpl with exceptions", "gnu library or lesser general public license (lgpl)",
    "gnu lesser general public license v3 (lgplv3)", "unlicense", "the unlicense (unlicense)", "zlib", "cc0-1.0", "public domain",
    "cnri-python", "postgresql", "new bsd",
}  # fmt: skip
# Packages whose metadata names no licence, and where it stands instead.
TOLD_ELSEWHERE = {"axe-playwright-python": "MIT, in its repository; the axe-core inside it is MPL-2.0"}


def audit() -> tuple[list[str], list[str]]:
    found, missing = [], []
    for name in sorted(locked()):
        try:
            words = licence(name)
        except metadata.PackageNotFoundError:
            missing.append(name)
            continue
        wrong = words - ALLOWED
        if not words and name not in TOLD_ELSEWHERE:
            found.append(f"{name} names no licence")
        found += [f"{name}: {word!r} is not on the list" for word in sorted(wrong)]
    return found, [f"{len(missing)} packages that are not installed here"] if missing else []


def locked() -> set[str]:
    """Names in the locks, in the spelling of the index."""
    text = "\n".join((PROJECT / lock).read_text() for lock in LOCKS)
    return {re.sub(r"[-_.]+", "-", name).lower() for name in re.findall(r"^([A-Za-z0-9][\w.-]*)==", text, re.M)}


def licence(name: str) -> set[str]:
    """The words of its expression (PEP 639), else of its classifiers, else of its short text."""
    said = metadata.metadata(name)
    if expression := said.get("License-Expression"):
        return {word.strip(" ()").lower() for word in re.split(r"\s+(?:and|or)\s+", expression, flags=re.I)}
    classified = {line.rpartition(" :: ")[2].lower() for line in said.get_all("Classifier", []) if line.startswith("License ::")}
    if classified - {"osi approved"}:
        return classified - {"osi approved"}
    short = (said.get("License") or "").strip()
    if short and "\n" not in short and len(short) < 80:
        return {word.lower() for word in re.split(r"\s+or\s+", short, flags=re.I)}
    return _by_its_words(short)


def _by_its_words(text: str) -> set[str]:
    """A whole licence where its name belongs."""
    known = {"Permission is hereby granted, free of charge": "mit", "Redistribution and use in source and binary forms": "bsd"}
    return {word for sentence, word in known.items() if sentence in " ".join(text.split())}
