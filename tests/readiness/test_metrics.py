"""/metrics: for the holder of METRICS_TOKEN, and nothing at all for everybody else."""

import pytest

from tests.factories import Story

pytestmark = pytest.mark.usefixtures("both_stores")


def test_without_a_configured_token_there_is_no_such_page(client, settings):
    settings.METRICS_TOKEN = ""

    assert client.get("/metrics", HTTP_AUTHORIZATION="Bearer ").status_code == 404


@pytest.mark.parametrize("header", [None, "Bearer wrong", "Bearer ", "Token right-token", "Bearer right-tokenx", "Bearer \udcff"])
def test_wrong_token_is_404(client, settings, header):
    settings.METRICS_TOKEN = "right-token"
    given = {} if header is None else {"HTTP_AUTHORIZATION": header.encode("utf-8", "surrogateescape").decode("latin-1")}

    assert client.get("/metrics", **given).status_code == 404


def test_right_token_reads_gate_checks_and_reviews(client, settings):
    settings.METRICS_TOKEN = "right-token"
    Story().in_review()

    response = client.get("/metrics", HTTP_AUTHORIZATION="Bearer right-token")
    lines = response.content.decode().splitlines()

    assert response["Content-Type"].startswith("text/plain; version=0.0.4")
    assert 'readiness_status{status="ready_for_review"} 1' in lines
    assert 'readiness_check{check="database_identity",result="pass"} 1' in lines
    assert "readiness_reviews_waiting 1" in lines
    names = {line.split("{")[0].split(" ")[0] for line in lines if line and not line.startswith("#")}
    assert names == {line.split(" ")[2] for line in lines if line.startswith("# TYPE")}
