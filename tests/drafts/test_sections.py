"""The packet sections that come from a plan; pure."""

import hashlib
import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drafts.models import CoveragePlan, ExpansionMove, Partner
from drafts.sections import authors_section, moves_section, plan_section, section_digest

BOUNDARY = {"gate_type": "g", "system_scope": "s", "authority_context": "a"}


def move(number: int, **fields) -> ExpansionMove:
    return ExpansionMove(number=number, **{**BOUNDARY, **fields})


def test_a_plan_section_holds_the_five_fields_and_nothing_that_changes_by_itself():
    plan = CoveragePlan(
        id=uuid.UUID(int=1), partner=Partner(slug="northstar"), name="n", external_reference="r", version=7, archived=True, **BOUNDARY
    )
    assert plan_section(plan) == {
        "id": "00000000-0000-0000-0000-000000000001", "partner": "northstar", "name": "n", "external_reference": "r", **BOUNDARY,
    }  # fmt: skip


def test_moves_stand_in_the_order_of_their_numbers():
    assert moves_section([move(2, corrects=1), move(1)]) == [
        {"number": 1, "corrects": None, **BOUNDARY},
        {"number": 2, "corrects": 1, **BOUNDARY},
    ]


def test_authors_stand_in_the_order_of_their_ids():
    assert authors_section({7: "b", 3: "z"}) == [{"user_id": 3, "username": "z"}, {"user_id": 7, "username": "b"}]


@settings(deadline=None)
@given(st.permutations([1, 2, 3, 4, 5]))
def test_the_digest_does_not_depend_on_the_order_of_rows(order):
    assert section_digest(moves_section([move(number) for number in order])) == section_digest(
        moves_section([move(number) for number in range(1, 6)])
    )


@pytest.mark.parametrize("field", BOUNDARY)
def test_every_field_of_a_move_is_in_the_digest(field):
    assert section_digest(moves_section([move(1, **{field: "other"})])) != section_digest(moves_section([move(1)]))


def test_a_digest_is_sha256_of_canonical_json():
    assert section_digest({"b": 1, "a": []}) == hashlib.sha256(b'{"a":[],"b":1}').hexdigest()
