"""The five confirmations: typed fields, evidence, and their end."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError

from config.refusals import Refused
from reviews import confirmations
from reviews.models import Confirmation
from tests.factories import CONFIRMATION_FIELDS


def pointers(call) -> list[str]:
    with pytest.raises(Refused) as caught:
        call()
    assert caught.value.status == 400
    return [reason.pointer for reason in caught.value.reasons]


@pytest.mark.parametrize("kind", CONFIRMATION_FIELDS)
def test_good_fields_come_back_typed(kind):
    cleaned = confirmations.clean_fields(kind, CONFIRMATION_FIELDS[kind])
    assert cleaned.keys() == CONFIRMATION_FIELDS[kind].keys()
    assert confirmations.clean_fields(kind, cleaned) == cleaned


@pytest.mark.parametrize("kind", CONFIRMATION_FIELDS)
def test_W10_every_missing_and_unknown_field_is_named(kind):
    names = list(CONFIRMATION_FIELDS[kind])
    assert pointers(lambda: confirmations.clean_fields(kind, {"more": 1})) == ["/fields/more", *(f"/fields/{name}" for name in names)]
    assert pointers(lambda: confirmations.clean_fields(kind, [])) == ["/fields"]


WRONG = {
    ("sla", "availability_percent"): [99.9, 99, "100.1", "101", "-1", "99,9", "99.99999", "٩٩.٩", "1e2", "99.9%", ""],
    ("sla", "p99_ms"): ["300", 0, -1, 1.5, True, None, 10_000_001, [300]],
    ("rollback", "max_minutes"): ["15", 0, False, 10**30],
    ("rollback", "rehearsed_on"): ["2099-01-01", "2026-02-30", "yesterday", 20260101, "2026-1-1", "0000-01-01"],
    ("environment", "change_window"): [
        "2026-12-30T20:00Z", "2026-12-30T20:00Z/2026-12-30T20:00Z", "2026-11-30T23:00Z/2026-11-30T20:00Z", "a/b",
        "2026-11-30T20:00/2026-11-30T23:00",
        "2026-11-30T20:00Z/9999-01-01T00:00Z", "0999-12-31T23:59:59Z/2026-11-30T20:00Z",
        "9999-12-31T23:59:59-10:00/9999-12-31T23:59:59-11:00", "0001-01-01T00:00:00+10:00/2026-11-30T20:00Z", "//", "",
    ],
    ("owner", "accountable"): ["x" * 201, "two\nlines", "a\u200bb", "e\u0301", "\u202eabc", 5, {"a": 1}, ["x"], " ", "false", "NULL"],
}  # fmt: skip


@pytest.mark.parametrize(("place", "value"), [(place, value) for place, found in WRONG.items() for value in found])
def test_a_wrong_value_is_named_and_never_repeated(place, value):
    kind, name = place
    with pytest.raises(Refused) as caught:
        confirmations.clean_fields(kind, {**CONFIRMATION_FIELDS[kind], name: value})
    assert [reason.pointer for reason in caught.value.reasons] == [f"/fields/{name}"]
    if isinstance(value, str) and len(value) > 5:
        assert value not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("2026-11-30T20:00Z", datetime(2026, 11, 30, 20, tzinfo=UTC)),
        ("2026-11-30T20:00:00+02:00", datetime(2026, 11, 30, 18, tzinfo=UTC)),
        ("2026-11-30T20:00:00.5Z", datetime(2026, 11, 30, 20, 0, 0, 500000, tzinfo=UTC)),
        ("2026-11-30T20:00:00.123456789-00:00", datetime(2026, 11, 30, 20, 0, 0, 123456, tzinfo=UTC)),
        ("2026-11-30", datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC)),
        (" 2026-11-30T20:00Z ", datetime(2026, 11, 30, 20, tzinfo=UTC)),
    ],
)
def test_a_moment_is_utc(given, found):
    assert confirmations.moment(given) == found


# ISO 8601 has many forms, and Python reads most of them; RFC 3339 has one.
OTHER_DATES = ["2026-W48-1", "2026W481", "2026-W48", "2026-334", "2026334", "20261130", "2026-11", "26-11-30", "+2026-11-30", "2026-11-31"]
OTHER_DATES += ["٢٠٢٦-١١-٣٠", "2026-11-30\n2026-11-30", "2026/11/30"]
OTHER_TIMES = ["2026-11-30" + rest for rest in (
    "t20:00Z", "T20:00z", " 20:00Z", "T20Z", "T2000Z", "T200000Z", "T20:00:00,5Z", "T20:00:00.Z", "T20:00+02", "T20:00+0200",
    "T20:00:00+02:00:30", "T20:00:00+05:60", "T20:00:00+24:00", "T24:00:00Z", "T20:60Z", "T20:00:60Z", "T20:00:00.1234567890Z", "Z", "T",
)]  # fmt: skip


@pytest.mark.parametrize("given", OTHER_DATES)
def test_a_day_is_an_RFC_3339_full_date(given):
    assert pointers(lambda: confirmations.clean_fields("rollback", CONFIRMATION_FIELDS["rollback"] | {"rehearsed_on": given})) == [
        "/fields/rehearsed_on"
    ]


@pytest.mark.parametrize("given", [*(f"{day}T20:00Z" for day in OTHER_DATES), *OTHER_TIMES, "2026-11-30T20:00:00,5Z"])
def test_a_window_is_two_RFC_3339_times(given):
    for window in (f"{given}/2026-12-30T23:00Z", f"2020-11-30T23:00Z/{given}"):
        fields = CONFIRMATION_FIELDS["environment"] | {"change_window": window}
        assert pointers(lambda fields=fields: confirmations.clean_fields("environment", fields)) == ["/fields/change_window"]


@pytest.mark.parametrize(
    "given",
    ["2026-11-30T20:00", "2026-11-30 ", "soon", 5, None, "", "9999-12-31T23:59:59-10:00", "0001-01-01T00:00:00+10:00", "2026-13-01"]
    + ["2026-11-30T25:00Z", "x" * 300, *OTHER_DATES, *(f"{day}T20:00Z" for day in OTHER_DATES), *OTHER_TIMES],
)
def test_what_is_no_moment_is_refused(given):
    if given == "2026-11-30 ":
        assert confirmations.moment(given) == confirmations.moment("2026-11-30")
        return
    with pytest.raises(ValidationError):
        confirmations.moment(given)


def test_F17_a_change_window_is_kept_in_utc():
    fields = {"region": "eu", "change_window": "2026-03-29T01:30+01:00/2026-03-29T03:30+02:00"}
    assert confirmations.clean_fields("environment", fields)["change_window"] == "2026-03-29T00:30:00Z/2026-03-29T01:30:00Z"


GOOD = {"evidence_url": "https://example.org/1", "evidence_sha256": "a" * 64, "valid_until": "2099-01-01"}


@pytest.mark.parametrize("given", [None, ""])
def test_evidence_may_be_left_out_and_the_end_may_not(given):
    cleaned = confirmations.clean_evidence(**GOOD | {"evidence_url": given, "evidence_sha256": given})
    assert (cleaned["evidence_url"], cleaned["evidence_sha256"]) == ("", "")
    assert pointers(lambda: confirmations.clean_evidence(**GOOD | {"valid_until": given})) == ["/valid_until"]


NO_LINKS = ["javascript:alert(1)", "ftp://x", "//x", "http://", "https://u:p@x/", "https://x/ y", "https://ü/", "https://x/\n", 5, ["x"]]
NO_LINKS += ["https://x/" + "a" * 491, False, 0, []]
NO_HASHES = ["A" * 64, "a" * 63, "a" * 65, "a" * 64 + "\n", 5, " ", False, []]
NO_ENDS = [5, [], {}, False, "tomorrow", "2026-11-30T20:00", "9999-12-31", "9999-01-01T00:00Z"]


@pytest.mark.parametrize(
    ("name", "value"),
    [("evidence_url", value) for value in NO_LINKS]
    + [("evidence_sha256", value) for value in NO_HASHES]
    + [("valid_until", value) for value in NO_ENDS],
)
def test_wrong_evidence_is_named(name, value):
    assert pointers(lambda: confirmations.clean_evidence(**GOOD | {name: value})) == [f"/{name}"]


def test_texts_and_links_are_taken_up_to_their_length_and_no_further():
    link = "https://x/" + "a" * 490
    assert confirmations.clean_evidence(**GOOD | {"evidence_url": link})["evidence_url"] == link
    fields = {"accountable": "ab" * 100, "deputy": "c" * 200}
    assert confirmations.clean_fields("owner", fields) == fields
    assert pointers(lambda: confirmations.clean_fields("owner", fields | {"deputy": "c" * 201})) == ["/fields/deputy"]


def test_all_wrong_evidence_is_named_at_once():
    wrong = {"evidence_url": 1, "evidence_sha256": 1, "valid_until": 1}
    assert pointers(lambda: confirmations.clean_evidence(**wrong)) == ["/evidence_url", "/evidence_sha256", "/valid_until"]


def test_in_date_means_confirmed_and_before_its_end():
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    said = Confirmation(confirmed_at=now, valid_until=now + timedelta(seconds=1))
    assert confirmations.is_in_date(said, now)
    assert not confirmations.is_in_date(said, now + timedelta(seconds=1))
    assert not confirmations.is_in_date(Confirmation(valid_until=now + timedelta(days=1)), now)
    assert not confirmations.is_in_date(None, now)


def test_only_what_was_confirmed_goes_into_the_packet():
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    said = Confirmation(kind="sla", fields={"a": 1}, confirmed_by_id=3, confirmed_by="x", confirmed_at=now, valid_until=now)
    assert confirmations.section([said, Confirmation(kind="owner", fields={})]) == {
        "sla": {
            "fields": {"a": 1}, "evidence_url": None, "evidence_sha256": None, "confirmed_by": {"user_id": 3, "username": "x"},
            "confirmed_at": "2026-11-23T12:00:00Z", "valid_until": "2026-11-23T12:00:00Z",
        }
    }  # fmt: skip
