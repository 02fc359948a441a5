"""From two URLs to DATABASES, with every refusal that must come before a socket is opened."""

import fnmatch
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from config import env

PRIMARY = "default"
STORE = "self_service"
SCHEMA = "self_service_drafts"

NOT_PRODUCTION_LIKE = frozenset({"development", "local", "test", "ci"})
MANAGED_HOSTS = ("*.railway.app", "*.rlwy.net", "*.railway.internal", "*.rds.amazonaws.com")
POSTGRES_SCHEMES = frozenset({"postgres", "postgresql", "psql", "pgsql"})
# libpq lets a query parameter or PG* variable replace the address that stands in the URL; only these may pass.
POSTGRES_OPTIONS = frozenset(
    {"sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "sslnegotiation", "channel_binding", "gssencmode", "application_name"}
)
# libpq splits at commas, also at one that stood as %2C in the URL; anything but letters, digits and these could hide a name from the guard.
PLAIN_HOST = re.compile(r"[\w.:%-]+|/[^,]+", re.ASCII)
LIBPQ_ADDRESS_VARIABLES = ("PGHOSTADDR", "PGSERVICE", "PGSERVICEFILE")
# Milliseconds, for processes that serve requests.
LIMITS = {"statement_timeout": 2500, "lock_timeout": 2000, "idle_in_transaction_session_timeout": 15000}
CONNECT_SECONDS = 2
SAMPLE_PASSWORDS = frozenset({"readiness-demo", "change-me"})


@dataclass(frozen=True)
class Target:
    """Where a URL leads: engine (`postgresql` or `sqlite3`), hosts, port, database name, and the credentials to get in."""

    engine: str
    hosts: tuple[str, ...]
    port: int
    name: str
    user: str = ""
    password: str = ""
    options: tuple[tuple[str, str], ...] = ()

    @property
    def place(self) -> tuple:
        return self.engine, self.hosts, self.port, self.name


@dataclass(frozen=True)
class Installation:
    """What the environment says about this installation; the readiness gate shows these facts."""

    environment: str
    production_like: bool
    primary_configured: bool
    self_service_configured: bool
    require_self_service: bool
    override_enabled: bool
    override_used: bool
    pooled: bool
    databases: dict

    @property
    def shared(self) -> bool:
        return not self.self_service_configured


def is_production_like(environment: str) -> bool:
    return environment not in NOT_PRODUCTION_LIKE


def environment_word(environ: Mapping[str, str]) -> str:
    """READINESS_ENVIRONMENT in lower case; unset reads `production`, because forgetting it must not open anything."""
    return env.text(environ, "READINESS_ENVIRONMENT", default="production").lower()


def _postgres_target(variable: str, parts) -> Target:
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    socket_or_host = options.pop("host", "")
    unknown = sorted(set(options) - POSTGRES_OPTIONS)
    if unknown:
        raise ImproperlyConfigured(f"{variable} has a query parameter that is not allowed here: {unknown[0]}.")
    host = unquote(parts.hostname or "") or socket_or_host
    name = unquote(parts.path.lstrip("/"))
    if not host or (parts.hostname and socket_or_host):
        raise ImproperlyConfigured(f"{variable} must name its host exactly once (a socket folder goes into ?host=/folder).")
    if not PLAIN_HOST.fullmatch(host):
        raise ImproperlyConfigured(f"{variable} must name one host in plain ASCII; put a balancer in front of several.")
    if not name or "=" in name or "://" in name:
        raise ImproperlyConfigured(f"{variable} must name its database after the host: postgresql://user:password@host:5432/name.")
    canonical = host if host.startswith("/") else host.lower().rstrip(".")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return Target("postgresql", (canonical,), parts.port or 5432, name, user, password, tuple(sorted(options.items())))


def _sqlite_target(variable: str, url: str) -> Target:
    path = unquote(url.partition("://")[2].partition("?")[0])
    if not path.startswith("/") or not path.strip("/") or ":memory:" in path:
        raise ImproperlyConfigured(f"{variable} must name a file: sqlite:////folder/name.sqlite3.")
    # sqlite:////srv/x is the absolute path /srv/x; three slashes are relative to the folder the process starts in.
    name = path[1:] if path.startswith("//") else str(Path(path[1:]).absolute())
    return Target("sqlite3", (), 0, str(Path(name).resolve()))


def target(variable: str, url: str) -> Target:
    """Parse one URL. Raises ImproperlyConfigured with a sentence that names the variable and never its content."""
    wrong = ImproperlyConfigured(f"{variable} must be postgresql://user:password@host:5432/name or sqlite:////folder/name.sqlite3.")
    if any(ord(letter) < 0x20 for letter in url) or "%00" in url:
        raise wrong
    scheme = url.partition("://")[0].lower()
    if scheme == "sqlite":
        return _sqlite_target(variable, url)
    if scheme not in POSTGRES_SCHEMES:
        raise wrong
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  a property that raises on a port that is no number
    except ValueError:
        raise wrong from None
    return _postgres_target(variable, parts)


def looks_managed(host: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(host, pattern.lower().rstrip(".")) for pattern in patterns)


def _refuse_managed_hosts(environ, *, targets: dict[str, Target], production_like: bool) -> bool:
    """True when a managed production host is used under the override; refuses one that is not overridden."""
    override = env.switch(environ, "ALLOW_LOCAL_PRODUCTION_DATABASE")
    patterns = MANAGED_HOSTS + tuple(env.words(environ, "PRODUCTION_DATABASE_HOST_PATTERNS"))
    managed = [variable for variable, place in targets.items() if any(looks_managed(host, patterns) for host in place.hosts)]
    if production_like or not managed:
        return False
    if not override:
        raise ImproperlyConfigured(
            f"{' and '.join(managed)} leads to what looks like a production database, and READINESS_ENVIRONMENT is not production-like; "
            "point it at a local database, or set ALLOW_LOCAL_PRODUCTION_DATABASE=true for a smoke test."
        )
    return True


def _refuse_sample_passwords(targets: dict[str, Target], *, production_like: bool) -> None:
    sample = [variable for variable, place in targets.items() if place.password in SAMPLE_PASSWORDS]
    if production_like and sample:
        raise ImproperlyConfigured(f"{' and '.join(sample)} holds a sample password; choose a new one for a production-like environment.")


def _targets(environ, *, require: bool) -> dict[str, Target]:
    for variable in LIBPQ_ADDRESS_VARIABLES:
        if env.text(environ, variable):
            raise ImproperlyConfigured(f"{variable} is set and could replace the address in a database URL; unset it.")
    primary, store = env.text(environ, "DATABASE_URL"), env.text(environ, "SELF_SERVICE_DATABASE_URL")
    if not primary:
        raise ImproperlyConfigured("DATABASE_URL is missing; set it to the primary database (`make demo` writes one for the demo).")
    if require and not store:
        raise ImproperlyConfigured(
            "SELF_SERVICE_DATABASE_URL is missing and REQUIRE_SELF_SERVICE_DATABASE_URL is true; set it to the draft store's database."
        )
    targets = {"DATABASE_URL": target("DATABASE_URL", primary)}
    if store:
        targets["SELF_SERVICE_DATABASE_URL"] = target("SELF_SERVICE_DATABASE_URL", store)
        if targets["SELF_SERVICE_DATABASE_URL"].place == targets["DATABASE_URL"].place:
            raise ImproperlyConfigured(
                "SELF_SERVICE_DATABASE_URL and DATABASE_URL lead to the same database; give the draft store a database of its own, "
                "or leave SELF_SERVICE_DATABASE_URL out to share on purpose."
            )
    return targets


def administrator(environ: Mapping[str, str], *, variable: str, serving: dict) -> Target:
    """The target of an administrator's URL, which must lead to the database that is served. Raises ImproperlyConfigured."""
    url = env.text(environ, variable)
    if not url:
        raise ImproperlyConfigured(f"{variable} is missing; set it to the same database as an administrator.")
    found = target(variable, url)
    _refuse_managed_hosts(environ, targets={variable: found}, production_like=is_production_like(environment_word(environ)))
    if found.engine != "postgresql" or (found.hosts[0], str(found.port), found.name) != (serving["HOST"], serving["PORT"], serving["NAME"]):
        raise ImproperlyConfigured(f"{variable} must lead to the database that is served, only as another role.")
    return found


def _shared_target(primary: Target) -> Target:
    if primary.engine == "postgresql":
        return primary
    path = Path(primary.name)
    return Target("sqlite3", (), 0, str(path.with_name(f"{path.stem}.{SCHEMA}{path.suffix}")))


def session_settings(schema: str, *, limited: bool) -> dict[str, str]:
    """What holds in each session; behind a pooler the role has it (`manage.py provision`). Commands lift the limits of their role."""
    return {"search_path": schema, "timezone": "UTC"} | {name: str(limit if limited else 0) for name, limit in LIMITS.items()}


def _settings(place: Target, *, schema: str, test_name: str, server: bool, pooled: bool) -> dict:
    if place.engine == "sqlite3":
        options = {
            "transaction_mode": "IMMEDIATE",
            "timeout": CONNECT_SECONDS,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA recursive_triggers=ON;",
        }
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": place.name, "OPTIONS": options, "TEST": {"NAME": f"{place.name}.test"}}
    flags = " ".join(f"-c {name}={value}" for name, value in session_settings(schema, limited=server).items())
    # A pooler in transaction mode gives each transaction another session, so nothing may be said to one or kept in it.
    at_start = {} if pooled else {"options": flags}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": place.hosts[0],
        "PORT": str(place.port),
        "NAME": place.name,
        "USER": place.user,
        "PASSWORD": place.password,
        "OPTIONS": {"connect_timeout": CONNECT_SECONDS, **at_start, **dict(place.options)},
        "DISABLE_SERVER_SIDE_CURSORS": pooled,
        "CONN_MAX_AGE": 60 if server else 0,
        "CONN_HEALTH_CHECKS": True,
        # Two aliases with the same host, port and name would count as one test database, so each gets a name of its own.
        "TEST": {"NAME": f"test_{test_name}_{place.name}"[:63]},
    }


