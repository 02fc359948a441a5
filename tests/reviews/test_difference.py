"""What differs between two packets: every field of every section, with stable places."""

import copy

import pytest

from reviews.difference import Change, compare

SHA = {"sha256": "a" * 64}


def said(**fields) -> dict:
    who = {"user_id": 1, "username": "owner"}
    return {"fields": fields, "evidence_url": None, "evidence_sha256": None, "confirmed_by": who, "confirmed_at": "t", "valid_until": "u"}


PACKET = {
    "schema": "readiness.packet.v1",
    "request_id": "r",
    "revision": 1,
    "predecessor": None,
    "environment": "production",
    "subject": [{"name": "app", "digest": SHA}],
    "policy": {"id": "p", "version": 1, "digest": "d"},
    "plan": {"id": "x", "name": "Plan", "gate_type": "g"},
    "moves": [{"number": number, "corrects": None, "gate_type": f"g{number}"} for number in range(1, 11)],
    "confirmations": {"rollback": said(max_minutes=15)},
    "authors": [{"user_id": 1, "username": "owner"}],
}


def changed(edit) -> list[Change]:
    after = copy.deepcopy(PACKET)
    edit(after)
    return compare(PACKET, after)


def test_equal_packets_have_no_changes():
    assert compare(PACKET, copy.deepcopy(PACKET)) == []


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (lambda p: p.update(environment="staging"), Change("environment", "slug", "changed", "production", "staging")),
        (lambda p: p["plan"].update(gate_type="h"), Change("plan", "gate_type", "changed", "g", "h")),
        (lambda p: p["policy"].update(version=2), Change("policy", "version", "changed", 1, 2)),
        (lambda p: p["moves"][9].update(corrects=2), Change("moves", "10/corrects", "changed", None, 2)),
        (
            lambda p: p["confirmations"]["rollback"]["fields"].update(max_minutes=99),
            Change("confirmations", "rollback/fields/max_minutes", "changed", 15, 99),
        ),
        (
            lambda p: p["confirmations"]["rollback"].update(evidence_url="https://e"),
            Change("confirmations", "rollback/evidence_url", "changed", None, "https://e"),
        ),
        (lambda p: p["authors"].append({"user_id": 2, "username": "b"}), Change("authors", "2", "added", None, "b")),
        (lambda p: p["authors"].clear(), Change("authors", "1", "removed", "owner", None)),
        (
            lambda p: p["subject"][0].update(digest={"sha256": "b" * 64}),
            Change("subject", "app/sha256", "changed", "a" * 64, "b" * 64),
        ),
        (lambda p: p["subject"].append({"name": "app", "digest": SHA}), Change("subject", "app (2)/sha256", "added", None, "a" * 64)),
    ],
)
def test_one_edit_is_one_change(edit, expected):
    assert changed(edit) == [expected]


def test_every_leaf_of_a_packet_is_looked_at():
    """A change of any scalar in any section is found; only the packet's own names are not part of a section."""

    def places(value, path=()):
        if isinstance(value, dict):
            return [found for name, part in value.items() for found in places(part, (*path, name))]
        if isinstance(value, list):
            return [found for number, part in enumerate(value) for found in places(part, (*path, number))]
        return [path]

    for *way, last in places(PACKET):
        if not way and last != "environment":
            continue
        after = copy.deepcopy(PACKET)
        holder = after
        for step in way:
            holder = holder[step]
        holder[last] = 77 if isinstance(holder[last], int) else "other"
        assert compare(PACKET, after), (way, last)


def test_rows_that_go_are_removed_field_by_field_and_in_the_order_of_their_numbers():
    found = changed(lambda p: p["moves"].__delitem__(slice(1, None)))
    assert [change.field for change in found] == [f"{number}/{name}" for number in range(2, 11) for name in ("corrects", "gate_type")]
    assert {change.change for change in found} == {"removed"}


def test_against_nothing_everything_is_added():
    assert {change.change for change in compare(None, PACKET)} == {"added"}


def test_sections_come_in_the_order_of_the_packet():
    after = copy.deepcopy(PACKET)
    after["authors"], after["environment"], after["plan"]["name"] = [], "staging", "Other"
    assert [change.section for change in compare(PACKET, after)] == ["environment", "plan", "authors"]


def test_labels_are_words():
    found = [change.label for change in compare(None, PACKET)]
    assert {"Gate type", "Move 1: gate type", "rollback: max minutes", "User 1"} <= set(found)
