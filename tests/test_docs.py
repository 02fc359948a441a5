"""What the documentation says, compared with the code: settings, commands, checks, routes, words, links, shell."""

import ast
import re
import subprocess
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import get_commands
from django.urls import URLPattern, get_resolver
from django.urls.resolvers import RoutePattern
from rest_framework.views import APIView

from access.models import Scope
from config import databases, errors
from drafts.models import PlanState
from readiness import demo, registry, seeding
from readiness.management.commands import provision
from receipts import verify
from reviews.confirmations import FIELDS
from reviews.models import DeploymentReviewRequest, State
from reviews.packet import SECTIONS

PROJECT = Path(__file__).resolve().parent.parent
ROOMS = ("config", "access", "drafts", "receipts", "reviews", "readiness")
PAGES = {path.relative_to(PROJECT).as_posix(): path.read_text() for path in sorted([*PROJECT.glob("*.md"), *PROJECT.glob("docs/*.md")])}
EVERYTHING = "\n".join(PAGES.values())
EXAMPLE = (PROJECT / ".env.example").read_text()
SAMPLES = {name: (value, not hidden) for hidden, name, value in re.findall(r"^(# )?([A-Z][A-Z0-9_]+)=(.*)$", EXAMPLE, re.M)}
TREES = {
    path.relative_to(PROJECT).as_posix(): ast.parse(path.read_text())
    for path in [PROJECT / "manage.py", *(path for room in ROOMS for path in sorted((PROJECT / room).rglob("*.py")))]
}


def test_all_the_pages_are_read():
    assert {f"docs/{name}.md" for name in ("api", "operations", "receipts", "workflow")} <= set(PAGES)


# --- settings -----------------------------------------------------------------------------------------------------------------------


def constants(tree: ast.Module) -> dict[str, str]:
    """The texts that stand under a name in a module."""
    given = [node for node in tree.body if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)]
    return {ast.unparse(node.targets[0]): node.value.value for node in given}


def environment_reads() -> list[tuple[str, str, str | None]]:
    """(file, expression, setting if it can be told) of each read: `env.text(…)` and its like, `os.environ.get(…)`, `os.environ[…]`."""
    return [
        (path, ast.unparse(name), name.value if isinstance(name, ast.Constant) else constants(tree).get(ast.unparse(name)))
        for path, tree in TREES.items()
        for name in names_read(tree)
    ]


def names_read(tree: ast.Module) -> list[ast.expr]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and re.fullmatch(r"env\.(text|switch|words|whole_number|unix_socket|one_of)", ast.unparse(node.func)):
            found.append(node.args[1])
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "os.environ.get":
            found.append(node.args[0])
        elif isinstance(node, ast.Subscript) and ast.unparse(node.value) == "os.environ" and isinstance(node.ctx, ast.Load):
            found.append(node.slice)
    return found


def settings_of_the_code() -> set[str]:
    told = {setting for _, _, setting in environment_reads() if setting}
    procfile = set(re.findall(r"\$\{(\w+)", (PROJECT / "Procfile").read_text()))
    return told | set(databases.LIBPQ_ADDRESS_VARIABLES) | set(provision.ADMINISTRATOR.values()) | procfile


def test_settings_whose_name_cannot_be_told_are_known():
    """Loops over the three libpq variables and the keys, the two administrators' URLs, and what the demo hands on of the shell."""
    hidden = {(path, expression) for path, expression, setting in environment_reads() if setting is None}
    assert hidden == {("config/databases.py", "variable"), ("config/serving.py", "name"), ("readiness/demo.py", "name")}


def test_each_setting_is_explained_and_nothing_else():
    assert set(SAMPLES) == settings_of_the_code()


def test_each_setting_has_a_comment():
    blocks = [block.splitlines() for block in EXAMPLE.split("\n\n")]
    alone = [block[0] for block in blocks if re.match(r"(# )?[A-Z][A-Z0-9_]+=", block[0])]
    assert alone == []


def given() -> dict[str, str]:
    return {name: value for name, (value, shown) in SAMPLES.items() if shown}


def test_the_example_as_it_stands_does_not_start(manage):
    refused = manage("check", env=given())
    assert refused.returncode == 1
    assert "DATABASE_URL and SELF_SERVICE_DATABASE_URL holds a sample password" in refused.stderr


@pytest.mark.parametrize("variable", ["DATABASE_URL", "SELF_SERVICE_DATABASE_URL"])
def test_no_sample_password_is_taken_in_production(variable):
    other = {"DATABASE_URL": "SELF_SERVICE_DATABASE_URL", "SELF_SERVICE_DATABASE_URL": "DATABASE_URL"}[variable]
    own = given() | {other: given()[other].replace("change-me", "one-of-our-own")}
    with pytest.raises(ImproperlyConfigured, match=f"^{variable} holds a sample password"):
        databases.installation(own, server=False)


