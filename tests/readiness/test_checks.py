"""Each check flips when its fact is taken away, and flips back."""

import base64
import contextlib
import os
import secrets
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import pytest
from django.conf import settings
from django.db import connections

from access.models import User
from config.databases import installation
from drafts.models import Partner
from readiness import checks, probes, registry, role_checks
from readiness.gate import isolation, readiness
from readiness.looks import Standing, takes_writes
from readiness.trespass import Trespass, trespass
from receipts.keys import register_key, revoke, rotate
from receipts.models import SigningKey
from receipts.signing import signer
from tests.factories import Story, make_environment, make_user

SECURE = (("session cookie", True),)
pytestmark = pytest.mark.usefixtures("both_stores")


@pytest.fixture(autouse=True)
def published_key():
    register_key(signer())


def found(check: str, *, production_like: bool = False, **installed) -> registry.Finding:
    return {finding.id: finding for finding in judged(production_like=production_like, **installed)}[check]


def judged(*, production_like: bool = False, debug: bool = False, **installed) -> list[registry.Finding]:
    installed_here = replace(settings.INSTALLATION, **installed)
    return checks.judge(registry.Situation(installed_here, probes.probe(), debug, production_like, SECURE))


def execute(alias: str, statement: str) -> None:
    with connections[alias].cursor() as cursor:
        cursor.execute(statement)


def test_two_real_clusters_are_ready():
    ready = readiness()

    assert (ready.status, ready.answer["draft_store_isolation"]) == ("ready_for_review", "dedicated")
    assert ready.answer["production_write_from_self_service"] is False


def test_json_has_exactly_the_keys_of_the_contract():
    answer = readiness().answer

    assert set(answer) == {
        "draft_store_isolation", "environment", "launch_gate", "local_production_db_override_enabled", "primary_database_url_configured",
        "production_like", "production_write_from_self_service", "require_self_service_database_url",
        "self_service_database_url_configured", "status",
    }  # fmt: skip
    assert set(answer["launch_gate"]) == {"passes_enterprise_db_gate", "recommended_require_flag", "requires_self_service_database_url"}


@pytest.mark.parametrize(("production_like", "result"), [(True, "block"), (False, "not_applicable")])
def test_require_flag(production_like, result):
    assert found("require_flag", production_like=production_like, require_self_service=False).result == result
    assert found("require_flag", production_like=production_like, require_self_service=True).result == "pass"


@pytest.mark.parametrize(("production_like", "result"), [(True, "block"), (False, "warn")])
def test_override_debug_shared_and_demo_block_production_and_warn_elsewhere(production_like, result):
    assert found("local_override", production_like=production_like, override_enabled=True).result == result
    assert found("debug_off", production_like=production_like, debug=True).result == result
    assert found("dedicated_store", production_like=production_like, self_service_configured=False).result == result
    assert found("demo_data", production_like=production_like).result == "pass"
    Partner.objects.create(slug="made_by_demo", name="x", demo=True)
    assert found("demo_data", production_like=production_like).result == result


def test_demo_accounts_alone_are_demo_data():
    make_user("somebody", groups=("demo",))

    assert found("demo_data", production_like=True).result == "block"


@pytest.fixture
def known_role():
    """A role that the primary's cluster knows, as it would know the draft store's if both were one cluster; of a name of its own, because
    other tests ask the same cluster at the same time. Its rights go with the test's transaction, itself with the fixture."""
    superuser = psycopg2.connect(os.environ["TEST_PRIMARY_SUPERUSER_URL"])
    superuser.autocommit = True
    name = f"trespasser_{secrets.token_hex(4)}"
    with superuser.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {name}")
    yield name
    # A grant that is not rolled back yet keeps the role; it goes with the cluster then.
    with superuser.cursor() as cursor, contextlib.suppress(psycopg2.Error):
        cursor.execute(f"SET lock_timeout = '1s'; DROP ROLE {name}")
    superuser.close()


def facts_as(role: str) -> probes.Facts:
    return replace(probes.probe(), trespass=trespass(role))


