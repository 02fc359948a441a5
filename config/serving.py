"""Which paths a process serves: all of them, self-service without the desk and without a signing key, or the desk with the key."""

from collections.abc import Mapping

from django.core.exceptions import ImproperlyConfigured

from config import env

ALL, SELF_SERVICE, REVIEW = "all", "self-service", "review"
WORDS = (ALL, SELF_SERVICE, REVIEW)
DESK = "/admin"
# Where owners and machines work. What is public, signing in, the readiness page and the probes are served by every process.
WORKSPACE = ("/self-service/plans", "/api")
PROBED = ("/api/v1/readiness",)
# A process that takes texts and tokens from everywhere is given none of these.
KEYS = ("RECEIPT_SIGNING_KEY", "RECEIPT_SIGNING_KEY_FILE", "RECEIPT_SIGNER", "LOG_SIGNING_KEY", "LOG_SIGNING_KEY_FILE")


def process(environ: Mapping[str, str]) -> str:
    """The word of READINESS_SERVES. Raises ImproperlyConfigured for another one, and for a key where none belongs."""
    word = env.one_of(environ, "READINESS_SERVES", WORDS, default=ALL)
    held = [name for name in KEYS if env.text(environ, name)]
    if word == SELF_SERVICE and held:
        raise ImproperlyConfigured(f"READINESS_SERVES is self-service, and such a process holds no signing key; take away {held[0]}.")
    return word


def is_served(path: str, *, by: str) -> bool:
    """Whether a process of this word knows the path at all; one that it does not know is 404 to everybody."""
    if by == SELF_SERVICE:
        return not _below(path, DESK)
    if by == REVIEW:
        return _below(path, *PROBED) or not _below(path, *WORKSPACE)
    return by == ALL


def _below(path: str, *places: str) -> bool:
    return any(path == place or path.startswith(f"{place}/") for place in places)
