"""Every refusal that comes before a socket is opened, asked of the function that reads the environment."""

import os

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.databases import installation, looks_managed, target

LOCAL = "postgresql://app:pw@127.0.0.1:5433/primary"
STORE = "postgresql://store:pw@127.0.0.1:5434/drafts"
MANAGED = [
    "containers-us-west-1.railway.app",
    "monorail.proxy.rlwy.net",
    "postgres.railway.internal",
    "prod.abc123.eu-west-1.rds.amazonaws.com",
]


def read(server=False, **environ):
    return installation(
        {"READINESS_ENVIRONMENT": "local", "DATABASE_URL": LOCAL, "SELF_SERVICE_DATABASE_URL": STORE} | environ, server=server
    )


def refusal(**environ) -> str:
    with pytest.raises(ImproperlyConfigured) as refused:
        read(**environ)
    return str(refused.value)


def at(host: str) -> str:
    return f"postgresql://app:pw@{host}:5432/db"


# --- what an installation is ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["development", "local", "test", "ci", " CI ", "Test"])
def test_environment_of_developers_is_not_production_like(word):
    assert read(READINESS_ENVIRONMENT=word).production_like is False


@pytest.mark.parametrize("word", ["", "  ", "production", "staging", "prod", "dev", "demo", "testing", "developmentt", "ｌｏｃａｌ"])
def test_environment_of_any_other_word_or_none_is_production_like(word):
    assert read(READINESS_ENVIRONMENT=word).production_like is True


def test_environment_that_is_unset_is_production():
    assert installation({"DATABASE_URL": LOCAL}, server=False).environment == "production"


def test_two_urls_become_two_aliases():
    found = read()
    primary, store = found.databases["default"], found.databases["self_service"]
    assert (primary["HOST"], primary["PORT"], primary["NAME"], primary["USER"], primary["PASSWORD"]) == (
        "127.0.0.1",
        "5433",
        "primary",
        "app",
        "pw",
    )
    assert (store["HOST"], store["PORT"], store["NAME"], store["USER"]) == ("127.0.0.1", "5434", "drafts", "store")
    assert "search_path=public" in primary["OPTIONS"]["options"]
    assert "search_path=self_service_drafts" in store["OPTIONS"]["options"]
    assert (found.shared, found.self_service_configured) == (False, True)


@pytest.mark.parametrize("blank", ["", "   "])
def test_shared_store_on_postgresql_is_the_same_database_in_a_schema_of_its_own(blank):
    found = read(SELF_SERVICE_DATABASE_URL=blank)
    primary, store = found.databases["default"], found.databases["self_service"]
    assert found.shared is True
    assert [store[key] for key in ("HOST", "PORT", "NAME", "USER")] == [primary[key] for key in ("HOST", "PORT", "NAME", "USER")]
    assert "search_path=self_service_drafts" in store["OPTIONS"]["options"]
    assert store["TEST"]["NAME"] != primary["TEST"]["NAME"]


def test_shared_store_on_sqlite_is_a_second_file(tmp_path):
    found = read(DATABASE_URL=f"sqlite:///{tmp_path}/a.sqlite3", SELF_SERVICE_DATABASE_URL="")
    assert found.databases["self_service"]["NAME"] == str(tmp_path / "a.self_service_drafts.sqlite3")


@pytest.mark.parametrize("server", [True, False])
def test_statement_limits_are_for_servers_only(server):
    for database in read(server=server).databases.values():
        for name, limit in (("statement_timeout", 2500), ("lock_timeout", 2000), ("idle_in_transaction_session_timeout", 15000)):
            assert f"-c {name}={limit if server else 0}" in database["OPTIONS"]["options"]
        assert database["OPTIONS"]["connect_timeout"] == 2


