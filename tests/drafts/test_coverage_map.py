"""The coverage map: gates are columns, scopes are rows, and what is corrected says so."""

import pytest

from drafts import coverage_map
from drafts.coverage import append_move
from drafts.coverage_map import Part
from drafts.models import CoveragePlan, ExpansionMove
from tests.factories import Story, actor
from tests.pages import Visitor, plan_path, text_of


def part(name: str, gate: str, scope: str, state: str = "draft") -> Part:
    return Part(name, None, gate, scope, "owner approves", state)


def test_part_stands_in_the_column_of_its_gate_and_the_row_of_its_scope():
    found = coverage_map.drawn([part("Path", "a_gate", "one"), part("Move 1", "b_gate", "one"), part("Move 2", "a_gate", "two")])

    path, first, second = found.boxes
    assert (path.x == second.x, path.x == first.x) == (True, False)
    assert (path.y == first.y, path.y < second.y) == (True, True)
    assert [text.words for text in found.columns] == ["a_gate", "b_gate"]
    assert [text.words for text in found.rows] == ["one", "two"]


def test_parts_of_one_cell_stand_below_each_other_and_the_next_row_below_all():
    found = coverage_map.drawn(
        [part("Path", "a", "one"), part("Move 1", "a", "one"), part("Move 2", "a", "one"), part("Move 3", "a", "two")]
    )

    tops = [box.y for box in found.boxes]
    assert tops == sorted(set(tops))
    assert all(later - earlier >= found.box_height for earlier, later in zip(tops, tops[1:], strict=False))
    assert all(box.x >= 0 and box.x + found.box_width <= found.width and box.y + found.box_height <= found.height for box in found.boxes)


def test_more_than_can_be_read_is_not_drawn():
    assert coverage_map.drawn([part(str(number), "a", "b") for number in range(coverage_map.MOST + 1)]) is None


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        ("threshold_gate", ["threshold_gate"]),
        ("cross_system_handoff_gate", ["cross_system_", "handoff_gate"]),
        ("x" * 40, ["x" * 19, "x" * 19, "xx"]),
        ("one two three four five six seven eight nine ten eleven twelve", ["one two three four", "five six seven", "eight nine ten…"]),
    ],
)
def test_label_is_broken_where_a_name_has_its_joints(words, lines):
    assert coverage_map.wrapped(words) == lines


@pytest.mark.usefixtures("both_stores")
def test_plan_page_draws_map_and_table_with_the_states():
    story = Story()
    move = {"gate_type": "manual_override_gate", "system_scope": "risk_engine", "authority_context": "duty manager"}
    append_move(actor(story.owner), story.plan.pk, fields=move)
    append_move(actor(story.owner), story.plan.pk, fields={**move, "corrects": 1})
    plan = CoveragePlan.objects.as_of_now().get(pk=story.plan.pk)
    moves = ExpansionMove.objects.as_of_now().filter(plan=plan).order_by("number")

    assert [(each.name, each.state, each.mark) for each in coverage_map.parts(plan, moves)] == [
        ("Path", "draft", "○"), ("Move 1", "corrected", "↷"), ("Move 2", "draft", "○"),
    ]  # fmt: skip
    page = Visitor(story.owner).get(plan_path(plan))
    words = text_of(page)
    assert all(said in words for said in ("○ Path: Draft", "↷ Move 1: Corrected", "Move 2, corrects move 1", "2 moves are appended."))
    assert 'style="' not in page.content.decode()