def installation(environ: Mapping[str, str], *, server: bool) -> Installation:
    """Read the environment into DATABASES and the facts around it.

    `server`: the process answers requests, so statements and locks get time limits.
    Raises ImproperlyConfigured with one sentence for every reason not to start.
    """
    word = environment_word(environ)
    production_like = is_production_like(word)
    require = env.switch(environ, "REQUIRE_SELF_SERVICE_DATABASE_URL")
    override = env.switch(environ, "ALLOW_LOCAL_PRODUCTION_DATABASE")
    pooled = env.switch(environ, "POOLED")
    targets = _targets(environ, require=require)
    override_used = _refuse_managed_hosts(environ, targets=targets, production_like=production_like)
    _refuse_sample_passwords(targets, production_like=production_like)
    primary = targets["DATABASE_URL"]
    store = targets.get("SELF_SERVICE_DATABASE_URL") or _shared_target(primary)
    return Installation(
        environment=word,
        production_like=production_like,
        primary_configured=True,
        self_service_configured="SELF_SERVICE_DATABASE_URL" in targets,
        require_self_service=require,
        override_enabled=override,
        override_used=override_used,
        pooled=pooled,
        databases={
            PRIMARY: _settings(primary, schema="public", test_name="primary", server=server, pooled=pooled),
            STORE: _settings(store, schema=SCHEMA, test_name="store", server=server, pooled=pooled),
        },
    )