def test_behind_a_pooler_nothing_is_said_to_a_session_and_nothing_kept_in_it():
    for database in read(POOLED="true").databases.values():
        assert "options" not in database["OPTIONS"]
        assert database["DISABLE_SERVER_SIDE_CURSORS"] is True
    for database in read().databases.values():
        assert database["DISABLE_SERVER_SIDE_CURSORS"] is False
    with pytest.raises(ImproperlyConfigured, match="POOLED must be true or false"):
        read(POOLED="transaction")


def test_options_of_the_url_reach_the_driver_and_cannot_replace_ours():
    options = read(DATABASE_URL=f"{LOCAL}?sslmode=verify-full&application_name=x").databases["default"]["OPTIONS"]
    assert (options["sslmode"], options["application_name"]) == ("verify-full", "x")
    assert options["options"].startswith("-c search_path=public")


@pytest.mark.parametrize(
    "url",
    [
        "postgres://u:p@h/db",
        "POSTGRESQL://u:p@H/db",
        "psql://u:p@h./db",
        "pgsql://u:p@h:5432/db",
        "postgresql://u:p@%68/db",
        "postgresql://u:p@/db?host=h",
    ],
)
def test_target_normalises_spellings_of_one_place(url):
    assert target("X", url).place == ("postgresql", ("h",), 5432, "db")


def test_target_decodes_credentials():
    place = target("X", "postgresql://us%40er:p%2Fw%3A@h/db")
    assert (place.user, place.password) == ("us@er", "p/w:")


# --- refusals -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("blank", ["", "   "])
def test_primary_url_missing_is_refused(blank):
    assert refusal(DATABASE_URL=blank).startswith("DATABASE_URL is missing;")


@pytest.mark.parametrize("blank", ["", "  ", "\t"])
def test_d05_required_store_url_missing_or_blank_is_refused(blank):
    said = refusal(SELF_SERVICE_DATABASE_URL=blank, REQUIRE_SELF_SERVICE_DATABASE_URL="true")
    assert said.startswith("SELF_SERVICE_DATABASE_URL is missing and REQUIRE_SELF_SERVICE_DATABASE_URL is true")


BAD_URLS = [
    "nonsense",
    "http://h/db",
    "mysql://u:p@h/db",
    "postgresql://",
    "postgresql://h",
    "postgresql:///db",
    "postgresql://u:p@h:port/db",
    "postgresql://u:p@h:99999/db",
    "postgresql://u:p@h/",
    "postgresql://u:p@h/db\x00",
    "postgresql://u:p@h/db%00",
    "postgresql://u:p@h/db\nx",
    "postgresql://u:p@[::1/db",
    "postgresql://u:p@one,two/db",
    "postgresql://u:p@one%2Ctwo/db",
    "postgresql://u:p@one:1,two:2/db",
    "postgresql://u:p@/db?host=one,two",
    "postgresql://u:p@/db?host=one%2Ctwo",
    "postgresql://u:p@h/db?host=other",
    "postgresql://u:p@h/db?hostaddr=10.0.0.1",
    "postgresql://u:p@h/db?port=1",
    "postgresql://u:p@h/db?dbname=other",
    "postgresql://u:p@h/db?service=prod",
    "postgresql://u:p@h/db?options=-csearch_path%3Dx",
    "postgresql://u:p@h/db?target_session_attrs=any",
    "postgresql://u:p@h/db?conn_max_age=1",
    "postgresql://u:p@h/host%3Dother%20dbname%3Dprod",
    "postgresql://u:p@h/postgresql:%2F%2Fother%2Fprod",
    "postgresql://u:p@h%20/db",
    "postgresql://u:p@h%C3%A9/db",
    "postgresql://u:p@db%E3%80%82rlwy.net/db",
    "sqlite://",
    "sqlite:///",
    "sqlite:////",
    "sqlite://:memory:",
    "sqlite:///:memory:",
    "sqlite:////tmp/x%00y",
    "sqlite://relative.sqlite3",
]


