"""Events as a person would write them."""

import pytest

from reviews import happened
from reviews.models import Event


def written(**said) -> str:
    line = happened.lines([Event(**{"actor": "ada", "channel": "page", "role": "owner", **said})])[0]
    return f"{line.what} {line.who}"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"verb": "open"}, "Opened by ada (owner), on a page"),
        ({"verb": "open", "actor": "owner", "channel": "command"}, "Opened by owner, on the command line"),
        ({"verb": "recall", "role": "requester", "channel": "api"}, "Recalled by ada (requester), by API"),
        ({"verb": "expire", "role": "clock", "actor": "the clock", "channel": "clock"}, "Expired by itself"),
        ({"verb": "confirm", "detail": {"kind": "sla"}}, "SLA confirmation given by ada (owner), on a page"),
        ({"verb": "confirm", "detail": {"kind": "older"}}, "older confirmation given by ada (owner), on a page"),
        (
            {"verb": "name_person", "detail": {"kind": "sla", "named": "dora"}},
            "dora named for the SLA confirmation by ada (owner), on a page",
        ),
        (
            {"verb": "name_person", "detail": {"kind": "sla", "named": ""}},
            "Nobody named for the SLA confirmation any more by ada (owner), on a page",
        ),
        (
            {
                "verb": "approve",
                "role": "reviewer",
                "channel": "admin",
                "detail": {"rules": ["release", "security"], "second_factor": True},
            },
            "Approved by ada (reviewer for release and security, with a second factor), at the desk",
        ),
        (
            {"verb": "supersede", "role": "reviewer", "channel": "admin", "detail": {"successor": "7"}},
            "Superseded by a newer approval, review request 7, given by ada (reviewer), at the desk",
        ),
        ({"verb": "comment", "role": ""}, "Comment by ada, on a page"),
        ({"verb": "later", "role": "", "channel": "carrier"}, "later by ada, carrier"),
    ],
)
def test_an_event_reads_as_a_person_would_write_it(said, words):
    assert written(**said) == words
