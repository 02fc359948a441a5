"""An installation with very many review requests, made from rows of the demo by bulk SQL, with the triggers lifted, and then analysed.

Every table is filled from a row that a verb has written: what is not named here is as in that row, so a new column needs no care.
"""

import psycopg2

from config.databases import SCHEMA

# No divisor of twenty, so that every partner has requests in every state; one plan has the rare word, however many there are.
PARTNERS, MINE, RARE = 499, 7, "bulk-0004711"
BLOCK = 100_000
INDEXES = """SELECT one.relname, pg_get_indexdef(one.oid) FROM pg_index JOIN pg_class one ON one.oid = indexrelid
JOIN pg_class own ON own.oid = indrelid WHERE own.relname = ANY(%s) AND own.relnamespace = current_schema()::regnamespace
AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid)"""
# Of twenty: ten expired, two each rejected, withdrawn and revoked, one each approved, in review, with changes requested, draft.
STATE = """(ARRAY['expired','expired','expired','expired','expired','expired','expired','expired','expired','expired','rejected',
'rejected','withdrawn','withdrawn','revoked','revoked','approved','review_requested','changes_requested','draft'])[n % 20 + 1]"""
# The last of them now, and one every twenty seconds before: a million take most of a year.
AT = "(now() - make_interval(secs => 20.0 * (%(size)s - n)))"
DRAFT = "n % 20 = 19"
OPEN = "n % 20 >= 17"
UNDECIDED = "n % 20 NOT IN (10, 11, 14, 15, 16)"
PLAN_STATE = "CASE n % 20 WHEN 16 THEN 'approved' WHEN 17 THEN 'review_requested' ELSE 'draft' END"
IN = {"approved": "n % 20 = 16", "review_requested": "n % 20 = 17"}
END = "now() + interval '30 hours'"


def _id(table: str) -> str:
    return f"md5('{table} ' || n)::uuid"


# Table → (FROM: the rows to copy, what each column of a copy holds). `n` counts the requests.
TABLES: dict[str, tuple[str, dict[str, str]]] = {
    "drafts_coverageplan": (
        "id = (SELECT plan_id FROM reviews_deploymentreviewrequest WHERE id = %(story)s)",
        {
            "id": _id("plan"),
            "partner_id": f"md5('partner ' || n % {PARTNERS})::uuid",
            "name": "'Console threshold ' || n || ' ' || (ARRAY['claims','payments','access','treasury'])[n % 4 + 1]",
            "external_reference": "'bulk-' || lpad(n::text, 7, '0')",
            "reference_key": "encode(sha256(('bulk-' || lpad(n::text, 7, '0'))::bytea), 'hex')",
            "state": PLAN_STATE,
            "approved_until": f"CASE WHEN {IN['approved']} THEN {END} END",
            "review_until": f"CASE WHEN {IN['review_requested']} THEN {END} END",
            "created_at": AT,
            "updated_at": AT,
        },
    ),
    "drafts_author": ("plan_id = (SELECT plan_id FROM reviews_deploymentreviewrequest WHERE id = %(story)s)", {"plan_id": _id("plan")}),
    "reviews_deploymentreviewrequest": (
        "id = %(story)s",
        {
            "id": _id("request"),
            "plan_id": _id("plan"),
            "partner_id": f"md5('partner ' || n % {PARTNERS})::uuid",
            "state": STATE,
            "revision": f"CASE WHEN {DRAFT} THEN 0 ELSE 1 END",
            "digest": f"CASE WHEN {DRAFT} THEN '' ELSE encode(sha256(n::text::bytea), 'hex') END",
            "policy_id": f"CASE WHEN NOT {DRAFT} THEN row.policy_id END",
            "requested_by_id": f"CASE WHEN NOT {DRAFT} THEN row.requested_by_id END",
            "requested_at": f"CASE WHEN NOT {DRAFT} THEN {AT} END",
            "due_at": f"CASE WHEN NOT {DRAFT} THEN {AT} + interval '5 days' END",
            "expires_at": f"CASE WHEN {DRAFT} THEN NULL WHEN n % 20 >= 16 THEN {END} ELSE {AT} + interval '3 days' END",
            "created_at": AT,
            "updated_at": AT,
        },
    ),
    "reviews_packet": (
        "review_request_id = %(story)s",
        {
            "id": _id("packet"),
            "review_request_id": _id("request"),
            "body": "'{}'::bytea",
            "digest": "encode(sha256(n::text::bytea), 'hex')",
            "frozen_at": AT,
        },
    ),
    "reviews_confirmation": (
        f"review_request_id = %(story)s AND ({OPEN} OR row.kind IN ('environment', 'rollback'))",
        {"id": "md5('confirmation ' || n || row.kind)::uuid", "review_request_id": _id("request")},
    ),
    "reviews_vote": (
        f"review_request_id = %(story)s AND NOT {OPEN} AND row.username = 'release'",
        {"id": _id("vote"), "review_request_id": _id("request"), "cast_at": AT},
    ),
    "reviews_event": (
        "review_request_id = %(story)s AND (row.verb IN ('open', 'request_review') OR row.to_state = 'approved' AND NOT " + OPEN + ")",
        {"id": "md5('event ' || n || ' ' || row.number)::uuid", "review_request_id": _id("request"), "at": AT},
    ),
    "receipts_receipt": (
        f"request_id = %(story)s AND NOT {UNDECIDED}",
        {"id": _id("receipt"), "request_id": _id("request"), "issued_at": AT},
    ),
    "reviews_decision": (f"review_request_id = %(story)s AND NOT {UNDECIDED}", {"review_request_id": _id("request"), "decided_at": AT}),
}


