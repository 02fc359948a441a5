"""Three words, and which paths and keys go with each."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import serving
from tests.conftest import run_manage, run_python

PATHS = {
    "/": "all self-service review",
    "/admin": "all review",
    "/admin/": "all review",
    "/admin/login/": "all review",
    "/administration": "all self-service review",
    "/accounts/login/": "all self-service review",
    "/self-service/readiness": "all self-service review",
    "/self-service/rollout-gates": "all self-service review",
    "/self-service/plans": "all self-service",
    "/self-service/plans/new": "all self-service",
    "/self-service/verify-keys/offline-bundle": "all self-service review",
    "/api/v1/plans/": "all self-service",
    "/api/v1/gate/": "all self-service",
    "/api/v1/log/checkpoint": "all self-service",
    "/api/docs": "all self-service",
    "/api/v1/readiness": "all self-service review",
    "/api/v1/readiness/checks": "all self-service review",
    "/api/v1/readinessx": "all self-service",
    "/protocol/v1/jwks.json": "all self-service review",
    "/livez": "all self-service review",
    "/metrics": "all self-service review",
}


@pytest.mark.parametrize(("path", "words"), PATHS.items())
def test_each_kind_of_process_knows_its_paths(path, words):
    assert " ".join(word for word in serving.WORDS if serving.is_served(path, by=word)) == words


def test_an_unknown_kind_serves_nothing():
    assert not serving.is_served("/", by="everything")


def test_the_word_is_one_of_three():
    assert [serving.process({"READINESS_SERVES": word}) for word in ("", " review ", "self-service")] == ["all", "review", "self-service"]
    for word in ("Review", "self_service", "true", "web"):
        with pytest.raises(ImproperlyConfigured, match="READINESS_SERVES must be one of these words: all, self-service, review"):
            serving.process({"READINESS_SERVES": word})


@pytest.mark.parametrize("name", serving.KEYS)
def test_a_self_service_process_with_a_key_does_not_start(name):
    with pytest.raises(ImproperlyConfigured, match=f"holds no signing key; take away {name}"):
        serving.process({"READINESS_SERVES": "self-service", name: "unix:/run/key"})
    assert serving.process({"READINESS_SERVES": "review", name: "unix:/run/key"}) == "review"


def test_the_refusal_comes_before_a_connection_and_tells_nothing_of_the_key():
    env = {"READINESS_ENVIRONMENT": "test", "DATABASE_URL": "postgresql://app:pw@127.0.0.1:1/none", "RECEIPT_SIGNING_KEY": "planted-key"}
    done = run_manage("check", env=env | {"READINESS_SERVES": "self-service"})
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith("readiness will not start: READINESS_SERVES is self-service")
    assert "planted-key" not in done.stderr


def test_signing_in_leads_to_what_the_process_serves(sqlite_installation):
    code = "from django.conf import settings; print(settings.LOGIN_REDIRECT_URL)"
    env = sqlite_installation.env | {"DJANGO_SETTINGS_MODULE": "config.settings"}
    said = {word: run_python(code, env=env | {"READINESS_SERVES": word}).stdout.strip() for word in serving.WORDS}
    assert said == {"all": "/self-service/plans/", "self-service": "/self-service/plans/", "review": "/admin/"}