def test_role_of_drafts_that_could_write_in_the_primary_is_found(known_role):
    assert judged_on(facts_as(known_role), production_like=True)["production_write"] == "pass"

    execute("default", f"GRANT UPDATE (username) ON access_user TO {known_role}")
    assert judged_on(facts_as(known_role), production_like=True)["production_write"] == "block"
    assert judged_on(facts_as(known_role), production_like=False)["production_write"] == "warn"
    assert role_checks.writes(settings.INSTALLATION, facts_as(known_role)) is True

    execute("default", f"REVOKE ALL (username) ON access_user FROM {known_role}")
    assert judged_on(facts_as(known_role), production_like=True)["production_write"] == "pass"
    assert role_checks.writes(settings.INSTALLATION, facts_as(known_role)) is False


def test_role_of_drafts_that_may_connect_to_the_primary_is_found(known_role):
    """PUBLIC may connect to every new database, so a role that the primary knows can, until that is taken back."""
    assert judged_on(facts_as(known_role), production_like=True)["no_way_in"] == "block"
    assert judged_on(facts_as(known_role), production_like=False)["no_way_in"] == "warn"

    execute("default", f'REVOKE CONNECT ON DATABASE "{connections["default"].settings_dict["NAME"]}" FROM PUBLIC')

    assert judged_on(facts_as(known_role), production_like=True)["no_way_in"] == "pass"


def test_draft_table_in_the_primary_is_found():
    execute("default", "CREATE TABLE drafts_coverageplan (id int)")

    assert found("no_draft_tables_in_primary").result == "block"


@pytest.mark.parametrize(
    ("alias", "check", "table"), [("default", "primary_schema", "access_apitoken"), ("self_service", "draft_store_schema", "reviews_vote")]
)
def test_missing_table_and_pending_and_foreign_migration_block(alias, check, table):
    assert found(check).result == "pass"

    execute(alias, f"ALTER TABLE {table} RENAME TO elsewhere")
    assert found(check).result == "block"
    execute(alias, f"ALTER TABLE elsewhere RENAME TO {table}")
    execute(alias, "INSERT INTO django_migrations (app, name, applied) VALUES ('reviews', '9999_from_the_future', now())")
    assert found(check).result == "block"
    execute(alias, "DELETE FROM django_migrations WHERE name IN ('9999_from_the_future', '0002_guards')")
    assert found(check).result == "block"


def test_same_database_behind_two_urls_blocks():
    facts = probes.probe()
    same = replace(facts, store=replace(facts.store, identity=facts.primary.identity))
    situation = registry.Situation(settings.INSTALLATION, same, False, False)

    assert {finding.id: finding.result for finding in checks.judge(situation)}["database_identity"] == "block"
    assert isolation(settings.INSTALLATION, same) == "shared"
    assert role_checks.writes(settings.INSTALLATION, same) is True


@pytest.mark.parametrize("silent", ["primary", "store"])
def test_silent_database_is_unknown_and_never_a_pass(silent):
    facts = replace(probes.probe(), **{silent: None}, trespass=Trespass(), unfillable=None)
    findings = {finding.id: finding.result for finding in checks.judge(registry.Situation(settings.INSTALLATION, facts, False, True))}

    for name in ("database_identity", "production_write", "policies_fillable", "demo_data", "writable"):
        assert findings[name] == "unknown", name
    assert isolation(settings.INSTALLATION, facts) == "unavailable"
    assert role_checks.writes(settings.INSTALLATION, facts) is None


def test_nothing_known_is_unknown_everywhere_it_matters():
    findings = checks.judge(registry.Situation(settings.INSTALLATION, probes.nothing_known(), False, True))

    assert "block" not in {finding.result for finding in findings}
    assert sum(finding.result == "unknown" for finding in findings) >= 8


def test_read_only_database_blocks():
    facts = probes.probe()
    read_only = replace(facts, store=replace(facts.store, standing=replace(facts.store.standing, read_only=True)))

    assert {f.id: f.result for f in checks.judge(registry.Situation(settings.INSTALLATION, read_only, False, False))}["writable"] == "block"


def in_a_child(answers: Callable[[], bool]) -> bool:
    """Asked in a process of its own that has no right to pass over those of files."""
    child = os.fork()
    if child == 0:
        if os.geteuid() == 0:
            os.setuid(65534)
        os._exit(0 if answers() else 1)
    return os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize(("file_mode", "folder_mode", "takes"), [(0o666, 0o777, True), (0o444, 0o777, False), (0o666, 0o555, False)])
def test_file_of_sqlite_is_asked_whether_it_takes_writes(file_mode, folder_mode, takes):
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        folder = Path(name) / "kept"
        folder.mkdir()
        file = folder / "store.sqlite3"
        file.touch()
        file.chmod(file_mode)
        folder.chmod(folder_mode)
        assert in_a_child(lambda: takes_writes(file)) is takes
        folder.chmod(0o777)


