"""The change window on its form: two times in the zone of who types, kept as one interval in UTC."""

import re

import pytest

from access.models import User
from reviews import confirmations, decisions
from reviews.models import Confirmation
from tests.factories import CONFIRMATION_FIELDS, VALID_UNTIL, Story, actor, confirm_all
from tests.pages import Visitor, desk_path, request_path, text_of

pytestmark = pytest.mark.usefixtures("both_stores")
TIMES = {"change_window_starts": "2026-11-30T20:00", "change_window_ends": "2026-11-30T23:00"}
SAID = {"region": "eu-west-1", "valid_until": VALID_UNTIL, **TIMES}


@pytest.fixture
def story():
    return Story()


@pytest.fixture
def owner(story):
    return Visitor(story.owner)


def lives_in(story: Story, name: str) -> None:
    User.objects.filter(pk=story.owner.pk).update(time_zone=name)


def page_of(review_request) -> str:
    return request_path(review_request, "confirmations/environment")


def confirmed(story: Story, review_request, window: str) -> None:
    fields = {"region": "eu-west-1", "change_window": window}
    decisions.confirm(actor(story.owner), review_request.pk, "environment", fields=fields, valid_until=VALID_UNTIL)


def kept() -> str:
    return Confirmation.objects.get().fields["change_window"]


def typed_in(answer) -> dict[str, str]:
    """What stands in the two fields of a page."""
    return dict(re.findall(r'type="datetime-local" name="(\w+)" value="([^"]*)"', answer.text))


@pytest.mark.parametrize(
    ("zone", "found"),
    [
        ("UTC", "2026-11-30T20:00:00Z/2026-11-30T23:00:00Z"),
        ("Europe/Berlin", "2026-11-30T19:00:00Z/2026-11-30T22:00:00Z"),
        ("Asia/Kolkata", "2026-11-30T14:30:00Z/2026-11-30T17:30:00Z"),
    ],
)
def test_F17_two_times_in_the_own_zone_are_kept_as_one_interval_in_utc(story, owner, zone, found):
    review_request = story.open()
    lives_in(story, zone)

    shown = text_of(owner.get(page_of(review_request)))
    owner.submit(page_of(review_request), **SAID)

    assert f"In the time zone {zone.replace('_', ' ')}." in shown
    assert kept() == found
    assert typed_in(owner.get(page_of(review_request))) == TIMES


def test_F17_a_window_over_a_change_of_clocks_keeps_both_its_ends(story, owner):
    review_request = story.open()
    lives_in(story, "Europe/Berlin")

    owner.submit(page_of(review_request), **SAID | {"change_window_starts": "2026-03-29T01:30", "change_window_ends": "2026-03-29T03:30"})

    assert kept() == "2026-03-29T00:30:00Z/2026-03-29T01:30:00Z"


def test_seconds_of_a_window_that_came_by_api_are_not_lost_on_the_form(story, owner):
    review_request = story.open()
    window = "2020-01-01T00:00:30Z/2098-11-30T23:00:00Z"
    confirmed(story, review_request, window)

    shown = typed_in(owner.get(page_of(review_request)))
    owner.submit(page_of(review_request), **SAID | shown)

    assert shown == {"change_window_starts": "2020-01-01T00:00:30", "change_window_ends": "2098-11-30T23:00"}
    assert kept() == window


def test_the_zone_of_the_form_counts_and_not_the_one_chosen_since(story, owner):
    review_request = story.open()
    lives_in(story, "Europe/Berlin")
    shown = owner.get(page_of(review_request))
    lives_in(story, "America/New_York")

    wrong = owner.post(page_of(review_request), version="1", time_zone="Europe/Berlin", **SAID | {"region": ""})
    owner.post(page_of(review_request), version="1", time_zone="Europe/Berlin", **SAID)

    assert 'name="time_zone" value="Europe/Berlin"' in shown.text
    assert "In the time zone Europe/Berlin." in text_of(wrong)
    assert kept() == "2026-11-30T19:00:00Z/2026-11-30T22:00:00Z"


@pytest.mark.parametrize("zone", [None, "", "Nowhere/Here", "a\x00b"])
def test_a_form_that_names_no_zone_is_refused(story, owner, zone):
    review_request = story.open()

    answer = owner.post(page_of(review_request), version="1", **SAID | ({} if zone is None else {"time_zone": zone}))

    assert answer.status_code == 400
    assert "The form does not say in which time zone its times are." in text_of(answer)
    assert not Confirmation.objects.exists()


