"""The database agrees, whole: what stands before a review. Policies, environments, partners, plans, moves, memberships, denials."""

from django.db import migrations

from config.guards import Rules, Sql, guard, when
from config.triggers import append_only

REQUEST = "reviews_deploymentreviewrequest"
PLAN, MOVE = "drafts_coverageplan", "drafts_expansionmove"
BYTES = ("name", "gate_type", "system_scope", "authority_context", "external_reference")
NO_STATE = "NEW.state = 'draft' AND NEW.review_until IS NULL AND NEW.approved_until IS NULL"


def new_policy(sql: Sql) -> Rules:
    newest = f"(SELECT max(older.version) FROM {sql.only}reviews_reviewpolicy AS older WHERE older.environment_id = NEW.environment_id)"
    return [(f"NEW.version = coalesce({newest}, 0) + 1", "policies are numbered without a gap")]


def fixed(*columns: str):
    return lambda sql: [(sql.same(*columns), "what others name by it never changes")]


def unused(table: str, column: str):
    def rules(sql: Sql) -> Rules:
        return [(f"NOT EXISTS (SELECT 1 FROM {sql.only}{table} AS used WHERE used.{column} = OLD.id)", "what is in use is kept")]

    return rules


def kept_environment(sql: Sql) -> Rules:
    return [*unused("reviews_reviewpolicy", "environment_id")(sql), *unused(REQUEST, "environment_id")(sql)]


def _slug_free(table: str):
    """SQLite: INSERT OR REPLACE would delete the row that has the slug, with all that hangs on it."""

    def rules(sql: Sql) -> Rules:
        taken = f"EXISTS (SELECT 1 FROM {sql.only}{table} AS other WHERE other.slug = NEW.slug AND other.id <> NEW.id)"
        return [(f"NOT {taken}", "a slug is taken once")]

    return rules


def _in_review(sql: Sql, plan_id: str) -> str:
    asked = f"asked.plan_id = {plan_id} AND asked.state = 'review_requested' AND {sql.time('asked.expires_at')} > {sql.now}"
    return f"EXISTS (SELECT 1 FROM {sql.only}{REQUEST} AS asked WHERE {asked})"


def _rests_on(sql: Sql, plan_id: str, state: str, end: str) -> str:
    asked = f"asked.plan_id = {plan_id} AND asked.state = '{state}' AND asked.expires_at = {end}"
    return when(f"{end} IS NOT NULL", f"EXISTS (SELECT 1 FROM {sql.only}{REQUEST} AS asked WHERE {asked})")


def _state(sql: Sql, plan_id: str) -> Rules:
    """The states that reviews.lifecycle.carry sets rest on review requests; what they end with is copied from them."""
    changed = f"NOT {sql.same('state', 'review_until', 'approved_until')}"
    rests = f"{_rests_on(sql, plan_id, 'review_requested', 'NEW.review_until')} AND {_rests_on(sql, plan_id, 'approved', 'NEW.approved_until')}"
    words = (
        "(NEW.state = 'review_requested') = (NEW.review_until IS NOT NULL)"
        " AND (NEW.state = 'draft') = (NEW.review_until IS NULL AND NEW.approved_until IS NULL)"
    )
    return [(when(changed, rests), "a state rests on a review request"), (when(changed, words), "a state and its ends go together")]


def new_plan(sql: Sql) -> Rules:
    return [(f"{NO_STATE} AND NEW.version = 1", "a plan begins as a draft")]


def changed_plan(sql: Sql) -> Rules:
    edited = f"NOT {sql.same(*BYTES)}"
    archived = f"NOT {sql.same('archived')}"
    standing = f"OLD.state = 'approved' AND {sql.time('OLD.approved_until')} > {sql.now}"
    left = "NEW.state = 'review_requested'"
    return [
        (sql.same("created_at"), "a plan begins once"),
        (when(f"{edited} OR {archived}", f"NOT {_in_review(sql, 'NEW.id')}"), "a plan in review is not edited"),
        (when(edited, f"NOT ({standing})"), "an approved plan is not edited"),
        ("NEW.version IN (OLD.version, OLD.version + 1)", "each change is one version on"),
        (when(f"{edited} OR {archived}", "NEW.version = OLD.version + 1"), "each change is one version on"),
        *_state(sql, "NEW.id"),
        (when(f"NOT {sql.same('state')} AND {_in_review(sql, 'NEW.id')}", left), "a plan is in review as long as a request of it is"),
    ]


def new_move(sql: Sql) -> Rules:
    plan = f"plan.id = NEW.plan_id AND (plan.approved_until IS NULL OR {sql.time('plan.approved_until')} <= {sql.now})"
    last = f"(SELECT max(earlier.number) FROM {sql.only}{MOVE} AS earlier WHERE earlier.plan_id = NEW.plan_id)"
    draft = f"EXISTS (SELECT 1 FROM {sql.only}{PLAN} AS plan WHERE {plan}) AND NOT {_in_review(sql, 'NEW.plan_id')}"
    return [
        (draft, "moves are appended to a draft"),
        (f"NEW.number = coalesce({last}, 0) + 1", "moves are numbered without a gap"),
        (NO_STATE, "a move begins as a draft"),
    ]


def changed_move(sql: Sql) -> Rules:
    changed = f"NOT {sql.same('state', 'review_until', 'approved_until')}"
    rests = f"{_rests_on(sql, 'NEW.plan_id', 'review_requested', 'NEW.review_until')} AND {_rests_on(sql, 'NEW.plan_id', 'approved', 'NEW.approved_until')}"
    return [(when(changed, rests), "a state rests on a review request")]


def counted_denial(sql: Sql) -> Rules:
    return [("NEW.count > OLD.count", "a count only grows"), (f"{sql.time('NEW.last_at')} <= {sql.now}", "an attempt was made by now")]


class Migration(migrations.Migration):
    dependencies = [("reviews", "0007_decided_guards")]

    operations = [
        # Anew, with a search_path of their own: these two compare whole rows.
        *append_only("drafts_expansionmove", mutable=("state", "review_until", "approved_until")),
        *append_only("reviews_denial", mutable=("count", "last_at")),
        guard("reviews_reviewpolicy", "insert", new_policy),
        guard("reviews_environment", "insert", _slug_free("reviews_environment")),
        guard("reviews_environment", "update", fixed("id", "slug", "created_at")),
        guard("reviews_environment", "delete", kept_environment),
        guard("drafts_partner", "insert", _slug_free("drafts_partner")),
        guard("drafts_partner", "update", fixed("id", "slug", "created_at")),
        guard("drafts_partner", "delete", unused(PLAN, "partner_id")),
        guard("drafts_membership", "update", fixed("id", "partner_id", "user_id", "created_at")),
        guard(PLAN, "insert", new_plan),
        guard(PLAN, "update", changed_plan),
        guard(MOVE, "insert", new_move),
        guard(MOVE, "update", changed_move),
        guard("reviews_denial", "update", counted_denial),
    ]
