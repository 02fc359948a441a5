"""What a short text may hold."""

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given, settings
from hypothesis import strategies as st

from drafts.custody import comment_text, evidence_link, plain_text

GOOD = [
    "host-request-1",
    "01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "550e8400-e29b-41d4-a716-446655440000",
    "ä ö ü – “quoted”",
    "数据",
    "a/b:c#d@e",
    "é",
    "👍",
]
INVISIBLE = [
    "\x00",
    "\x07",
    "\x1b[31m",
    "\u200b",
    "\u200d",
    "\ufeff",
    "\u202e",
    "\u2066",
    "\u2028",
    "\u2029",
    "\ue000",
    "\ud800",
    "\U000e0001",
    "\x7f",
    "\x85",
]


@pytest.mark.parametrize("value", GOOD)
def test_visible_text_is_taken(value):
    plain_text(value)
    comment_text(value + "\n\tnext line\r\n" + value)


@pytest.mark.parametrize("letter", [*INVISIBLE, "\n", "\r", "\t"])
def test_W17_invisible_characters_are_refused_without_being_repeated(letter):
    with pytest.raises(ValidationError) as caught:
        plain_text(f"secret{letter}secret")
    assert caught.value.code == "invisible_character"
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("letter", [*INVISIBLE, "\r", "\x0b", "\x0c"])
def test_W17_a_comment_holds_no_invisible_character_but_line_breaks(letter):
    with pytest.raises(ValidationError):
        comment_text(f"two{letter}lines")


@pytest.mark.parametrize("value", ["e\u0301", "A\u030a", "\u212b", "\u1100\u1161"])
def test_W17_decomposed_text_is_refused(value):
    with pytest.raises(ValidationError) as caught:
        plain_text(value)
    assert caught.value.code == "not_normalized"


@settings(deadline=None)
@given(st.text(max_size=40))
def test_what_is_taken_stays_as_it_is(value):
    try:
        plain_text(value)
    except ValidationError:
        return
    assert value == value.encode().decode()
    assert "\n" not in value
    assert "\x00" not in value


@pytest.mark.parametrize("value", ["https://example.org", "http://localhost:8000/a?b=c#d", "https://x.y/%20", "https://127.0.0.1/"])
def test_evidence_links_that_are_taken(value):
    evidence_link(value)


@pytest.mark.parametrize(
    "value",
    ["", "example.org", "javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "ftp://x/", "HTTPS://x/", "https://", "https:///x"]
    + ["https://user@x/", "https://user:pw@x/", "https://x:port/", "https://x:123456/", "https://x:١٢/", "https://x\\y/", "https://x/ y", "https://x/ü"]
    + ["https://x/\n", "https://x\n", " https://x", "https://[::1]/", "https://x?y@z"],
)  # fmt: skip
def test_evidence_links_that_are_refused(value):
    with pytest.raises(ValidationError):
        evidence_link(value)