def test_policy_nobody_can_satisfy_blocks_and_names_the_environment():
    story = Story()
    assert found("policies_fillable").result == "pass"

    story.security.groups.clear()

    blocked = found("policies_fillable")
    assert (blocked.result, "production" in blocked.evidence, "security" in blocked.evidence) == ("block", True, True)


@pytest.mark.parametrize("change", [{"is_active": False}, {"machine": True}])
def test_only_active_humans_fill_seats(change):
    Story()

    User.objects.filter(username="release").update(**change)

    assert found("policies_fillable").result == "block"


def test_one_person_in_both_groups_fills_one_seat():
    make_environment()
    make_user("both", groups=("release", "security"))

    assert found("policies_fillable").result == "block"


def test_S10_missing_unreadable_and_unpublished_key(settings, tmp_path):
    assert found("signing_key").result == "pass"

    settings.RECEIPT_SIGNING_KEY = ""
    assert found("signing_key").result == "warn"  # others' receipts still verify; this process cannot approve
    settings.RECEIPT_SIGNING_KEY_FILE = str(tmp_path / "gone.pem")
    assert found("signing_key").result == "block"
    settings.RECEIPT_SIGNING_KEY_FILE, settings.RECEIPT_SIGNING_KEY = "", "A" * 43 + "="
    assert found("signing_key").result == "block"


