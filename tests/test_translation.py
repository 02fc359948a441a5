"""Ready for translation: an invented language reaches what people read, and no template has words outside of gettext."""

import ast
import html
import re
import struct
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest
from django.utils import translation
from django.utils.formats import date_format
from django.utils.translation.template import templatize

from access.models import User
from readiness.gate import readiness
from readiness.history import record
from reviews import freezes
from reviews.policies import propose_policy
from reviews.record import database_now
from tests.calls import Caller
from tests.factories import PRODUCTION_RULES, Story, actor, make_user
from tests.pages import Visitor, desk_path, plan_path, request_path, text_of

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES = ROOT / "templates"
CODE = [path for room in ("access", "config", "drafts", "readiness", "receipts", "reviews") for path in sorted((ROOT / room).rglob("*.py"))]
# In English by design, as the whole API is.
ENGLISH = {"readiness/api_docs.html"}
PRINT = "admin/reviews/deploymentreviewrequest/print.html"
# Names that are the same in every language: members of a receipt, a time zone.
NAMES = {
    PRINT: ["payload_b64", "signature", "kid"],
    "readiness/readiness.html": ["UTC"],
}
WORD = re.compile(r"[A-Za-z]{2}")


def name_of(path: Path) -> str:
    return path.relative_to(TEMPLATES).as_posix()


MARKED = [path for path in sorted(TEMPLATES.rglob("*.html")) if name_of(path) not in ENGLISH]


def bare_words(template: str) -> list[str]:
    """What stands in a template for people to read and is not marked. Code, in which words are names, is let be."""
    left = re.sub(r"\{% block(?:translate| bodyclass).*?endblock\w* %\}|\{#.*?#\}", "", template, flags=re.S)
    # Filters with words of their own.
    filters = re.findall(r"""\|(?:(?:yesno|default|default_if_none):["']([^"']*)|(pluralize))""", left)
    left = re.sub(r"\{%.*?%\}|\{\{.*?\}\}", "", left, flags=re.S)
    said = [*(word for pair in filters for word in pair), *re.findall(r'(?:aria-label|title|alt|placeholder)="([^"]*)"', left)]
    text = re.sub(r"<[^>]*>", "\n", re.sub(r"<code>.*?</code>|<!doctype html>", "", left, flags=re.S))
    return [words.strip() for words in [*said, *text.split("\n")] if WORD.search(words)]


@pytest.mark.parametrize("path", MARKED, ids=name_of)
def test_every_word_of_a_template_is_marked(path):
    assert bare_words(path.read_text()) == NAMES.get(name_of(path), [])


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("<p>{{ name }} is here</p>", ["is here"]),
        ('<nav aria-label="Main"></nav>', ["Main"]),
        ('<p>{{ active|yesno:"off,on" }} {{ count }}{{ count|pluralize }}</p>', ["off,on", "pluralize"]),
        ('{% translate "Said" %}<code>/api/</code>{% blocktranslate %}Of {{ name }}{% endblocktranslate %}', []),
    ],
)
def test_bare_words_are_found(template, words):
    assert bare_words(template) == words


def bare_labels(code: str) -> list[str]:
    """What a form, a column or a message says and is not marked."""
    found: list[ast.expr] = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Call):
            found += [each.value for each in node.keywords if each.arg in ("label", "help_text", "description", "back_word")]
            found += node.args[1:2] if ast.unparse(node.func).startswith("messages.") else []
        elif isinstance(node, ast.Dict):
            found += [
                value for key, value in zip(node.keys, node.values, strict=True) if key and ast.unparse(key) in ("'title'", "'button'")
            ]
    said = [ast.unparse(value) for value in found if isinstance(value, ast.JoinedStr | ast.Constant)]
    return [words for words in said if WORD.search(words)]


SPEAKING = [path for path in CODE if re.search("^from django(?:.contrib)? import .*(?:forms|admin|messages)", path.read_text(), re.M)]