def fill(url: str, *, size: int) -> None:
    """Add so many requests. The role of the benchmark owns the tables and may lift their triggers; the role that serves may not."""
    connection = psycopg2.connect(url, options=f"-c search_path={SCHEMA} -c session_replication_role=replica -c timezone=UTC")
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute("SET LOCAL synchronous_commit = off")
            cursor.execute("SELECT id FROM reviews_deploymentreviewrequest WHERE state = 'approved' AND expires_at > now()")
            said = {"story": cursor.fetchone()[0], "size": size}
            cursor.execute("SET LOCAL maintenance_work_mem = '256MB'")
            _partners(cursor)
            indexes = _dropped_indexes(cursor)
            for first in range(1, size + 1, BLOCK):
                for table in TABLES:
                    cursor.execute(_copy(cursor, table), said | {"first": first, "last": min(size, first + BLOCK - 1)})
            for definition in indexes:
                cursor.execute(definition)
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE)")
    finally:
        connection.close()


def _dropped_indexes(cursor) -> list[str]:
    """How to make again those that no constraint stands on: building one at the end is faster than growing it by random places."""
    cursor.execute(INDEXES, [list(TABLES)])
    found = cursor.fetchall()
    for name, _ in found:
        cursor.execute(f'DROP INDEX "{name}"')
    return [definition for _, definition in found]


def _partners(cursor) -> None:
    """Five hundred; the demo's owner owns one of them, beside those of the demo."""
    columns = "id, slug, name, demo, created_at"
    cursor.execute(
        f"INSERT INTO drafts_partner ({columns}) SELECT md5('partner ' || n)::uuid, 'bulk_' || n, 'Bulk ' || n, true, now()"
        f" FROM generate_series(0, {PARTNERS - 1}) AS n"
    )
    cursor.execute(
        "INSERT INTO drafts_membership (partner_id, user_id, username, role, created_at)"
        " SELECT md5(%s)::uuid, user_id, username, role, now() FROM drafts_membership WHERE username = 'owner' LIMIT 1",
        [f"partner {MINE}"],
    )


def _copy(cursor, table: str) -> str:
    which, said = TABLES[table]
    cursor.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = %s AND table_name = %s AND is_identity = 'NO'"
        " ORDER BY ordinal_position",
        [SCHEMA, table],
    )
    columns = [name for (name,) in cursor.fetchall()]
    listed = ", ".join(f'"{name}"' for name in columns)
    values = ", ".join(said.get(name, f'row."{name}"') for name in columns)
    of = _percents(f"SELECT {values} FROM generate_series(%(first)s, %(last)s) AS n, {table} AS row WHERE {which}")
    return f"INSERT INTO {table} ({listed}) {of}"


def _percents(query: str) -> str:
    """psycopg2 reads a percent sign as the beginning of a value."""
    return query.replace("%", "%%").replace("%%(", "%(")