# The seed of RFC 8032 section 7.1, test 1.
SAMPLE_SEED = base64.b64encode(bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")).decode()


@pytest.mark.parametrize(("production_like", "result"), [(True, "block"), (False, "warn")])
def test_sample_key_of_this_process_blocks_production_and_warns_elsewhere(settings, production_like, result):
    assert found("sample_key", production_like=production_like).result == "pass"

    settings.RECEIPT_SIGNING_KEY = SAMPLE_SEED

    assert found("sample_key", production_like=production_like).result == result


def test_sample_key_that_the_signer_refuses_to_load_blocks(settings):
    settings.INSTALLATION = replace(settings.INSTALLATION, production_like=True)
    settings.RECEIPT_SIGNING_KEY = SAMPLE_SEED

    assert {check: found(check, production_like=True).result for check in ("sample_key", "signing_key")} == {
        "sample_key": "block",
        "signing_key": "block",
    }


def test_process_without_a_key_serves_while_one_is_in_force(settings):
    settings.RECEIPT_SIGNING_KEY = ""

    assert (found("key_window").result, found("sample_key").result) == ("pass", "pass")


@pytest.mark.parametrize(("serves", "with_key", "result"), [
    ("self-service", True, "block"), ("self-service", False, "pass"), ("review", True, "pass"), ("review", False, "block"),
    ("all", True, "pass"), ("all", False, "warn"),
])  # fmt: skip
def test_each_kind_of_process_has_the_key_that_belongs_there(settings, serves, with_key, result):
    settings.SERVES = serves
    if not with_key:
        settings.RECEIPT_SIGNING_KEY = ""
    assert {each.id: each.result for each in readiness().findings}["signing_key"] == result


def test_self_service_without_any_published_key_blocks(settings):
    settings.SERVES, settings.RECEIPT_SIGNING_KEY = "self-service", ""
    with connections["self_service"].cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("DELETE FROM receipts_signingkey")
    assert {each.id: each.result for each in readiness().findings}["signing_key"] == "block"


def test_next_key_of_this_process_is_not_in_its_time(settings):
    settings.RECEIPT_SIGNING_KEY = base64.b64encode(secrets.token_bytes(32)).decode()
    assert found("key_window").result == "block"  # nobody has registered it

    register_key(signer())

    assert ("keys rotate" in found("key_window").remedy, found("key_window").result) == (True, "warn")
    assert "cannot approve" in found("key_window").evidence
    rotate()
    assert found("key_window").result == "pass"


def test_F19_rotation_shuts_no_gate_and_a_revoked_key_does(settings):
    """The process that holds the old key is like one without: it judges by the published keys. No approval comes out of it."""
    old = settings.RECEIPT_SIGNING_KEY
    settings.RECEIPT_SIGNING_KEY = base64.b64encode(secrets.token_bytes(32)).decode()
    register_key(signer())
    settings.RECEIPT_SIGNING_KEY = old
    rotate()
    assert (found("key_window").result, found("signing_key").result, readiness().status) == ("warn", "warn", "ready_for_review")

    revoke(signer().kid, reason="lost")

    assert (found("key_window").result, readiness().status) == ("block", "blocked")
    assert "who else has the revoked one" in found("key_window").remedy


def test_S10_no_key_and_none_published_blocks(settings):
    settings.RECEIPT_SIGNING_KEY = ""
    with connections["self_service"].cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("DELETE FROM receipts_signingkey")

    assert not SigningKey.objects.exists()
    assert found("signing_key").result == "block"


def test_check_that_raises_cannot_tell(monkeypatch):
    def broken(situation):
        raise RuntimeError("boom")

    monkeypatch.setattr(registry, "_registry", {7: ("broken", "Broken", registry.REVIEW, broken)})

    assert [(finding.id, finding.result) for finding in judged()] == [("broken", "unknown")]
    assert readiness().status == "unknown"


def test_every_area_of_the_page_has_checks():
    assert {finding.area for finding in judged()} == set(registry.AREAS)


def test_ids_and_numbers_are_stable():
    assert [(finding.number, finding.id) for finding in judged()] == list(
        enumerate(
            ["database_identity", "dedicated_store", "require_flag", "local_override", "production_write", "no_draft_tables_in_primary",
             "primary_schema", "draft_store_schema", "writable", "signing_key", "policies_fillable", "demo_data", "debug_off",
 "no_way_in", "role_powers", "side_doors", "guards_stand", "clocks_agree", "web_settings", "sample_key", "key_window",
             "key_attested"], 1,
        )
    )  # fmt: skip


def test_enterprise_gate_follows_its_definition():
    given = {
        "READINESS_ENVIRONMENT": "production",
        "DATABASE_URL": "postgres://a:b@h1/x",
        "SELF_SERVICE_DATABASE_URL": "postgres://c:d@h2/y",
    }
    assert installation(given, server=False).production_like
    assert readiness().answer["launch_gate"] == {
        "passes_enterprise_db_gate": True, "recommended_require_flag": False, "requires_self_service_database_url": True,
    }  # fmt: skip


# --- each fact of the second issue, taken away for real and given back --------------------------------------------------------------


def test_deploy_check_tries_the_credentials_themselves(monkeypatch):
    """With the primary's own credentials in the draft store's place, the way in is open, and trying it shows."""
    tried = {finding.id: finding.result for finding in readiness(production_like=True, entering=True).findings}
    assert tried["no_way_in"] == "pass"

    for name in ("USER", "PASSWORD"):
        monkeypatch.setitem(settings.DATABASES["self_service"], name, settings.DATABASES["default"][name])

    tried = {finding.id: finding.result for finding in readiness(production_like=True, entering=True).findings}
    assert tried["no_way_in"] == "block"


def test_role_that_the_primary_does_not_know_has_no_way_in():
    assert found("no_way_in", production_like=True).result == "pass"


@pytest.mark.parametrize(
    ("powers", "result"), [((), "pass"), (("createdb",), "pass"), (("createrole",), "block"), (("superuser",), "block")]
)
def test_powers_of_the_serving_roles_are_named(powers, result):
    facts = probes.probe()
    given = replace(facts, **{side: replace(getattr(facts, side), standing=Standing("x", powers=powers)) for side in ("primary", "store")})

    assert judged_on(given, production_like=True)["role_powers"] == result
    assert "createdb" in found("role_powers").evidence  # the tests' own roles may make databases, and the database was asked


def judged_on(facts, *, production_like: bool) -> dict[str, str]:
    situation = registry.Situation(settings.INSTALLATION, facts, False, production_like, SECURE)
    return {finding.id: finding.result for finding in checks.judge(situation)}


@pytest.fixture(params=["dblink", "postgres_fdw"])
def side_door(request):
    """A real extension in the draft store's test database, made by its superuser."""
    url = urlsplit(os.environ["TEST_STORE_SUPERUSER_URL"])._replace(path="/" + connections["self_service"].settings_dict["NAME"])
    superuser = psycopg2.connect(urlunsplit(url))
    superuser.autocommit = True
    with superuser.cursor() as cursor:
        cursor.execute(f"CREATE EXTENSION {request.param}")
        yield lambda: cursor.execute(f"DROP EXTENSION IF EXISTS {request.param}")
        cursor.execute(f"DROP EXTENSION IF EXISTS {request.param}")
    superuser.close()


def test_side_door_is_found_and_its_removal_too(side_door):
    assert found("side_doors", production_like=True).result == "block"
    assert found("side_doors").result == "warn"

    side_door()

    assert found("side_doors", production_like=True).result == "pass"


FOREIGN_KEY = "FOREIGN KEY (review_request_id) REFERENCES reviews_deploymentreviewrequest"
# Django gives it a name that nobody knows.
FOREIGN_KEY_AWAY = """DO $$ BEGIN EXECUTE format('ALTER TABLE reviews_vote DROP CONSTRAINT %I',
(SELECT conname FROM pg_constraint WHERE conrelid = 'reviews_vote'::regclass AND contype = 'f')); END $$"""


@pytest.mark.parametrize(
    ("alias", "away", "back"),
    [
        (
            "self_service",
            "ALTER TABLE reviews_vote DISABLE TRIGGER reviews_vote_guard",
            "ALTER TABLE reviews_vote ENABLE TRIGGER reviews_vote_guard",
        ),
        (
            "self_service",
            "ALTER TABLE reviews_event DISABLE TRIGGER reviews_event_no_change",
            "ALTER TABLE reviews_event ENABLE TRIGGER reviews_event_no_change",
        ),
        (
            "self_service",
            "ALTER TABLE reviews_deploymentreviewrequest DROP CONSTRAINT request_never_writes",
            "ALTER TABLE reviews_deploymentreviewrequest ADD CONSTRAINT request_never_writes CHECK (NOT production_write)",
        ),
        (
            "self_service",
            "ALTER INDEX one_open_request RENAME TO elsewhere",
            "ALTER INDEX elsewhere RENAME TO one_open_request",
        ),
        (
            "default",
            "ALTER TABLE access_user RENAME CONSTRAINT username_is_no_address TO elsewhere",
            "ALTER TABLE access_user RENAME CONSTRAINT elsewhere TO username_is_no_address",
        ),
        ("self_service", "SET LOCAL session_replication_role = replica", "SET LOCAL session_replication_role = origin"),
        (
            "self_service",
            "ALTER TABLE reviews_packet ALTER COLUMN digest DROP NOT NULL",
            "ALTER TABLE reviews_packet ALTER COLUMN digest SET NOT NULL",
        ),
        (
            "self_service",
            "ALTER TABLE drafts_partner DROP CONSTRAINT drafts_partner_slug_key",
            "ALTER TABLE drafts_partner ADD UNIQUE (slug)",
        ),
        (
            "self_service",
            FOREIGN_KEY_AWAY,
            "ALTER TABLE reviews_vote ADD FOREIGN KEY (review_request_id) REFERENCES reviews_deploymentreviewrequest",
        ),
        (
            "default",
            "ALTER TABLE access_apitoken DROP CONSTRAINT access_apitoken_public_id_key",
            "ALTER TABLE access_apitoken ADD UNIQUE (public_id)",
        ),
    ],
)
def test_guard_that_is_gone_or_off_is_found(alias, away, back):
    assert found("guards_stand").result == "pass"
    execute(alias, away)
    assert found("guards_stand").result == "block"
    execute(alias, back)
    assert found("guards_stand").result == "pass"


@pytest.mark.parametrize("ahead", [-600.0, 600.0])
def test_F17_clock_that_differs_is_found(ahead):
    facts = probes.probe()
    skewed = replace(facts, store=replace(facts.store, clock=ahead))

    assert judged_on(facts, production_like=True)["clocks_agree"] == "pass"
    assert judged_on(skewed, production_like=True)["clocks_agree"] == "block"


def test_web_settings_follow_the_settings(settings):
    assert {finding.id: finding.result for finding in readiness().findings}["web_settings"] == "warn"

    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    settings.SECURE_HSTS_SECONDS, settings.ALLOWED_HOSTS = 60, ["readiness.test"]

    assert {finding.id: finding.result for finding in readiness().findings}["web_settings"] == "pass"
    settings.ALLOWED_HOSTS = ["*"]
    assert {finding.id: finding.result for finding in readiness(production_like=True).findings}["web_settings"] == "block"


def test_every_finding_tells_age_and_cost():
    assert [finding.id for finding in judged() if finding.cost <= 0 or finding.age < 0] == []
