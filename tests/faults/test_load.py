"""Two hundred strangers a second look at readiness: every one is answered, and the databases do not notice."""

import http.client
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from tests.faults.installation import SIDES, Installation

STRANGERS, EACH, SECONDS = 8, 75, 3.0
# Per side: one of the probes, one that it just let go, two of the page's reads beside the gate.
CONNECTIONS = 4


def looks_on(installation: Installation, path: str) -> list[int]:
    """Statuses of one stranger's calls, evenly over the time, on one kept connection."""
    connection = http.client.HTTPConnection(urlsplit(installation.address).netloc, timeout=10)
    start, statuses = time.monotonic(), []
    for number in range(EACH):
        time.sleep(max(0.0, start + number * SECONDS / EACH - time.monotonic()))
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        statuses.append(response.status)
    connection.close()
    return statuses


def connections(installation: Installation, side: str) -> int:
    asked = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND datname = "
    return installation.execute_as_superuser(side, f"{asked}'{installation.name(side)}'")[0][0]


def test_F23_anonymous_readiness_opens_a_bounded_number_of_connections(installation):
    for proxy in installation.proxies.values():
        proxy.cut()
    paths = ["/api/v1/readiness"] * (STRANGERS - 1) + ["/self-service/readiness"]

    with ThreadPoolExecutor(STRANGERS) as strangers:
        looking = [strangers.submit(looks_on, installation, path) for path in paths]
        most = dict.fromkeys(SIDES, 0)
        while not all(each.done() for each in looking):
            most = {side: max(found, connections(installation, side)) for side, found in most.items()}
            time.sleep(0.05)
        statuses = [status for each in looking for status in each.result()]

    assert (len(statuses), set(statuses)) == (STRANGERS * EACH, {200})
    assert max(most.values()) <= CONNECTIONS
    assert min(most.values()) >= 1
