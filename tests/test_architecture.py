"""The rules of the house that a program can see, asked of the syntax trees. Each rule is also shown a text that breaks it."""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
ROOMS = ("config", "access", "drafts", "receipts", "reviews", "readiness")
# readiness → reviews → {drafts, receipts} → {access, config}
MAY_IMPORT = {
    "config": {"config"},
    "access": {"access", "config"},
    "drafts": {"drafts", "access", "config"},
    "receipts": {"receipts", "access", "config"},
    "reviews": {"reviews", "drafts", "receipts", "access", "config"},
    "readiness": set(ROOMS),
}
# The desk that all rooms register with asks who may enter it; everything else in config knows no room. config/urls.py names them as text.
EXCEPTIONS = {"config/admin.py": {"access.actors", "access.sessions"}}
PINNED = {"drafts", "receipts", "reviews"}
# What speaks HTTP or HTML. All other files of the four rooms are leaves, models or verbs.
OUTER = {
    "admin",
    "audit_desk",
    "api",
    "api_reading",
    "api_urls",
    "apps",
    "checking",
    "confirm_forms",
    "confirming",
    "desk",
    "forms",
    "home",
    "metrics",
    "openapi",
    "operators",
    "organisation_desk",
    "organisation_forms",
    "outbox_admin",
    "packet_desk",
    "queue_admin",
    "pages",
    "serializers",
    "serializers_reading",
    "staging_desk",
    "steps",
    "urls",
    "views",
    "webhook_desk",
}
DJANGO_HTTP = ("django.http", "django.forms", "django.contrib.admin", "django.shortcuts", "django.views")
HTTP = (*DJANGO_HTTP, "rest_framework", "config.admin", "config.api", "config.forms", "config.lists", "config.strict")
DRAWERS = {"utils", "util", "helpers", "helper", "services", "service", "common", "core", "misc", "lib", "tools", "base"}

Rule = Callable[[str, ast.Module], Iterator[str]]


def room_of(path: str) -> str:
    return path.split("/")[0]


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of every import; `from a import b` counts as `a` and as `a.b`, because b may be a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from ((node.lineno, name) for name in (module, *(f"{module}.{alias.name}" for alias in node.names)))


def is_or_in(name: str, module: str) -> bool:
    return name == module or name.startswith(f"{module}.")


# --- the rules: (path, tree) → what breaks it ---------------------------------------------------------------------------------------


def direction(path: str, tree: ast.Module) -> Iterator[str]:
    """Imports follow the direction of the rooms. A migration is history: models as they are today are no part of it."""
    room = room_of(path)
    for line, name in imports(tree):
        target = name.split(".")[0]
        if not target:
            yield f"{path}:{line} imports relatively"
        elif target not in ROOMS or any(is_or_in(name, module) or is_or_in(module, name) for module in EXCEPTIONS.get(path, ())):
            continue
        elif "/migrations/" in path:
            if ".models" in name or target not in MAY_IMPORT[room]:
                yield f"{path}:{line} imports {name} into history"
        elif target not in MAY_IMPORT.get(room, {"config"}):
            yield f"{path}:{line} imports {name}"


def verbs_know_no_http(path: str, tree: ast.Module) -> Iterator[str]:
    stem = path.rsplit("/", 1)[-1].removesuffix(".py")
    if room_of(path) not in ("drafts", "receipts", "reviews", "readiness") or stem in OUTER or "/management/" in path:
        return
    for line, name in imports(tree):
        if any(is_or_in(name, module) for module in HTTP):
            yield f"{path}:{line} imports {name}"