def test_no_sample_secret_is_taken_in_production(manage, settings):
    own = {name: value.replace("change-me", "one-of-our-own") for name, value in given().items() if name != "SECRET_KEY"}
    refused = manage("check", env=own | {"SECRET_KEY": given()["SECRET_KEY"]})
    assert given()["SECRET_KEY"] in settings.SAMPLE_SECRET_KEYS
    assert refused.returncode == 1
    assert "SECRET_KEY must hold at least 32 characters" in refused.stderr


def test_every_sample_password_is_one_that_is_refused():
    urls = [databases.target(name, value) for name, (value, _) in SAMPLES.items() if value.startswith("postgresql://")]
    assert {url.password for url in urls} <= databases.SAMPLE_PASSWORDS
    assert seeding.PASSWORD in databases.SAMPLE_PASSWORDS


def refusal_fragments() -> set[str]:
    """The fixed parts of every sentence with which config/ refuses to start."""
    found = set()
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if path.startswith("config/") and isinstance(node, ast.Call) and ast.unparse(node.func) == "ImproperlyConfigured":
                parts = node.args[0].values if isinstance(node.args[0], ast.JoinedStr) else [node.args[0]]
                found |= {part.value.strip(" .;") for part in parts if isinstance(part, ast.Constant) and len(part.value) > 3}
    return found


@pytest.mark.parametrize("fragment", sorted(refusal_fragments()))
def test_each_refusal_to_start_is_listed_with_its_sentence(fragment):
    assert fragment in PAGES["docs/operations.md"]


# --- commands and checks ------------------------------------------------------------------------------------------------------------


def test_each_command_that_is_named_exists():
    named = set(re.findall(r"manage\.py ([a-z_]+)", EVERYTHING + EXAMPLE))
    assert named - set(get_commands()) == set()


def test_each_command_of_ours_is_explained_to_operators():
    ours = {name for name, app in get_commands().items() if app in ROOMS}
    assert ours - set(re.findall(r"`manage\.py ([a-z_]+)`", PAGES["docs/operations.md"])) == set()


def test_each_check_has_its_row():
    rows = re.findall(r"^\| `(readiness\.E\d{3})` \| `(\w+)` \|", PAGES["docs/operations.md"], re.M)
    assert rows == [(f"readiness.E{number:03}", entry[0]) for number, entry in sorted(registry._registry.items())]


def test_no_other_check_is_named():
    named = {int(number) for number in re.findall(r"readiness\.[EW](\d{3})", EVERYTHING)}
    assert named <= set(registry._registry)


# --- routes -------------------------------------------------------------------------------------------------------------------------


def routes(patterns=None, before: str = "/"):
    """(path with {name} for each parameter, view) of every route."""
    for entry in get_resolver().url_patterns if patterns is None else patterns:
        if not isinstance(entry.pattern, RoutePattern):
            continue
        path = before + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(entry.pattern))
        if isinstance(entry, URLPattern):
            yield path, entry.callback
        else:
            yield from routes(entry.url_patterns, path)


def methods(view) -> set[str]:
    """Of an API view; every other view of the API is for reading."""
    if not issubclass(getattr(view, "cls", object), APIView):
        return {"GET"}
    return {name.upper() for name in view.cls.http_method_names if hasattr(view.cls, name)} - {"OPTIONS", "HEAD"}


def test_each_route_of_the_api_has_its_heading_and_no_other():
    said = re.findall(r"^### `([A-Z]+) (/\S+)`$", PAGES["docs/api.md"], re.M)
    there = {(method, path) for path, view in routes() if path.startswith("/api/v1/") for method in methods(view)}
    assert len(said) == len(set(said))
    assert set(said) == there


def as_pattern(path: str) -> re.Pattern:
    return re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)))


def test_each_address_of_the_tour_exists():
    paths = {url.rstrip(".") for url in re.findall(r"http://127\.0\.0\.1:\d+(/[^\s`>)\"]*)", EVERYTHING) if "…" not in url}
    known = [as_pattern(path) for path, _ in routes()]
    assert {path for path in paths if not any(pattern.fullmatch(path) for pattern in known)} == set()
    assert "/self-service/readiness" in paths


# --- words --------------------------------------------------------------------------------------------------------------------------


def first_cells(page: str, heading: str) -> list[str]:
    """The code words in the first column of the tables below a heading."""
    section = PAGES[page].split(f"\n{heading}\n")[1].split(f"\n{heading.split()[0]} ")[0]
    cells = re.findall(r"^\| (`[^|]*`) \|", section, re.M)
    return [word for cell in cells for word in re.findall(r"`([^`]+)`", cell)]