@pytest.mark.parametrize("variable", ["DATABASE_URL", "SELF_SERVICE_DATABASE_URL"])
@pytest.mark.parametrize("url", BAD_URLS)
def test_d05_bad_url_is_refused_by_name_and_never_repeated(variable, url):
    said = refusal(**{variable: url, "REQUIRE_SELF_SERVICE_DATABASE_URL": "true"})
    assert said.startswith(f"{variable} ")
    assert "u:p@" not in said


@pytest.mark.parametrize("variable", ["REQUIRE_SELF_SERVICE_DATABASE_URL", "ALLOW_LOCAL_PRODUCTION_DATABASE"])
@pytest.mark.parametrize("word", ["garbage", "tru", "2"])
@pytest.mark.parametrize("environment", ["local", "production"])
def test_d07_unknown_word_in_a_safety_switch_is_refused(variable, word, environment):
    assert refusal(READINESS_ENVIRONMENT=environment, **{variable: word}).startswith(f"{variable} must be true or false")


SPELLINGS = [
    str.lower,
    str.upper,
    str.title,
    lambda host: f"{host}.",
    lambda host: f"{host.upper()}..",
    lambda host: host.replace(".", "%2E"),
]


@pytest.mark.parametrize("variable", ["DATABASE_URL", "SELF_SERVICE_DATABASE_URL"])
@pytest.mark.parametrize("host", MANAGED)
@pytest.mark.parametrize("spell", SPELLINGS, ids=["lower", "upper", "title", "dot", "dots", "percent"])
@pytest.mark.parametrize(
    "url", ["postgresql://app:pw@{}:5432/db", "postgres://{}/db", "postgresql://app:pw@/db?host={}", "psql://app@{}/db?sslmode=require"]
)
def test_d07_managed_host_in_either_url_is_refused(variable, host, spell, url):
    said = refusal(**{variable: url.format(spell(host))})
    assert said.startswith(f"{variable} leads to what looks like a production database")
    assert host not in said.lower()


@pytest.mark.parametrize("environment", ["development", "local", "test", "ci"])
def test_d07_managed_host_is_refused_in_every_environment_of_developers(environment):
    assert "looks like a production database" in refusal(READINESS_ENVIRONMENT=environment, DATABASE_URL=at(MANAGED[0]))


@pytest.mark.parametrize("environment", ["production", "staging", ""])
def test_d07_managed_host_is_welcome_where_production_lives(environment):
    found = read(READINESS_ENVIRONMENT=environment, DATABASE_URL=at(MANAGED[0]), SELF_SERVICE_DATABASE_URL=at(MANAGED[1]))
    assert found.override_used is False


@pytest.mark.parametrize("both", [at(MANAGED[2]), "postgresql://a:b@/x?host=prod.rlwy.net"])
def test_d07_both_urls_are_named_when_both_are_managed(both):
    said = refusal(DATABASE_URL=both, SELF_SERVICE_DATABASE_URL=at(MANAGED[3]))
    assert said.startswith("DATABASE_URL and SELF_SERVICE_DATABASE_URL leads")


@pytest.mark.parametrize("no", ["false", "", "0", "off"])
def test_d07_override_that_says_no_changes_nothing(no):
    assert "looks like a production database" in refusal(DATABASE_URL=at(MANAGED[0]), ALLOW_LOCAL_PRODUCTION_DATABASE=no)


@pytest.mark.parametrize("variable", ["DATABASE_URL", "SELF_SERVICE_DATABASE_URL"])
@pytest.mark.parametrize("yes", ["true", "1", "YES"])
def test_d07_override_lets_it_through_and_leaves_the_fact(variable, yes):
    found = read(**{variable: at(MANAGED[0])}, ALLOW_LOCAL_PRODUCTION_DATABASE=yes)
    assert (found.override_enabled, found.override_used) == (True, True)


def test_d07_override_without_a_managed_host_is_shown_as_enabled_and_unused():
    found = read(ALLOW_LOCAL_PRODUCTION_DATABASE="true")
    assert (found.override_enabled, found.override_used) == (True, False)


