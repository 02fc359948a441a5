"""Times are read in the zone of who reads them, and each says which zone that is."""

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from access import zones
from access.models import User
from tests.factories import Story, make_user
from tests.pages import Visitor, request_path, text_of

pytestmark = pytest.mark.usefixtures("both_stores")
PAGE = "/accounts/time-zone/"


def test_everybody_begins_in_utc_and_a_page_says_so():
    story = Story()

    words = text_of(Visitor(story.owner).get(request_path(story.in_review())))

    assert "Times on this page are in the zone UTC ." in words
    assert "UTC)" in words


def test_chosen_zone_holds_on_the_own_pages_and_nobody_elses():
    story = Story()
    review_request = story.in_review()
    owner = Visitor(story.owner)

    answer = owner.submit(PAGE, time_zone="Asia/Kolkata")

    assert (answer.status_code, User.objects.get(username="owner").time_zone) == (302, "Asia/Kolkata")
    words = text_of(owner.get(request_path(review_request)))
    assert "IST)" in words
    assert "UTC)" not in words
    assert "UTC)" in text_of(Visitor(story.viewer).get(request_path(review_request)))
    assert timezone.get_current_timezone_name() == "UTC"


@pytest.mark.parametrize("name", ["", "Nowhere/Here", "europe/berlin", "../../etc/passwd", "a\x00b", "posixrules"])
def test_unknown_zone_is_refused(name):
    person = make_user("person")

    assert Visitor(person).submit(PAGE, time_zone=name).status_code == 400
    assert User.objects.get(pk=person.pk).time_zone == "UTC"


def test_zone_that_this_machine_no_longer_knows_is_utc():
    person = make_user("person", time_zone="Europe/Atlantis")

    assert "the zone UTC" in text_of(Visitor(person).get("/self-service/plans/"))
    assert zones.zone("Europe/Atlantis").key == "UTC"


def test_zone_of_control_characters_is_no_row():
    person = make_user("person")
    with pytest.raises(IntegrityError), transaction.atomic(using="default"):
        User.objects.filter(pk=person.pk).update(time_zone="Europe\nBerlin")