@pytest.mark.parametrize("path", SPEAKING, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_label_and_message_of_a_page_is_marked(path):
    assert bare_labels(path.read_text()) == []


def test_bare_labels_are_found():
    code = """
forms.CharField(label="Name", help_text=gettext_lazy("What people call it."))
messages.success(request, f"{name} is there.")
shown = {"title": "Add it", "button": _("Add it"), "will": will}
"""
    assert bare_labels(code) == ["'Name'", "f'{name} is there.'", "'Add it'"]


# --- an invented language ---------------------------------------------------------------------------------------------------------------

MARKS = {"_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "ngettext_lazy"}
TEXT = r"u?('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
SAID = re.compile(rf"\bn?(?:get)?(?:text|_)\({TEXT}(?:, {TEXT})?")
LETTERS = str.maketrans("aeinostuAEINOSTU", "åéïñöšţûÅÉÏÑÖŠŢÛ")
KEPT = re.compile(r"(%\(\w+\)[sd]|\{\w*\}|<[^>]*>|&\w+;)")


def invented(words: str) -> str:
    """The same in a language that nobody speaks: a letter of each word differs, and placeholders and tags stay."""
    return "".join(part if KEPT.fullmatch(part) else part.translate(LETTERS) for part in KEPT.split(words))


@cache
def catalogue() -> dict[str, str]:
    """Each message that is marked in templates and code, as `makemessages` finds them, in the invented language."""
    found: set[tuple[str, ...]] = set()
    for path in TEMPLATES.rglob("*.html"):
        found |= {tuple(ast.literal_eval(text) for text in said if text) for said in SAID.findall(templatize(path.read_text()))}
    for path in CODE:
        calls = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
        marked = (node for node in calls if isinstance(node.func, ast.Name) and node.func.id in MARKS)
        texts = (
            tuple(each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)) for node in marked
        )
        found |= {said[: 2 if len(said) > 1 else 1] for said in texts if said}
    said = {"\0".join(words): "\0".join(invented(each) for each in words) for words in found}
    return {"": "Content-Type: text/plain; charset=UTF-8\nPlural-Forms: nplurals=2; plural=(n != 1);\n", **said}


def machine_object(catalog: dict[str, str]) -> bytes:
    """A catalogue as gettext's `.mo` (GNU gettext manual, "The Format of GNU MO Files")."""
    entries = sorted((key.encode(), value.encode()) for key, value in catalog.items())
    start = 28 + 16 * len(entries)
    tables, texts = [], b""
    for column in (0, 1):
        for entry in entries:
            tables.append(struct.pack("<II", len(entry[column]), start + len(texts)))
            texts += entry[column] + b"\0"
    count = len(entries)
    return struct.pack("<7I", 0x950412DE, 0, count, 28, 28 + 8 * count, 0, 28 + 16 * count) + b"".join(tables) + texts


@pytest.fixture
def language(settings, tmp_path):
    folder = tmp_path / "eo" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "django.mo").write_bytes(machine_object(catalogue()))
    # Django forgets what it has read when these change, at the end of the test, too.
    settings.LOCALE_PATHS = [tmp_path]
    settings.LANGUAGES = [("en-gb", "English"), ("eo", "Invented")]
    yield "eo"
    translation.activate("en-gb")


class Reader(Visitor):
    """Somebody whose browser asks for the invented language."""

    def __init__(self, user: User | None = None) -> None:
        super().__init__(user)
        self.client.defaults["HTTP_ACCEPT_LANGUAGE"] = "eo"


# A word of which no letter was changed.
PLAIN = re.compile(r"(?<![^\W_])(?=[A-Za-z]*[aeinostuAEINOSTU])[A-Za-z]{2,}(?![^\W_])")
LABELS = re.compile(r"<(title|h[1-6]|dt|th|label|legend|button|summary)\b[^>]*>(.*?)</\1>", re.S)


def english(page, *data: str) -> list[str]:
    """Headings, labels and buttons of a page that are not in the invented language. `data`: what is no word of ours."""
    assert page.status_code == 200
    labels = [
        html.unescape(re.sub(r"<(code|time)\b.*?</\1>|<[^>]*>|\d+ \w+ \d{4}", " ", said, flags=re.S))
        for _, said in LABELS.findall(page.text)
    ]
    left = [re.sub("|".join(map(re.escape, data)) or r"\Z", "", label) for label in labels]
    return [words.strip() for words in left if PLAIN.search(words)]


def said_in(page, *sentences: str) -> list[str]:
    """Of these sentences, those that the page does not say in the invented language."""
    text = text_of(page)
    return [sentence for sentence in sentences if invented(sentence) not in text]


