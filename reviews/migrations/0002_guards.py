"""The database agrees: what is decided stays, and a review request moves only along the edges of the lifecycle."""

from django.db import migrations

from config.triggers import append_only

REQUEST = "reviews_deploymentreviewrequest"
EDGES = (
    ("draft", "review_requested"),
    ("changes_requested", "review_requested"),
    ("review_requested", "approved"),
    ("review_requested", "changes_requested"),
    ("review_requested", "rejected"),
    ("review_requested", "draft"),
    ("draft", "withdrawn"),
    ("review_requested", "withdrawn"),
    ("changes_requested", "withdrawn"),
    ("review_requested", "expired"),
    ("changes_requested", "expired"),
    ("approved", "expired"),
    ("approved", "revoked"),
)
EDGE_WORDS = ", ".join(f"'{before}>{after}'" for before, after in EDGES)
IS = {"postgresql": "IS NOT DISTINCT FROM", "sqlite": "IS"}


def rules(vendor: str) -> list[tuple[str, str]]:
    """(condition that must not hold on UPDATE, sentence)."""
    # SQLite: UPDATE OR REPLACE could take another row's rowid and so delete that row, without asking a delete trigger.
    place = ("rowid",) if vendor == "sqlite" else ()

    def changed(*columns: str) -> str:
        return "(" + " OR ".join(f"NOT (OLD.{column} {IS[vendor]} NEW.{column})" for column in columns) + ")"

    newer = "(NEW.revision = OLD.revision + 1 AND NEW.state = 'review_requested' AND OLD.state IN ('draft', 'changes_requested'))"
    return [
        (changed(*place, "id", "plan_id", "environment_id", "predecessor_id", "opened_by_id", "opened_by", "created_at"), "what a review request is about never changes"),
        (f"{changed('state')} AND OLD.state || '>' || NEW.state NOT IN ({EDGE_WORDS})", "this change of state is not on the lifecycle"),
        (f"NEW.revision <> OLD.revision AND NOT {newer}", "a revision begins only with a review"),
        (f"{changed('state')} AND NEW.state = 'review_requested' AND NOT {newer}", "a review begins with a new revision"),
        (
            f"NEW.revision = OLD.revision AND {changed('digest', 'commitment_id', 'policy_id', 'requested_by_id', 'requested_by', 'requested_at')}",
            "packet, policy and requester are set once per revision",
        ),
        (
            f"NEW.revision <> OLD.revision AND NOT EXISTS (SELECT 1 FROM reviews_packet AS packet WHERE packet.review_request_id = NEW.id"
            " AND packet.revision = NEW.revision AND packet.digest = NEW.digest AND packet.commitment_id = NEW.commitment_id)",
            "a revision needs its packet",
        ),
        (f"{changed('subject')} AND OLD.state NOT IN ('draft', 'changes_requested')", "the subject is fixed while a packet stands"),
        (f"{changed('expires_at')} AND OLD.state = NEW.state", "an end moves only with the state"),
        (
            f"{changed('state')} AND NEW.state = 'approved' AND NOT EXISTS (SELECT 1 FROM receipts_receipt AS receipt"
            " JOIN reviews_decision AS decision ON decision.review_request_id = receipt.request_id"
            " AND decision.revision = receipt.revision AND decision.digest = receipt.packet_digest AND decision.verdict = receipt.verdict"
            " WHERE receipt.request_id = NEW.id AND receipt.revision = NEW.revision"
            " AND receipt.packet_digest = NEW.digest AND receipt.verdict IN ('allow', 'constrain') AND receipt.expires_at = NEW.expires_at)",
            "approved needs its decision and its receipt",
        ),
    ]


NOT_FRESH = "NEW.state <> 'draft' OR NEW.revision <> 0 OR NEW.digest <> '' OR NEW.commitment_id <> '' OR NEW.policy_id IS NOT NULL"
NOT_UNDER_REVIEW = (
    f"NOT EXISTS (SELECT 1 FROM {REQUEST} AS asked WHERE asked.id = NEW.review_request_id AND asked.state = 'review_requested'"
    " AND asked.revision = NEW.revision AND asked.digest = NEW.digest)"
)
# SQLite: INSERT OR REPLACE would delete a row that a partial unique index finds, without asking a delete trigger.
REPLACES_REQUEST = (
    f"EXISTS (SELECT 1 FROM {REQUEST} AS other WHERE other.id = NEW.id OR other.rowid = NEW.rowid OR (other.plan_id = NEW.plan_id"
    " AND other.environment_id = NEW.environment_id AND other.state IN ('draft', 'review_requested', 'changes_requested')))"
)
REPLACES_VOTE = (
    "NEW.choice IN ('approve', 'approve_with_conditions') AND EXISTS (SELECT 1 FROM reviews_vote AS other"
    " WHERE other.review_request_id = NEW.review_request_id AND other.revision = NEW.revision AND other.user_id = NEW.user_id"
    " AND other.choice IN ('approve', 'approve_with_conditions'))"
)


