"""WEBHOOK_…: off unless there is a key, and a wrong word is refused."""

import ipaddress

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.webhooks import allowed_networks, key


def test_without_a_key_webhooks_are_off():
    assert [key({}), key({"WEBHOOK_KEY": "  "}), key({"WEBHOOK_KEY": "k" * 32})] == [b"", b"", b"k" * 32]


@pytest.mark.parametrize("weak", ["change-me", "secret", "k" * 31])
def test_a_weak_key_is_refused(weak):
    with pytest.raises(ImproperlyConfigured, match="^WEBHOOK_KEY must hold at least 32 characters of your own") as refused:
        key({"WEBHOOK_KEY": weak})
    assert weak not in str(refused.value)


def test_networks_are_read_strictly():
    found = allowed_networks({"WEBHOOK_ALLOWED_NETWORKS": "10.20.0.0/16, fd00::/8"})
    assert found == (ipaddress.ip_network("10.20.0.0/16"), ipaddress.ip_network("fd00::/8"))
    assert allowed_networks({}) == ()


@pytest.mark.parametrize("wrong", ["true", "*", "10.20.0.1/16", "10.0.0.0/33", "localhost"])
def test_a_word_that_is_no_network_is_refused(wrong):
    with pytest.raises(ImproperlyConfigured, match="^WEBHOOK_ALLOWED_NETWORKS must be networks"):
        allowed_networks({"WEBHOOK_ALLOWED_NETWORKS": wrong})
