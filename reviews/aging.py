"""When a confirmation stops counting: its own end, and the age to which a policy lets it count. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from reviews import confirmations
from reviews.models import Confirmation, Kind, ReviewPolicy


@dataclass(frozen=True)
class Statement:
    """What somebody confirmed, whether frozen or still a row. `dated`: what its age counts from; `window`: when it may be launched."""

    kind: str
    valid_until: datetime
    dated: datetime
    window: tuple[datetime, datetime] | None = None


Statements = Mapping[str, Statement]


NEVER = datetime.min.replace(tzinfo=UTC)


def _statement(kind: str, fields: Mapping, *, confirmed_at: datetime, valid_until: datetime) -> Statement:
    """A rehearsal is as old as its day, from the beginning of that day in UTC; everything else as old as its confirmation."""
    dated = _day(fields.get("rehearsed_on")) if kind == Kind.ROLLBACK else confirmed_at
    return Statement(kind, valid_until, dated, _window(fields.get("change_window")) if kind == Kind.ENVIRONMENT else None)


def _day(text: object) -> datetime:
    """What is no day, which no form lets in, is older than anything counts."""
    try:
        return datetime.fromisoformat(str(text)).replace(tzinfo=UTC)
    except ValueError:
        return NEVER


def _window(text: object) -> tuple[datetime, datetime]:
    """What is no window is one that is over."""
    return confirmations.window_times(text) or (NEVER, NEVER)


def of_rows(rows: Iterable[Confirmation]) -> Statements:
    """Of a request's own rows; what is only proposed is left out."""
    confirmed = [row for row in rows if row.confirmed_at is not None]
    return {row.kind: _statement(row.kind, row.fields, confirmed_at=row.confirmed_at, valid_until=row.valid_until) for row in confirmed}


def of_packet(packet: Mapping) -> Statements:
    """Of a frozen packet's value."""
    return {
        kind: _statement(
            kind,
            said["fields"],
            confirmed_at=confirmations.moment(said["confirmed_at"]),
            valid_until=confirmations.moment(said["valid_until"]),
        )
        for kind, said in packet["confirmations"].items()
    }


def too_old_at(statement: Statement, ruling: ReviewPolicy) -> datetime | None:
    """When a policy stops counting it for its age; None where it may grow as old as it likes."""
    age = ruling.maximum_ages.get(statement.kind)
    return None if age is None else statement.dated + timedelta(seconds=age)


def approval_end(statements: Statements, rulings: Iterable[ReviewPolicy], *, decided_at: datetime) -> datetime:
    """The earliest of every policy's lifetime, every confirmation's end and every limit of age; whole seconds, rounded down."""
    ends = [statement.valid_until for statement in statements.values()]
    for ruling in rulings:
        ends.append(decided_at + timedelta(seconds=ruling.approval_seconds))
        ends += [end for statement in statements.values() if (end := too_old_at(statement, ruling)) is not None]
    return min(ends).replace(microsecond=0)
