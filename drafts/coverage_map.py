"""A plan's path and moves as a map: gates are columns, scopes are rows. Pure: coverage in, places in an SVG out."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from drafts.models import CoveragePlan, ExpansionMove, PlanState

# More than this is no longer read on a map.
MOST = 60
LEFT, COLUMN, TOP, LINE, GAP = 150, 200, 66, 30, 8
LABEL_LETTERS, LABEL_LINES, LABEL_LINE = 19, 3, 17
CORRECTED = "corrected"
WORDS = {**dict(PlanState.choices), CORRECTED: gettext_noop("Corrected")}
MARKS = {PlanState.DRAFT: "○", PlanState.REVIEW_REQUESTED: "◐", PlanState.APPROVED: "✓", CORRECTED: "↷"}


@dataclass(frozen=True)
class Part:
    """The path itself or one move, as map and table show it. `corrects`: the number of the move that it replaces."""

    name: str
    corrects: int | None
    gate_type: str
    system_scope: str
    authority_context: str
    state: str

    @property
    def word(self) -> str:
        return _(WORDS[self.state])

    @property
    def mark(self) -> str:
        return MARKS[self.state]


@dataclass(frozen=True)
class Text:
    """One line of a label, at its place."""

    x: int
    y: int
    words: str


@dataclass(frozen=True)
class Box:
    """One part at its place; `text_y` is the base line of its words."""

    part: Part
    x: int
    y: int
    text_x: int
    text_y: int


@dataclass(frozen=True)
class Map:
    width: int
    height: int
    columns: list[Text]
    rows: list[Text]
    lines: list[int]
    boxes: list[Box]
    box_width: int = COLUMN - GAP
    box_height: int = LINE - 4


def parts(plan: CoveragePlan, moves: Iterable[ExpansionMove]) -> list[Part]:
    """The path, then its moves, each with its state as of now (both read with `as_of_now()`)."""
    moves = list(moves)
    corrected = {move.corrects for move in moves if move.corrects}
    found = [Part(_("Path"), None, plan.gate_type, plan.system_scope, plan.authority_context, plan.state_now)]
    return found + [_part(move, corrected) for move in moves]


def _part(move: ExpansionMove, corrected: set[int]) -> Part:
    name = _("Move %(number)d") % {"number": move.number}
    state = CORRECTED if move.number in corrected else move.state_now
    return Part(name, move.corrects, move.gate_type, move.system_scope, move.authority_context, state)


def drawn(found: list[Part]) -> Map | None:
    """Where everything goes; None for more parts than a person can read."""
    if len(found) > MOST:
        return None
    gates = list(dict.fromkeys(part.gate_type for part in found))
    scopes = list(dict.fromkeys(part.system_scope for part in found))
    tops, height = _tops(found, scopes)
    columns = [line for number, gate in enumerate(gates) for line in _label(gate, x=LEFT + number * COLUMN + GAP, y=LABEL_LINE)]
    rows = [line for scope in scopes for line in _label(scope, x=0, y=tops[scope] + 19)]
    boxes = _boxes(found, gates, dict(tops))
    return Map(LEFT + len(gates) * COLUMN + GAP, height, columns, rows, [tops[scope] - GAP // 2 for scope in scopes], boxes)


def _tops(found: list[Part], scopes: list[str]) -> tuple[dict[str, int], int]:
    """Scope → where its row begins, and where the last one ends. A row is as high as its fullest cell, or as its label."""
    tops, top = {}, TOP
    for scope in scopes:
        tops[scope] = top
        cells: dict[str, int] = {}
        for part in found:
            if part.system_scope == scope:
                cells[part.gate_type] = cells.get(part.gate_type, 0) + 1
        top += max(max(cells.values()) * LINE, len(wrapped(scope)) * LABEL_LINE + 8) + GAP
    return tops, top


def _boxes(found: list[Part], gates: list[str], filled: dict[str, int]) -> list[Box]:
    boxes, used = [], {}
    for part in found:
        cell = (part.gate_type, part.system_scope)
        x = LEFT + gates.index(part.gate_type) * COLUMN + GAP
        y = filled[part.system_scope] + used.get(cell, 0) * LINE
        used[cell] = used.get(cell, 0) + 1
        boxes.append(Box(part, x, y, x + GAP, y + 18))
    return boxes


def _label(words: str, *, x: int, y: int) -> list[Text]:
    return [Text(x, y + number * LABEL_LINE, line) for number, line in enumerate(wrapped(words))]


def wrapped(words: str) -> list[str]:
    """A name in lines of a few letters, broken behind its dashes, blanks and underscores; what does not fit ends in an ellipsis."""
    lines = [""]
    for piece in re.findall(r"[^\s_/.-]*[\s_/.-]?", words):
        while piece:
            room = LABEL_LETTERS - len(lines[-1])
            if len(piece) > room and lines[-1]:
                lines.append("")
                continue
            lines[-1] += piece[:LABEL_LETTERS]
            piece = piece[LABEL_LETTERS:]
    if len(lines) > LABEL_LINES:
        lines = [*lines[: LABEL_LINES - 1], lines[LABEL_LINES - 1][: LABEL_LETTERS - 1].rstrip() + "…"]
    return [line.strip() for line in lines]