@pytest.mark.parametrize(
    ("patterns", "host"),
    [
        ("*.corp.example", "db.corp.example"),
        ("db-?.local, other", "DB-1.local."),
        ("other,exact.host", "exact.host"),
        ("*.Corp.Example.", "db.corp.example"),
    ],
)
def test_d07_patterns_of_the_installation_extend_the_list(patterns, host):
    assert "looks like a production database" in refusal(DATABASE_URL=at(host), PRODUCTION_DATABASE_HOST_PATTERNS=patterns)


def test_d07_patterns_of_the_installation_never_shorten_the_list():
    assert "looks like a production database" in refusal(DATABASE_URL=at(MANAGED[1]), PRODUCTION_DATABASE_HOST_PATTERNS="other.example")


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "db", "rlwy.net.example.org", "myrlwy.net", "rds.amazonaws.com.example", "/var/run/postgresql"]
)
def test_other_hosts_do_not_look_managed(host):
    assert looks_managed(host, ("*.rlwy.net", "*.rds.amazonaws.com")) is False


@pytest.mark.parametrize("variable", ["PGHOSTADDR", "PGSERVICE", "PGSERVICEFILE"])
@pytest.mark.parametrize("environment", ["local", "production"])
def test_d07_variables_that_replace_the_address_are_refused(variable, environment):
    said = refusal(READINESS_ENVIRONMENT=environment, **{variable: "10.0.0.1"})
    assert said == f"{variable} is set and could replace the address in a database URL; unset it."


SAME = [
    (LOCAL, LOCAL),
    (LOCAL, "postgres://other:role@127.0.0.1:5433/primary?sslmode=disable"),
    ("postgresql://a:b@Host.example/db", "postgresql://c:d@host.EXAMPLE.:5432/db"),
    ("postgresql://a:b@h/db", "postgresql://a:b@/db?host=h"),
    ("postgresql://a:b@h/d%62", "postgresql://a:b@h:5432/db"),
    ("postgresql://a:b@/db?host=/run/pg", "postgresql://c:d@/db?host=%2Frun%2Fpg"),
]


@pytest.mark.parametrize(("primary", "store"), SAME)
@pytest.mark.parametrize("environment", ["local", "production"])
def test_equal_normalised_urls_are_refused(primary, store, environment):
    said = refusal(READINESS_ENVIRONMENT=environment, DATABASE_URL=primary, SELF_SERVICE_DATABASE_URL=store)
    assert said.startswith("SELF_SERVICE_DATABASE_URL and DATABASE_URL lead to the same database")


def test_equal_sqlite_paths_are_refused_through_dots_links_and_encodings(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.sqlite3").touch()
    os.symlink(tmp_path / "real", tmp_path / "folder")
    os.symlink(tmp_path / "real" / "a.sqlite3", tmp_path / "link.sqlite3")
    for other in (
        "real/../real/a.sqlite3",
        "folder/a.sqlite3",
        "link.sqlite3",
        "real/%61.sqlite3",
        "real//a.sqlite3",
        "real/a.sqlite3?timeout=1",
    ):
        said = refusal(DATABASE_URL=f"sqlite:///{tmp_path}/real/a.sqlite3", SELF_SERVICE_DATABASE_URL=f"sqlite:///{tmp_path}/{other}")
        assert "lead to the same database" in said, other


@pytest.mark.parametrize("variable", ["DATABASE_URL", "SELF_SERVICE_DATABASE_URL"])
@pytest.mark.parametrize("password", ["readiness-demo", "change-me"])
def test_h01_sample_password_is_refused_where_production_lives(variable, password):
    url = f"postgresql://app:{password}@db.example/other"
    assert refusal(READINESS_ENVIRONMENT="production", **{variable: url}).startswith(f"{variable} holds a sample password")
    assert read(**{variable: url}).production_like is False
