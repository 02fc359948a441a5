"""Times as people type them, in zones whose clocks change."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError

from reviews import local_time

BERLIN, NEW_YORK, KOLKATA, LORD_HOWE = (
    ZoneInfo(name) for name in ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe")
)


@pytest.mark.parametrize(
    ("words", "zone", "found"),
    [
        ("2026-11-30T20:00", ZoneInfo("UTC"), datetime(2026, 11, 30, 20, tzinfo=UTC)),
        ("2026-11-30 20:00", ZoneInfo("UTC"), datetime(2026, 11, 30, 20, tzinfo=UTC)),
        ("2026-11-30T20:00", BERLIN, datetime(2026, 11, 30, 19, tzinfo=UTC)),
        ("2026-06-30T20:00:05", BERLIN, datetime(2026, 6, 30, 18, 0, 5, tzinfo=UTC)),
        ("2026-11-30T02:00", KOLKATA, datetime(2026, 11, 29, 20, 30, tzinfo=UTC)),
        ("2026-03-29T01:59", BERLIN, datetime(2026, 3, 29, 0, 59, tzinfo=UTC)),
        ("2026-03-29T03:00", BERLIN, datetime(2026, 3, 29, 1, tzinfo=UTC)),
        ("2026-10-25T01:59", BERLIN, datetime(2026, 10, 24, 23, 59, tzinfo=UTC)),
        ("2026-10-25T03:00", BERLIN, datetime(2026, 10, 25, 2, tzinfo=UTC)),
    ],
)
def test_F17_a_time_is_read_in_its_zone_and_written_so_again(words, zone, found):
    assert local_time.read(words, zone) == found
    assert local_time.typed(found, zone) == words.replace(" ", "T")


@pytest.mark.parametrize(
    ("words", "zone", "code"),
    [
        ("2026-03-29T02:00", BERLIN, "no_such_time"),
        ("2026-03-29T02:59:59", BERLIN, "no_such_time"),
        ("2026-03-08T02:30", NEW_YORK, "no_such_time"),
        ("2026-10-04T02:15", LORD_HOWE, "no_such_time"),  # half an hour
        ("2026-10-25T02:00", BERLIN, "time_comes_twice"),
        ("2026-10-25T02:59:59", BERLIN, "time_comes_twice"),
        ("2026-11-01T01:30", NEW_YORK, "time_comes_twice"),
        ("2026-04-05T01:45", LORD_HOWE, "time_comes_twice"),
    ],
)
def test_F17_what_a_change_of_clocks_leaves_out_or_repeats_is_not_guessed(words, zone, code):
    with pytest.raises(ValidationError) as caught:
        local_time.read(words, zone)

    assert caught.value.code == code
    assert words not in caught.value.messages[0]


@pytest.mark.parametrize(
    "words",
    ["soon", "2026-11-30", "2026-11-30T20:00Z", "2026-11-30T20:00+01:00", "2026-11-30T20", "2026-11-30T25:00", "2026-02-30T20:00",
     "20261130T2000", "2026-11-30T20:00\n", "2026-W48-1T20:00", "٢٠٢٦-١١-٣٠T20:00", "0000-01-01T00:00", "0001-01-01T00:00",
     "2026-11-30T20:00:00.5", "x" * 10_000],
)  # fmt: skip
def test_what_is_no_local_time_is_refused_in_words(words):
    with pytest.raises(ValidationError) as caught:
        local_time.read(words, BERLIN)

    assert caught.value.messages == ["This must be a day and a time, such as 2026-11-30T20:00."]
    with pytest.raises(ValidationError):
        local_time.read("9999-12-31T23:59", NEW_YORK)