def _raise(sentence: str) -> str:
    return f"RAISE EXCEPTION USING ERRCODE = 'restrict_violation', MESSAGE = '{sentence}';"


def _postgresql(schema: str) -> list[str]:
    checks = "\n".join(f"IF {condition} THEN {_raise(sentence)} END IF;" for condition, sentence in rules("postgresql"))
    # search_path is kept with the function, so that a session with another one meets the guard all the same. pg_temp is named and last:
    # left out it is searched first, and a temporary table called receipts_receipt would vouch for anything.
    head = f'RETURNS trigger LANGUAGE plpgsql SET search_path = "{schema}", pg_temp AS $$ BEGIN'
    return [
        f"""CREATE FUNCTION reviews_request_guard() {head}
IF TG_OP IN ('DELETE', 'TRUNCATE') THEN {_raise("review requests are kept")} END IF;
IF TG_OP = 'INSERT' THEN IF {NOT_FRESH} THEN {_raise("a review request begins as a draft")} END IF; RETURN NEW; END IF;
{checks}
RETURN NEW; END $$""",
        f"CREATE TRIGGER reviews_request_guard BEFORE INSERT OR UPDATE OR DELETE ON {REQUEST} FOR EACH ROW EXECUTE FUNCTION reviews_request_guard()",
        f"CREATE TRIGGER reviews_request_kept BEFORE TRUNCATE ON {REQUEST} FOR EACH STATEMENT EXECUTE FUNCTION reviews_request_guard()",
        f"CREATE FUNCTION reviews_vote_guard() {head} IF {NOT_UNDER_REVIEW} THEN {_raise('a vote quotes the packet under review')} END IF; RETURN NEW; END $$",
        "CREATE TRIGGER reviews_vote_guard BEFORE INSERT ON reviews_vote FOR EACH ROW EXECUTE FUNCTION reviews_vote_guard()",
    ]


def _sqlite_trigger(name: str, when: str, condition: str, sentence: str) -> str:
    return f"CREATE TRIGGER {name} {when} WHEN {condition} BEGIN SELECT RAISE(ABORT, '{sentence}'); END"


def _sqlite() -> list[str]:
    guarded = [
        _sqlite_trigger(f"reviews_request_guard_{number}", f"BEFORE UPDATE ON {REQUEST}", condition, sentence)
        for number, (condition, sentence) in enumerate(rules("sqlite"))
    ]
    return [
        *guarded,
        _sqlite_trigger("reviews_request_kept", f"BEFORE DELETE ON {REQUEST}", "1", "review requests are kept"),
        _sqlite_trigger("reviews_request_fresh", f"BEFORE INSERT ON {REQUEST}", NOT_FRESH, "a review request begins as a draft"),
        _sqlite_trigger("reviews_request_new", f"BEFORE INSERT ON {REQUEST}", REPLACES_REQUEST, "there is an open review request already"),
        _sqlite_trigger("reviews_vote_guard", "BEFORE INSERT ON reviews_vote", NOT_UNDER_REVIEW, "a vote quotes the packet under review"),
        _sqlite_trigger("reviews_vote_once", "BEFORE INSERT ON reviews_vote", REPLACES_VOTE, "one approval per person and revision"),
    ]


def install(apps, schema_editor) -> None:
    for statement in _postgresql(_schema(schema_editor)) if schema_editor.connection.vendor == "postgresql" else _sqlite():
        schema_editor.execute(statement, params=None)


def _schema(schema_editor) -> str:
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        return cursor.fetchone()[0]


def remove(apps, schema_editor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP FUNCTION IF EXISTS reviews_request_guard() CASCADE", params=None)
        schema_editor.execute("DROP FUNCTION IF EXISTS reviews_vote_guard() CASCADE", params=None)
        return
    for statement in _sqlite():
        schema_editor.execute(f"DROP TRIGGER IF EXISTS {statement.split()[2]}", params=None)


class Migration(migrations.Migration):
    dependencies = [("reviews", "0001_initial"), ("receipts", "0001_initial")]

    operations = [
        *append_only("reviews_packet"),
        *append_only("reviews_vote"),
        *append_only("reviews_decision"),
        *append_only("reviews_event"),
        *append_only("reviews_reviewpolicy"),
        *append_only("reviews_denial", mutable=("count", "last_at")),
        migrations.RunPython(install, remove),
    ]
