"""The task list: what each status says, why something cannot start yet, and when a confirmation needs a new look."""

from datetime import timedelta

import pytest

from reviews import decisions, guide
from reviews.record import database_now
from tests.factories import Story, actor, confirm_all

pytestmark = pytest.mark.usefixtures("both_stores")


def tasks(review_request, *, may_write: bool = True, after: timedelta = timedelta()):
    return guide.standing(review_request, now=database_now() + after, may_write=may_write).tasks


def words(found) -> list[tuple[str, str]]:
    return [(task.title, task.word) for task in found]


def test_tasks_go_from_to_do_to_completed_and_the_last_says_why_it_waits():
    story = Story()
    review_request = story.open()
    confirm_all(story.owner, review_request, but=("sla", "support"))

    *kinds, last = tasks(review_request)

    assert [(task.title, task.word) for task in kinds] == [
        ("Confirm: Owner", "Completed"), ("Confirm: Environment", "Completed"), ("Confirm: SLA", "To do"),
        ("Confirm: Rollback", "Completed"), ("Confirm: Support", "To do"),
    ]  # fmt: skip
    assert (last.word, last.hint, last.url) == ("Cannot start yet", "First confirm: SLA, Support.", "")
    confirm_all(story.owner, review_request)
    assert tasks(review_request)[-1].word == "To do"
    assert tasks(review_request)[-1].url.endswith("/check-answers")


def test_what_is_taken_over_out_of_date_or_too_old_needs_a_new_look():
    story = Story(maximum_ages={"sla": 3600})
    first = story.open()
    confirm_all(story.owner, first, valid_until=(database_now() + timedelta(days=2)).isoformat())
    later = {task.title: task for task in tasks(first, after=timedelta(hours=2))}
    assert (later["Confirm: SLA"].word, later["Confirm: Owner"].word) == ("Needs a new look", "Completed")
    assert "1 hour old at most" in later["Confirm: SLA"].hint
    over = tasks(first, after=timedelta(days=3))
    assert {task.word for task in over[:-1]} == {"Needs a new look"}
    assert "is out of date" in over[0].hint
    decisions.withdraw(actor(story.owner), first.pk, comment="anew")

    taken_over = tasks(story.open(predecessor_id=first.pk))

    assert {task.word for task in taken_over[:-1]} == {"Needs a new look"}
    assert "taken over from an earlier review" in taken_over[0].hint


def test_who_only_reads_gets_no_links():
    assert {task.url for task in tasks(Story().open(), may_write=False)} == {""}