def test_invented_language_has_what_is_marked_in_templates_and_code():
    found = catalogue()

    assert found["Missing next"] == "Mïššïñg ñéxţ"
    assert found["Fill in the %(kind)s confirmation"] == "Fïll ïñ ţhé %(kind)s cöñfïrmåţïöñ"
    assert found["%(number)d move is appended.\0%(number)d moves are appended."].endswith("\0%(number)d mövéš åré åppéñdéd.")
    assert {"Confirm: %(kind)s", "The rollout can be undone this way, and that has been rehearsed.", "Changes requested"} <= found.keys()


@pytest.mark.usefixtures("both_stores")
def test_owners_pages_are_said_in_the_language_that_the_browser_asks_for(language):
    story = Story()
    review_request = story.open()
    reader = Reader(story.owner)

    assert english(reader.get("/self-service/plans/"), story.plan.name) == []
    hub = reader.get(plan_path(story.plan))
    assert said_in(hub, "Missing next", "Optional: each adds coverage to the path.") == []
    form = reader.get(request_path(review_request, "confirmations/rollback"))
    assert (
        said_in(form, "The rollout can be undone this way, and that has been rehearsed.", "How it is undone.", "Rollback", "Confirm") == []
    )
    assert said_in(reader.get(request_path(review_request, "recall")), "Recall this review request") == []
    assert reader.get("/self-service/plans/")["Content-Language"] == language


@pytest.mark.usefixtures("both_stores")
def test_readiness_and_rollout_gates_are_said_in_it(language):
    """What a check or a refusal says is the same in every language; what stands around it is not."""
    story = Story()
    review_request, reader = story.in_review(), Reader(story.owner)
    record(readiness())

    page = reader.get("/self-service/readiness")
    titles = [finding.title for finding in readiness().findings]
    assert english(page, "UTC", "SHA", readiness().status, *titles) == []
    assert (
        said_in(page, "Nothing shuts the gate. Drafts may be put up for review.", "Wait for the reviewers", "Pre-execution Boundary") == []
    )
    gates = reader.get(f"/self-service/rollout-gates?request={review_request.pk}")
    assert english(gates, story.plan.name, story.environment.name) == []
    criteria = "All votes quote the digest of the packet under review.", "Whoever runs the rollout"
    assert said_in(gates, *criteria, "All five boundary fields are saved, with no moves.", "Not met", "In review") == []


@pytest.mark.usefixtures("both_stores")
def test_protocol_and_verification_are_said_in_it(language):
    reader = Reader()

    protocol, verify = reader.get("/protocol"), reader.get("/verify")
    assert english(protocol) == english(verify) == []
    assert said_in(protocol, "What a receipt does not prove", "one Python file") == []
    assert said_in(verify, "Keys that you trust", "Every step passed.", "No key that you trust is known to have signed this.") == []
    refused = reader.post("/verify", document="{}", pinned="")
    assert said_in(refused, "It failed at this step: ", "reading what you pasted", "Not verified") == []


@pytest.mark.usefixtures("both_stores")
def test_desks_queue_packet_decision_and_timeline_are_said_in_it(language):
    story = Story()
    review_request, reader = story.in_review(), Reader(story.release)
    story.vote(story.security, review_request, "approve_with_conditions", conditions=["Only at night"])
    data = [str(review_request), story.plan.name, story.environment.name, story.partner.slug]

    queue = reader.get("/admin/reviews/deploymentreviewrequest/")
    assert english(queue, *data) == []
    assert said_in(queue, "Waiting on me (1)", "All open (1)", "not looked at yet", "In review", "Can still approve") == []
    packet = reader.get(desk_path(review_request))
    assert english(packet, *data) == []
    assert said_in(packet, *PACKET_SAYS) == []
    decide = reader.get(desk_path(review_request, "decide/"))
    assert english(decide, *data) == []
    assert said_in(decide, *DECIDE_SAYS, "Approve with conditions", "Needed to request changes or to reject. It is kept for good.") == []
    timeline = reader.get(desk_path(review_request, "timeline/"))
    assert english(timeline, *data) == []
    assert said_in(timeline, "Approved with conditions", "reviewer for ", "at the desk", "Rollback", "on a page") == []
    assert english(reader.get(desk_path(review_request, "comment/")), *data) == []