def named(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def d04_alias(path: str, tree: ast.Module) -> Iterator[str]:
    """`atomic` and `on_commit` say `using=`, bare `connection` is not imported, and rows are locked in pinned rooms or with `.using(`."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    right = {id(call.func) for call in calls if any(keyword.arg == "using" for keyword in call.keywords)}
    chained = {id(call): ast.unparse(call) for call in calls if named(call.func) == "select_for_update"}
    for node in ast.walk(tree):
        name = named(node)
        if name in ("atomic", "on_commit", "set_rollback", "get_connection", "get_autocommit", "set_autocommit") and id(node) not in right:
            yield f"{path}:{node.lineno} {name} without using="
    for line, name in imports(tree):
        if name == "django.db.connection":
            yield f"{path}:{line} imports the connection of the primary without naming it"
    if room_of(path) not in PINNED:
        yield from (f"{path} locks rows of some alias: {text[:60]}" for text in chained.values() if ".using(" not in text)


def state_is_carried_in_one_place(path: str, tree: ast.Module) -> Iterator[str]:
    if path == "reviews/lifecycle.py":
        return
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call):
            continue
        words = {keyword.arg for keyword in call.keywords}
        literals = {node.value for node in ast.walk(call) if isinstance(node, ast.Constant)}
        if named(call.func) == "update" and isinstance(call.func, ast.Attribute) and "state" in words:
            yield f"{path}:{call.lineno} .update(state="
        if named(call.func) == "update" and None in words and "state" in literals:
            yield f"{path}:{call.lineno} .update(**{{'state'"
        if named(call.func) in ("bulk_update", "bulk_create") and "state" in literals:
            yield f"{path}:{call.lineno} {named(call.func)} of state"


def no_all_fields(path: str, tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign | ast.keyword) else None
        if isinstance(value, ast.Constant) and value.value == "__all__":
            yield f"{path}:{value.lineno} __all__"


def no_import_in_a_function(path: str, tree: ast.Module) -> Iterator[str]:
    """Except in `AppConfig.ready`, which is where Django wants what needs models."""
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) or (path.endswith("/apps.py") and function.name == "ready"):
            continue
        for node in ast.walk(function):
            if isinstance(node, ast.Import | ast.ImportFrom):
                yield f"{path}:{node.lineno} imports inside {function.name}"


def verifier_stands_alone(path: str, tree: ast.Module) -> Iterator[str]:
    if path == "receipts/verify.py":
        for line, name in imports(tree):
            if name.split(".")[0] in (*ROOMS, "django", "rest_framework", "rfc8785", ""):
                yield f"{path}:{line} imports {name}"


def no_drawer(path: str, tree: ast.Module) -> Iterator[str]:
    if drawers := DRAWERS.intersection(path.removesuffix(".py").split("/")):
        yield f"{path} is a drawer: {drawers.pop()}"


RULES: tuple[Rule, ...] = (
    direction,
    verbs_know_no_http,
    d04_alias,
    state_is_carried_in_one_place,
    no_all_fields,
    no_import_in_a_function,
    verifier_stands_alone,
    no_drawer,
)


# --- asked of the project ---------------------------------------------------------------------------------------------------------


def files() -> dict[str, ast.Module]:
    paths = [PROJECT / "manage.py", *(path for room in ROOMS for path in sorted((PROJECT / room).rglob("*.py")))]
    return {path.relative_to(PROJECT).as_posix(): ast.parse(path.read_text()) for path in paths}


FILES = files()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_project_keeps_the_rule(rule):
    assert [breach for path, tree in FILES.items() for breach in rule(path, tree)] == []


def test_every_room_was_looked_at():
    assert {room_of(path) for path in FILES} == {"manage.py", *ROOMS}
    assert "receipts/verify.py" in FILES
    assert "reviews/lifecycle.py" in FILES


def test_tests_have_no_drawer_either():
    paths = [path.relative_to(PROJECT).as_posix() for path in (PROJECT / "tests").rglob("*.py")]
    assert [breach for path in paths for breach in no_drawer(path, ast.Module([], []))] == []


# --- each rule can fail -----------------------------------------------------------------------------------------------------------

BREACHES = [
    (direction, "drafts/models.py", "from receipts.models import Receipt"),
    (direction, "receipts/issue.py", "import drafts.models"),
    (direction, "drafts/views.py", "from reviews import decisions"),
    (direction, "reviews/decisions.py", "from readiness.gate import gate"),
    (direction, "access/tokens.py", "from drafts.models import Partner"),
    (direction, "config/router.py", "from access.models import User"),
    (direction, "config/admin.py", "from access.models import User"),
    (direction, "config/api.py", "def f():\n    from reviews.models import Vote"),
    (direction, "drafts/models.py", "from . import custody"),
    (direction, "drafts/models.py", "from .custody import plain_text"),
    (direction, "reviews/migrations/0002_x.py", "from reviews.models import Event"),
    (direction, "drafts/migrations/0002_x.py", "from reviews import lifecycle"),
    (direction, "manage.py", "from reviews import decisions"),
    (verbs_know_no_http, "reviews/decisions.py", "from django.http import Http404"),
    (verbs_know_no_http, "reviews/models/votes.py", "from django import forms"),
    (verbs_know_no_http, "drafts/coverage.py", "from rest_framework.exceptions import ValidationError"),
    (verbs_know_no_http, "readiness/gate.py", "import django.contrib.admin.models"),
    (verbs_know_no_http, "readiness/checks.py", "from django.contrib import admin"),
    (verbs_know_no_http, "reviews/lifecycle.py", "from django.shortcuts import render"),
    (verbs_know_no_http, "receipts/issue.py", "from config.strict import parse_json"),
    (d04_alias, "reviews/decisions.py", "with transaction.atomic():\n    pass"),
    (d04_alias, "reviews/decisions.py", "@transaction.atomic\ndef f(): pass"),
    (d04_alias, "reviews/decisions.py", "@atomic\ndef f(): pass"),
    (d04_alias, "reviews/decisions.py", "transaction.atomic('self_service')"),
    (d04_alias, "reviews/decisions.py", "transaction.on_commit(send)"),
    (d04_alias, "reviews/decisions.py", "block = transaction.atomic"),
    (d04_alias, "reviews/decisions.py", "transaction.set_rollback(True)"),
    (d04_alias, "reviews/decisions.py", "from django.db import connection"),
    (d04_alias, "reviews/decisions.py", "from django.db import connection as primary"),
    (d04_alias, "readiness/gate.py", "Plan.objects.select_for_update().get(pk=1)"),
    (d04_alias, "access/people.py", "User.objects.filter(pk=1).select_for_update()"),
    (state_is_carried_in_one_place, "reviews/decisions.py", "Plan.objects.filter(pk=1).update(state='approved')"),
    (state_is_carried_in_one_place, "drafts/coverage.py", "moves.update(number=1, state=PlanState.DRAFT)"),
    (state_is_carried_in_one_place, "drafts/coverage.py", "moves.update(**{'state': 'draft'})"),
    (state_is_carried_in_one_place, "reviews/decisions.py", "Plan.objects.bulk_update(plans, ['state'])"),
    (no_all_fields, "drafts/forms.py", "class Meta:\n    fields = '__all__'"),
    (no_all_fields, "drafts/forms.py", "class Meta:\n    fields: str = '__all__'"),
    (no_all_fields, "drafts/forms.py", "modelform_factory(Plan, fields='__all__')"),
    (no_import_in_a_function, "drafts/views.py", "def f():\n    import json"),
    (no_import_in_a_function, "drafts/views.py", "def f():\n    if x:\n        from reviews import gate"),
    (no_import_in_a_function, "drafts/views.py", "async def f():\n    import json"),
    (no_import_in_a_function, "drafts/apps.py", "def other():\n    import json"),
    (no_import_in_a_function, "drafts/views.py", "def ready():\n    import json"),
    (verifier_stands_alone, "receipts/verify.py", "from django.conf import settings"),
    (verifier_stands_alone, "receipts/verify.py", "from receipts.canonical import b64"),
    (verifier_stands_alone, "receipts/verify.py", "import rfc8785"),
    (no_drawer, "drafts/utils.py", ""),
    (no_drawer, "reviews/services/vote.py", ""),
    (no_drawer, "config/common.py", ""),
]

GOOD = [
    (direction, "readiness/gate.py", "from reviews.models import Vote\nfrom drafts.models import Partner\nfrom receipts import verify"),
    (
        direction,
        "reviews/decisions.py",
        "from drafts import sections\nfrom receipts.issue import issue\nfrom config import databases",
    ),
    (direction, "config/admin.py", "from access.actors import Actor"),
    (
        direction,
        "reviews/migrations/0002_x.py",
        "from config.triggers import append_only\nfrom django.db import models",
    ),
    (verbs_know_no_http, "reviews/views.py", "from django.shortcuts import render"),
    (verbs_know_no_http, "reviews/decisions.py", "from config.refusals import Refused\nfrom django.db import transaction"),
    (d04_alias, "reviews/decisions.py", "with transaction.atomic(using=STORE):\n    Plan.objects.select_for_update().get(pk=1)"),
    (d04_alias, "reviews/decisions.py", "transaction.on_commit(send, using=STORE)"),
    (d04_alias, "access/people.py", "User.objects.using(PRIMARY).select_for_update().get(pk=1)"),
    (d04_alias, "reviews/decisions.py", "from django.db import connections\nconnections[STORE].cursor()"),
    (state_is_carried_in_one_place, "reviews/lifecycle.py", "plans.update(state='draft')"),
    (state_is_carried_in_one_place, "drafts/coverage.py", "plans.update(name='state')\nwords.update({'state': 1})"),
    (no_all_fields, "drafts/forms.py", "fields = ['name']\n__all__ = ['Form']"),
    (no_import_in_a_function, "drafts/apps.py", "def ready(self):\n    from drafts import checks"),
    (no_import_in_a_function, "drafts/views.py", "import json\ndef f(): pass"),
    (verifier_stands_alone, "receipts/verify.py", "import json\nfrom cryptography.exceptions import InvalidSignature"),
    (verifier_stands_alone, "receipts/issue.py", "from django.conf import settings"),
    (no_drawer, "receipts/canonical.py", ""),
]


def identified(cases: list) -> dict:
    return {"argvalues": cases, "ids": [f"{rule.__name__}-{path}-{number}" for number, (rule, path, _) in enumerate(cases)]}


@pytest.mark.parametrize(("rule", "path", "text"), **identified(BREACHES))
def test_the_rule_finds_a_breach(rule, path, text):
    assert list(rule(path, ast.parse(text))) != []


@pytest.mark.parametrize(("rule", "path", "text"), **identified(GOOD))
def test_the_rule_lets_good_text_pass(rule, path, text):
    assert list(rule(path, ast.parse(text))) == []
