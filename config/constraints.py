"""Database constraints behind the validators of config.custody, on both back ends: length, and no control characters."""

from django.db.models import BooleanField, CheckConstraint, Func, TextField
from django.db.models.functions import Cast

CONTROLS = {"line": r"\u0001-\u001f\u007f", "lines": r"\u0001-\u0008\u000b\u000c\u000e-\u001f\u007f"}
# The same as pieces of SQLite's GLOB, in which no escape exists.
RANGES = {
    "line": "char(1) || '-' || char(31) || char(127)",
    "lines": "char(1) || '-' || char(8) || char(11) || char(12) || char(14) || '-' || char(31) || char(127)",
}


class TextWithin(Func):
    """Whether a column holds at most `length` characters and none that controls; null does."""

    output_field = BooleanField()

    def __init__(self, column, *, kind: str, length: int) -> None:
        # Named, because two expressions are equal only if their arguments come in one order.
        super().__init__(column, kind=kind, length=length)

    def _twice(self, compiler, connection, template: str, **context):
        """The template names the text twice; where it is a value, as in `full_clean`, it is given twice."""
        sql, params = self.as_sql(compiler, connection, template=template, **context)
        return sql, [*params, *params]

    def as_postgresql(self, compiler, connection, **context):
        extra = self.extra
        template = f"(char_length(%(expressions)s) <= {extra['length']} AND %(expressions)s !~ '[{CONTROLS[extra['kind']]}]')"
        return self._twice(compiler, connection, template, **context)

    def as_sqlite(self, compiler, connection, **context):
        extra = self.extra
        template = f"(length(%(expressions)s) <= {extra['length']} AND %(expressions)s NOT GLOB '*[' || {RANGES[extra['kind']]} || ']*')"
        return self._twice(compiler, connection, template, **context)


def within(name: str, column: str, length: int, *, lines: bool = False) -> CheckConstraint:
    return CheckConstraint(condition=TextWithin(column, length=length, kind="lines" if lines else "line"), name=name)


def json_within(name: str, column: str, length: int) -> CheckConstraint:
    """The length of a JSON column as text; its control characters are escaped in there. SQLite's text escapes letters, too: six for one."""
    return CheckConstraint(condition=TextWithin(Cast(column, TextField()), length=length, kind="line"), name=name)
