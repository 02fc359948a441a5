"""The alerts that the operators' page proposes ask for metrics that are served, with labels and values that there are."""

import re

import pytest

from readiness import registry
from tests.conftest import PROJECT

SECTION = (PROJECT / "docs" / "operations.md").read_text().split("\n## Alerts\n")[1].split("\n## ")[0]
ASKED = re.findall(r"`?(readiness_\w+)(?:\{([^}]*)\})? *(?:==|>)", SECTION)
TOKEN = "t" * 40


@pytest.fixture
def served(both_stores, client, settings) -> str:
    settings.METRICS_TOKEN = TOKEN
    return client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).content.decode()


def test_each_metric_that_an_alert_asks_for_is_served(served):
    names = {line.partition("{")[0].partition(" ")[0] for line in served.splitlines() if line and not line.startswith("#")}
    assert len(ASKED) >= 10
    assert {name for name, _ in ASKED} - names == set()


def test_each_label_that_an_alert_asks_for_is_served(served):
    samples = [(re.split(r"[{ ]", line)[0], set(re.findall(r'(\w+="[^"]*")', line))) for line in served.splitlines()]
    for name, labels in ASKED:
        wanted = set(re.findall(r'(\w+="[^"]*")', labels))
        assert any(name == found and wanted <= said for found, said in samples), (name, labels)


def test_alerts_name_checks_that_there_are():
    named = set(re.findall(r'check="(\w+)"', SECTION))
    assert named <= {entry[0] for entry in registry._registry.values()}
