"""Where a call comes from, as far as it can be believed."""

import ipaddress

from django.conf import settings

UNKNOWN = "unknown"


def address_of(request) -> str:
    """The caller's address: the socket's, or the one that the last of TRUSTED_PROXIES trusted proxies saw. IPv6: its /64 network.

    X-Forwarded-For is read from its right end, because a caller can write anything at its left. `unknown` counts all who cannot be told.
    """
    hops = settings.TRUSTED_PROXIES
    said = request.META.get("REMOTE_ADDR", "")
    if hops:
        seen = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
        said = seen[-hops] if len(seen) >= hops else said
    return _network(said)


def _network(said: str) -> str:
    try:
        address = ipaddress.ip_address(said)
    except ValueError:
        return UNKNOWN
    if address.version == 6 and address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network(f"{address}/64", strict=False)) if address.version == 6 else str(address)