def test_the_states_are_those_of_the_machine():
    assert first_cells("docs/workflow.md", "## States of a review request") == State.values


def test_the_lifecycle_in_words_has_the_edges_of_the_machine():
    rows = re.findall(r"^\| `(\w+)` \| [\w ]+ \| (.*) \|$", PAGES["docs/workflow.md"].split("## Who may do what")[0], re.M)
    said = {(before, after) for before, cell in rows for after in re.findall(r"`(\w+)`", cell)}
    edges = DeploymentReviewRequest._meta.get_field("state").get_all_transitions(DeploymentReviewRequest)
    assert said == {(str(edge.source), str(edge.target)) for edge in edges}


def test_the_confirmations_have_the_fields_of_the_code():
    section = PAGES["docs/workflow.md"].split("\n## Confirmations\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", section, re.M)
    assert {kind: re.findall(r"`(\w+)`", cell) for kind, cell in rows} == {
        kind.value: [field.name for field in fields] for kind, fields in FIELDS.items()
    }


def test_the_payload_has_the_members_of_the_code():
    assert sorted(first_cells("docs/receipts.md", "## Payload")) == sorted(verify.MEMBERS)


def test_the_reason_words_are_those_of_the_verifier():
    section = PAGES["docs/receipts.md"].split("| Reason | Meaning |")[1].split("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, re.M) == list(verify.MEANING)


def test_the_packet_has_the_sections_of_the_code():
    section = PAGES["docs/receipts.md"].split("\n## Packet\n")[1].split("}")[0]
    assert tuple(re.findall(r"`(\w+)`", section)[-len(SECTIONS) :]) == SECTIONS


def test_the_problem_types_are_those_of_the_code():
    rows = re.findall(r"^\| (\d{3}) \| `([\w-]+)` \|", PAGES["docs/api.md"], re.M)
    assert rows == [(str(status), slug) for status, (slug, _) in errors.TITLES.items()]


def test_the_scopes_are_those_of_the_code():
    table = PAGES["README.md"].split("| Scope | Allows |")[1].split("**No token votes.**")[0]
    assert re.findall(r"^\s*\| `(\w+)` \|", table, re.M) == Scope.values


def test_the_filters_name_every_state_of_a_plan():
    assert f"`state` ({', '.join(f'`{state}`' for state in PlanState.values)})" in PAGES["docs/api.md"]


def test_the_tour_begins_with_what_the_demo_says():
    said = PAGES["README.md"].split("The end of its output:\n\n```text\n")[1].split("```")[0]
    assert said == demo.ending(8000).replace(str(demo.FOLDER), "…/.demo")
    second = said.splitlines()[-4].index("owner2")
    logins = [column.split()[0] for line in said.splitlines()[-4:] for column in (line, line[second:])]
    assert sorted(logins) == sorted(seeding.PEOPLE)
    assert f"Password for every login: {seeding.PASSWORD}" in said


# --- links, shell, and what must not stand anywhere ---------------------------------------------------------------------------------


def prose(text: str) -> str:
    return re.sub(r"^\s*```.*?^\s*```$", "", text, flags=re.M | re.S)


def anchors(text: str) -> set[str]:
    """The ids that a forge gives to headings."""
    titles = re.findall(r"^#+ (.*)$", prose(text), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


LINKS = [(page, link) for page, text in PAGES.items() for link in re.findall(r"\]\(([^)\s]+)\)", prose(text)) if "://" not in link]


@pytest.mark.parametrize(("page", "link"), LINKS)
def test_each_link_leads_somewhere(page, link):
    path, _, anchor = link.partition("#")
    found = (PROJECT / page).parent / path if path else PROJECT / page
    assert found.resolve().is_relative_to(PROJECT)
    assert found.exists()
    assert not anchor or anchor in anchors(found.read_text())


SHELL = [(page, text) for page, whole in PAGES.items() for text in re.findall(r"^ *```sh\n(.*?)^ *```$", whole, re.M | re.S)]


@pytest.mark.parametrize(("page", "text"), SHELL, ids=[f"{page}-{number}" for number, (page, _) in enumerate(SHELL)])
def test_each_shell_text_can_be_read_by_a_shell(page, text):
    assert subprocess.run(["sh", "-n"], input=text, text=True, capture_output=True, check=False).stderr == ""


@pytest.mark.parametrize(
    "pattern", [r"[\w.+-]+@(?!127)[\w-]+\.(?!example)[a-z]{2,}", r"/(work|tmp|root)/", r"pypi\.|npmjs|rdy_[0-9a-f]{8}"]
)
def test_no_address_place_or_token_of_ours_stands_anywhere(pattern):
    assert re.findall(pattern, EVERYTHING + EXAMPLE) == []
