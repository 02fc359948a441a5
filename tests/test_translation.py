"""Ready for translation: an invented language reaches what people read on owners' pages, and no template has words outside of gettext."""

import re
import struct
from pathlib import Path

import pytest
from django.utils import translation

from tests.factories import Story
from tests.pages import Visitor, plan_path, request_path, text_of

TEMPLATES = Path(__file__).resolve().parent.parent / "templates"
MARKED = [TEMPLATES / "base.html", TEMPLATES / "error.html"] + [
    found for room in ("_partials", "access", "drafts", "reviews") for found in sorted((TEMPLATES / room).glob("*.html"))
]
WORD = re.compile(r"[A-Za-z]{2}")


def bare_words(template: str) -> list[str]:
    """What stands in a template for people to read and is not marked. Code, in which words are names, is let be."""
    left = re.sub(r"\{% blocktranslate.*?endblocktranslate %\}|\{#.*?#\}", "", template, flags=re.S)
    left = re.sub(r"\{%.*?%\}|\{\{.*?\}\}", "", left, flags=re.S)
    said = re.findall(r'(?:aria-label|title|alt|placeholder)="([^"]*)"', left)
    text = re.sub(r"<[^>]*>", "\n", re.sub(r"<code>.*?</code>|<!doctype html>", "", left, flags=re.S))
    return [words.strip() for words in [*said, *text.split("\n")] if WORD.search(words)]


@pytest.mark.parametrize("path", MARKED, ids=lambda path: path.relative_to(TEMPLATES).as_posix())
def test_every_word_of_a_template_is_marked(path):
    assert bare_words(path.read_text()) == []


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("<p>{{ name }} is here</p>", ["is here"]),
        ('<nav aria-label="Main"></nav>', ["Main"]),
        ('{% translate "Said" %}<code>/api/</code>{% blocktranslate %}Of {{ name }}{% endblocktranslate %}', []),
    ],
)
def test_bare_words_are_found(template, words):
    assert bare_words(template) == words


# --- an invented language ---------------------------------------------------------------------------------------------------------------

CATALOG = {
    "": "Content-Type: text/plain; charset=UTF-8\nPlural-Forms: nplurals=2; plural=(n != 1);\n",
    "Plans": "Ƥļåñš",
    "Missing next": "Ṁíššíñĝ ñëẋţ",
    "Fill in the %(kind)s confirmation": "Ḟíļļ íñ ţĥë %(kind)s ĉöñƒíŕṁåţíöñ",
    "Rollback": "Ŕöļļƀåĉķ",
    "The rollout can be undone this way, and that has been rehearsed.": "Ţĥë ŕöļļöûţ ĉåñ ƀë ûñðöñë",
    "How it is undone.": "Ĥöŵ íţ íš ûñðöñë.",
    "Confirm": "Ĉöñƒíŕṁ",
    "%(number)d move is appended.\0%(number)d moves are appended.": "%(number)d ṁöṽë\0%(number)d ṁöṽëš",
    "Optional: each adds coverage to the path.": "Öƥţíöñåļ",
    "Recall this review request": "Ŕëĉåļļ ţĥíš",
}


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
def invented(settings, tmp_path):
    folder = tmp_path / "eo" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "django.mo").write_bytes(machine_object(CATALOG))
    # Django forgets what it has read when these change, at the end of the test, too.
    settings.LOCALE_PATHS = [tmp_path]
    settings.LANGUAGES = [("en-gb", "English"), ("eo", "Invented")]
    yield "eo"
    translation.activate("en-gb")


@pytest.mark.usefixtures("both_stores")
def test_pages_are_said_in_the_language_that_the_browser_asks_for(invented):
    story = Story()
    review_request = story.open()
    owner = Visitor(story.owner)

    def read(path: str) -> str:
        return text_of(owner.client.get(path, headers={"accept-language": invented}))

    assert "Ƥļåñš" in read("/self-service/plans/")
    hub = read(plan_path(story.plan))
    assert all(words in hub for words in ("Ṁíššíñĝ ñëẋţ", "Öƥţíöñåļ", "Operations console threshold"))
    form = read(request_path(review_request, "confirmations/rollback"))
    assert all(words in form for words in ("Ţĥë ŕöļļöûţ ĉåñ ƀë ûñðöñë", "Ĥöŵ íţ íš ûñðöñë.", "Ŕöļļƀåĉķ", "Ĉöñƒíŕṁ"))
    assert "Ḟíļļ íñ ţĥë" in read("/self-service/plans/")
    assert "Ŕëĉåļļ ţĥíš" in read(request_path(review_request, "recall"))
    assert owner.client.get("/self-service/plans/", headers={"accept-language": invented})["Content-Language"] == invented


@pytest.mark.usefixtures("both_stores")
def test_pages_are_english_where_no_other_language_is_there():
    owner = Visitor(Story().owner)

    answer = owner.client.get("/self-service/plans/", headers={"accept-language": "de, fr;q=0.5"})

    assert answer["Content-Language"] == "en-gb"
    assert "Which plans" in text_of(answer)
    assert "Diese" not in text_of(owner.client.get("/self-service/plans/?show=x", headers={"accept-language": "de"}))
