"""WEBHOOK_… settings → whether webhooks are on, and where they may go."""

import ipaddress
from collections.abc import Mapping

from django.core.exceptions import ImproperlyConfigured

from config import env

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
SAMPLE_KEYS = frozenset({"change-me", "readiness-demo", "secret"})
LEAST_KEY = 32


def key(environ: Mapping[str, str]) -> bytes:
    """The server key that every secret of an endpoint is made from; empty: webhooks are off. Raises ImproperlyConfigured for a weak one."""
    given = env.text(environ, "WEBHOOK_KEY")
    if given and (given in SAMPLE_KEYS or len(given) < LEAST_KEY):
        raise ImproperlyConfigured(f"WEBHOOK_KEY must hold at least {LEAST_KEY} characters of your own.")
    return given.encode()


def allowed_networks(environ: Mapping[str, str]) -> tuple[Network, ...]:
    """Networks that webhooks may go to although they are not public. Raises ImproperlyConfigured for a word that is none."""
    try:
        return tuple(ipaddress.ip_network(word) for word in env.words(environ, "WEBHOOK_ALLOWED_NETWORKS"))
    except ValueError:
        raise ImproperlyConfigured("WEBHOOK_ALLOWED_NETWORKS must be networks such as 10.20.0.0/16, with commas between them.") from None
