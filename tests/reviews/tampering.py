"""What somebody who owns the database could do to the record with triggers off, and what verify_history says to it; for both back ends."""

from django.db import connections, transaction

from access.models import User
from reviews import decisions, history
from reviews.organisation import COMMAND_LINE, set_environment
from tests.factories import actor
from tests.reviews.attacks import stage

EVENT, REQUEST = "reviews_event", "reviews_deploymentreviewrequest"
AT = "review_request_id = {approved} AND number ="
LAST = f"{AT} (SELECT max(number) FROM {EVENT} WHERE review_request_id = {{approved}})"
OF_THE_CHAIN = "review_request_id IS NULL AND number ="


def swap(first: int, second: int, where: str) -> list[str]:
    """Two rows exchange their numbers."""
    return [
        f"UPDATE {EVENT} SET number = 900 WHERE {where} {first}",
        f"UPDATE {EVENT} SET number = {first} WHERE {where} {second}",
        f"UPDATE {EVENT} SET number = {second} WHERE {where} 900",
    ]


# name → (statements, (code, number) that must be among the findings)
TAMPERINGS: dict[str, tuple[list[str], tuple[str, int | None]]] = {
    "an actor": ([f"UPDATE {EVENT} SET actor = 'nobody' WHERE {AT} 3"], ("event_edited", 3)),
    "a role": ([f"UPDATE {EVENT} SET role = 'operator' WHERE {AT} 3"], ("event_edited", 3)),
    "a role taken out": ([f"UPDATE {EVENT} SET role = '' WHERE {AT} 3"], ("event_edited", 3)),
    "a comment": ([f"UPDATE {EVENT} SET comment = 'never said' WHERE {AT} 8"], ("event_edited", 8)),
    "a digest of an event": ([f"UPDATE {EVENT} SET sha256 = previous_sha256 WHERE {AT} 4"], ("chain_broken", 5)),
    "a link": ([f"UPDATE {EVENT} SET previous_sha256 = sha256 WHERE {AT} 4"], ("chain_broken", 4)),
    "an event in the middle gone": ([f"DELETE FROM {EVENT} WHERE {AT} 4"], ("event_missing", 4)),
    "the first event gone": ([f"DELETE FROM {EVENT} WHERE {AT} 1"], ("event_missing", 1)),
    "the last event gone": ([f"DELETE FROM {EVENT} WHERE {LAST}"], ("last_events_differ", 9)),
    "the last event and its count gone": (
        [f"DELETE FROM {EVENT} WHERE {LAST}", f"UPDATE {REQUEST} SET event_count = event_count - 1 WHERE id = {{approved}}"],
        ("votes_differ", None),
    ),
    "a last comment gone": (
        [f"DELETE FROM {EVENT} WHERE review_request_id = {{revoked}} AND verb = 'comment'"],
        ("last_events_differ", 11),
    ),
    "all events gone": ([f"DELETE FROM {EVENT} WHERE review_request_id = {{approved}}"], ("last_events_differ", 1)),
    "two events swapped": (swap(3, 4, AT), ("event_edited", 3)),
    "the two last events swapped": (swap(8, 9, AT), ("event_edited", 9)),
    "an event of another request": (
        [f"UPDATE {EVENT} SET review_request_id = {{approved}}, number = 10 WHERE review_request_id = {{rejected}} AND number = 8"],
        ("event_edited", 10),
    ),
    "a state": ([f"UPDATE {REQUEST} SET state = 'revoked' WHERE id = {{approved}}"], ("states_differ", None)),
    "a version": ([f"UPDATE {REQUEST} SET version = version + 1 WHERE id = {{approved}}"], ("version_differs", None)),
    "a digest of a request": ([f"UPDATE {REQUEST} SET digest = '{'0' * 64}' WHERE id = {{approved}}"], ("packets_differ", None)),
    "a packet's bytes": (["UPDATE reviews_packet SET body = salt WHERE review_request_id = {approved}"], ("packet_edited", None)),
    "a packet's salt": (["UPDATE reviews_packet SET salt = zeroed WHERE review_request_id = {approved}"], ("packet_edited", None)),
    "a packet gone": (["DELETE FROM reviews_packet WHERE review_request_id = {approved}"], ("packets_differ", None)),
    "a vote gone": (["DELETE FROM reviews_vote WHERE review_request_id = {in_review}"], ("votes_differ", None)),
    "a vote's choice": (["UPDATE reviews_vote SET choice = 'reject' WHERE review_request_id = {in_review}"], ("votes_differ", None)),
    "a second factor": (
        ["UPDATE reviews_vote SET second_factor = NOT second_factor WHERE review_request_id = {in_review}"],
        ("votes_differ", None),
    ),
    "who voted": (["UPDATE reviews_vote SET user_id = 999999 WHERE review_request_id = {in_review}"], ("votes_differ", None)),
    "a verdict": (["UPDATE reviews_decision SET verdict = 'constrain' WHERE review_request_id = {approved}"], ("decision_differs", 9)),
    "conditions": (["UPDATE reviews_decision SET conditions = '[\"x\"]' WHERE review_request_id = {approved}"], ("decision_differs", 9)),
    "a decision gone": (["DELETE FROM reviews_decision WHERE review_request_id = {approved}"], ("decision_differs", None)),
    "a receipt gone": (["DELETE FROM receipts_receipt WHERE request_id = {approved}"], ("receipt_missing", None)),
    "a receipt's signature": (["UPDATE receipts_receipt SET signature = payload WHERE request_id = {approved}"], ("receipt_edited", None)),
    "a receipt's verdict": (["UPDATE receipts_receipt SET verdict = 'constrain' WHERE request_id = {approved}"], ("receipt_differs", None)),
    "a receipt's commitment": (["UPDATE receipts_receipt SET commitment_id = 'x' WHERE request_id = {approved}"], ("receipt_edited", None)),
    "a receipt moved away": (["UPDATE receipts_receipt SET request_id = {new} WHERE request_id = {approved}"], ("request_missing", None)),
    "a leaf gone": (["DELETE FROM receipts_lognode WHERE request_id = {approved}"], ("leaf_missing", None)),
    "a leaf of another": (
        [
            "UPDATE receipts_lognode SET data = (SELECT data FROM receipts_lognode WHERE request_id = {rejected})"
            " WHERE request_id = {approved}"
        ],
        ("leaf_differs", None),
    ),
    "a leaf's request gone": (["UPDATE receipts_lognode SET request_id = {new} WHERE request_id = {approved}"], ("request_missing", None)),
    "a head that the log does not know": (
        [f"UPDATE {EVENT} SET sha256 = '{'0' * 64}' WHERE {AT} 9"],
        ("leaf_differs", None),
    ),
    "an organisation's event edited": ([f"UPDATE {EVENT} SET actor = 'nobody' WHERE {OF_THE_CHAIN} 2"], ("event_edited", 2)),
    "its first edited": ([f"UPDATE {EVENT} SET actor = 'nobody' WHERE {OF_THE_CHAIN} 1"], ("event_edited", 1)),
    "its first gone": ([f"DELETE FROM {EVENT} WHERE {OF_THE_CHAIN} 1"], ("chain_broken", 2)),
    "its second gone": ([f"DELETE FROM {EVENT} WHERE {OF_THE_CHAIN} 2"], ("event_missing", 2)),
    "its last gone": ([f"DELETE FROM {EVENT} WHERE {OF_THE_CHAIN} 4"], ("last_events_differ", 4)),
    "two of it swapped": (swap(2, 3, OF_THE_CHAIN), ("event_edited", 2)),
}  # fmt: skip