PACKET_SAYS = (
    "This is the frozen packet, as it was when its review was requested.",
    "Each approval fills one seat, so nobody counts twice.",
    "an approval lasts 3 days at most.",
    "Its stored bytes hash to the digest that votes quote.",
    "revision 1",
    "The next page says what each choice does.",
)
DECIDE_SAYS = (
    "Yours is the last approval needed: the request is approved at once, its receipt is signed, and the gate can open.",
    "The review ends for good, and a receipt with the verdict reject is signed.",
)


@pytest.mark.usefixtures("both_stores")
def test_whole_desk_is_said_in_it_but_for_the_names_of_the_record(language):
    """The first page, the search and the print have words of ours alone; lists of the record name their columns as the record does."""
    story = Story()
    review_request = story.approved()
    reader = Reader(make_user("auditor", groups=("auditors",)))
    data = [str(review_request), story.plan.name, story.environment.name, story.partner.slug, story.plan.external_reference]

    assert said_in(reader.get("/admin/"), "Organisation", "Who did what, when", "Search the record") == []
    for address in ("/admin/search/?of=requests", "/admin/search/?of=events", desk_path(review_request, "print/")):
        assert english(reader.get(address), *data, *NAMES[PRINT]) == []
    assert said_in(reader.get("/admin/reviews/event/"), "Staging validation handed in", "on the command line") == []


@pytest.mark.usefixtures("both_stores")
def test_operators_pages_are_said_in_it(language):
    story = Story()
    operator = make_user("operator", groups=("operators",))
    reader, place = Reader(operator), story.environment.slug
    proposal = propose_policy(actor(operator, channel="admin"), story.environment, **TERMS)
    data = [story.environment.name, "owner", "release", "security", "auditors", "operators", "production"]

    for address in ADDRESSES:
        assert english(reader.get(f"/admin/{address.format(user=story.owner.pk, place=place, policy=proposal.pk)}"), *data) == []
    switched = reader.submit(f"/admin/organisation/people/{story.owner.pk}/active/")
    assert said_in(reader.get(switched["Location"]), "owner is switched off.".removeprefix("owner")) == []
    settled = reader.submit(f"/admin/reviews/reviewpolicy/{proposal.pk}/settle/", answer="decline", comment="Not now")
    assert said_in(reader.get(settled["Location"]), "Version 2 is withdrawn.") == []


TERMS = {
    "rules": PRODUCTION_RULES,
    "required_confirmations": ["owner"],
    "due_seconds": 3600,
    "review_seconds": 7200,
    "approval_seconds": 7200,
}
ADDRESSES = [
    "organisation/partners/new/",
    "organisation/memberships/set/",
    "organisation/people/new/",
    "organisation/people/{user}/groups/",
    "organisation/people/{user}/mail/",
    "organisation/people/{user}/active/",
    "organisation/people/{user}/second-factor/",
    "organisation/environments/new/",
    "organisation/environments/{place}/",
    "organisation/webhooks/new/",
    "organisation/staging/pin/",
    "reviews/freezewindow/freeze/{place}/",
    "reviews/reviewpolicy/propose/{place}/",
    "reviews/reviewpolicy/{policy}/settle/",
]


@pytest.mark.usefixtures("both_stores")
def test_api_speaks_english_whatever_its_caller_asks_for(language):
    story, now = Story(), database_now()
    story.approved()
    operator = actor(make_user("operator", groups=("operators",)), channel="admin")
    end = freezes.freeze(operator, story.environment, starts_at=now, ends_at=now + timedelta(days=1), reason="Year end").ends_at
    where = {"plan": str(story.plan.pk), "environment": story.environment.slug}

    answer = Caller(story.owner).client.get("/api/v1/gate/", where, headers={"accept-language": language})
    assert (f"frozen until {end:%-d %B %Y}" in answer.text, answer["Content-Language"]) == (True, "en-gb")
    with translation.override(language):
        assert f"frozen until {date_format(end, 'j F Y')}" in text_of(Reader(story.owner).get(plan_path(story.plan)))


@pytest.mark.usefixtures("both_stores")
def test_pages_are_english_where_no_other_language_is_there():
    owner = Visitor(Story().owner)

    answer = owner.client.get("/self-service/plans/", headers={"accept-language": "de, fr;q=0.5"})

    assert answer["Content-Language"] == "en-gb"
    assert "Which plans" in text_of(answer)
    assert "Diese" not in text_of(owner.client.get("/self-service/plans/?show=x", headers={"accept-language": "de"}))