BLANK = "This field is required."
WRONG = {
    "neither": ({"change_window_starts": "", "change_window_ends": ""}, {"starts": BLANK, "ends": BLANK}),
    "no start": ({"change_window_starts": ""}, {"starts": BLANK}),
    "no end": ({"change_window_ends": ""}, {"ends": BLANK}),
    "end first": ({"change_window_ends": "2026-11-30T19:59"}, {"ends": "The window must end after it starts."}),
    "no length": ({"change_window_ends": "2026-11-30T20:00"}, {"ends": "The window must end after it starts."}),
    "no time": ({"change_window_starts": "soon"}, {"starts": "This must be a day and a time, such as 2026-11-30T20:00."}),
    "no year": (
        {"change_window_starts": "0999-12-31T23:00"},
        {"ends": "This must be a time in the years 1000 to 9998."},
    ),
    "gap": ({"change_window_starts": "2026-03-29T02:30"}, {"starts": "Clocks go forward then, so there is no such time."}),
    "twice": ({"change_window_ends": "2027-10-31T02:30"}, {"ends": "Clocks go back then, so this time comes twice."}),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_windows_are_named_at_their_field_and_the_answers_kept(story, owner, case):
    changed, found = WRONG[case]
    review_request = story.open()
    lives_in(story, "Europe/Berlin")

    answer = owner.submit(page_of(review_request), **SAID | changed)

    words = text_of(answer)
    assert answer.status_code == 400
    for end, label in (("starts", "Change window starts"), ("ends", "Change window ends")):
        linked = f'<a href="#id_change_window_{end}">{label}: '
        assert (linked in answer.text) == (end in found), end
        assert end not in found or f"{label}: {found[end]}" in words
        assert (f'id="id_change_window_{end}_error"' in answer.text) == (end in found)
    assert typed_in(answer) == TIMES | changed
    assert 'value="eu-west-1"' in answer.text
    assert not Confirmation.objects.exists()


def test_an_interval_is_the_words_of_the_api_and_no_field_of_the_form(story, owner):
    review_request = story.open()

    answer = owner.submit(page_of(review_request), **CONFIRMATION_FIELDS["environment"], valid_until=VALID_UNTIL)

    assert answer.status_code == 400
    assert "change_window: this field is not known here." in text_of(answer)
    assert not Confirmation.objects.exists()


def test_a_change_window_reads_in_words_with_the_exact_times_beside(story):
    review_request = story.open()
    confirm_all(story.owner, review_request, but=("environment",))
    confirmed(story, review_request, "2020-01-01T00:00:00Z/2098-11-30T23:30:00Z")
    review_request = decisions.request_review(actor(story.owner), review_request.pk)
    lives_in(story, "Asia/Kolkata")

    for visitor, path, exact in (
        (Visitor(story.owner), request_path(review_request, "check-answers"), ("1 January 2020, 05:30 IST", "1 December 2098, 05:00 IST")),
        (Visitor(story.release), desk_path(review_request), ("1 January 2020, 00:00 UTC", "30 November 2098, 23:30 UTC")),
    ):
        page = visitor.get(path)
        found = re.search(r"<dt>Change window</dt><dd>(.*?)</dd>", page.text, re.DOTALL)[1]
        words = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", found))
        assert re.fullmatch(rf"from .+ ago \({re.escape(exact[0])}\) to .+ from now \({re.escape(exact[1])}\)", words), words
        assert found.count("<time datetime=") == 2


def test_what_is_kept_and_is_no_window_is_shown_as_it_is_and_proposes_nothing():
    assert confirmations.window_times("soon") is None
    assert confirmations.window_times(None) is None


def test_a_person_far_to_the_east_reads_the_latest_end_there_can_be(story, owner):
    review_request = story.open()
    lives_in(story, "Pacific/Kiritimati")

    for until, status in (("9999-12-31", 400), ("9998-12-31", 302)):
        assert owner.submit(page_of(review_request), **SAID | {"valid_until": until}).status_code == status
        assert owner.get(request_path(review_request)).status_code == 200