def all_findings() -> list[tuple[str, int | None, str]]:
    keys = history.stored_keys()
    found = [finding for batch in history.batches() for finding in history.verified(batch, keys)]
    found += history.organisation_findings() + history.stray_findings()
    return [(finding.code, finding.number, finding.chain) for finding in found]


def findings_after(statements: list[str], ids: dict) -> list[tuple[str, int | None, str]]:
    """Do it, look, take it back."""
    connection = connections["self_service"]
    zeroed = f"'\\x{'00' * 32}'" if connection.vendor == "postgresql" else f"x'{'00' * 32}'"
    names = {name: f"'{pk}'" if connection.vendor == "postgresql" else f"'{pk.hex}'" for name, pk in ids.items()}
    with transaction.atomic(using="self_service"):
        with connection.cursor() as cursor:
            lift_guards(cursor, connection.vendor)
            for statement in statements:
                cursor.execute(statement.format(**names).replace("zeroed", zeroed))
                assert cursor.rowcount >= 1, statement
        found = all_findings()
        transaction.set_rollback(True, using="self_service")
    return found


def lift_guards(cursor, vendor: str) -> None:
    if vendor == "postgresql":
        cursor.execute("SET LOCAL session_replication_role = replica")
        return
    cursor.execute("PRAGMA defer_foreign_keys = ON")
    cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
    for (name,) in cursor.fetchall():
        cursor.execute(f'DROP TRIGGER "{name}"')


def unfound(ids: dict) -> list[str]:
    """Names of the tamperings that are not found, or found elsewhere than where they are."""
    return [name for name, (statements, expected) in TAMPERINGS.items() if not _is_among(findings_after(statements, ids), expected)]


def _is_among(found: list, expected: tuple) -> bool:
    return expected in [(code, number) for code, number, _ in found]


def staged() -> dict:
    """`attacks.stage` with more of a record: a comment at the end of a request, and four events of the organisation."""
    ids = stage()
    owner = User.objects.get(username="owner")
    decisions.comment(actor(owner), ids["revoked"], comment="after the end")
    for name in ("One", "Two", "Three", "Four"):
        set_environment(COMMAND_LINE, "canary", name=name, protected=False)
    return ids
