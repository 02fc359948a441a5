"""The database agrees, whole: what a vote, a decision, a receipt and an event may say, and what each change of state rests on."""

from django.db import migrations

from config.guards import Rules, Sql, guard, when

REQUEST = "reviews_deploymentreviewrequest"
ENDED = "('rejected', 'withdrawn', 'expired', 'revoked')"
LAPSING = "('review_requested', 'changes_requested', 'approved')"
EDGES = (
    "draft>review_requested changes_requested>review_requested review_requested>approved review_requested>changes_requested"
    " review_requested>rejected review_requested>draft draft>withdrawn review_requested>withdrawn changes_requested>withdrawn"
    " review_requested>expired changes_requested>expired approved>expired approved>revoked"
).split()
EDGE_WORDS = ", ".join(f"'{edge}'" for edge in EDGES)
YES = "('approve', 'approve_with_conditions')"
# What the packet calls by id, in its own text.
ASKED = "asked.id = NEW.review_request_id AND asked.revision = NEW.revision AND asked.digest = NEW.digest AND asked.state = 'review_requested'"
THIS = f"1 FROM ONLY {REQUEST} WHERE id = NEW.review_request_id"


def exists(sql: Sql, tables: str, where: str) -> str:
    """`tables`: of ours, joined by commas; each is read without what inherits from it."""
    listed = ", ".join(sql.only + table.strip() for table in tables.split(","))
    return f"EXISTS (SELECT 1 FROM {listed} WHERE {where})"


# --- the request itself ---------------------------------------------------------------------------------------------------------


def new_request(sql: Sql) -> Rules:
    fresh = "NEW.version = 1 AND NEW.requested_by_id IS NULL AND NEW.requested_by = '' AND NEW.requested_at IS NULL AND NEW.event_count = 0"
    over = f"(earlier.state IN ('approved', 'rejected', 'withdrawn', 'expired', 'revoked') OR {sql.time('earlier.expires_at')} <= {sql.now})"
    earlier = exists(sql, f"{REQUEST} AS earlier", f"earlier.id = NEW.predecessor_id AND earlier.plan_id = NEW.plan_id AND {over}")
    return [
        (f"{fresh} AND NEW.due_at IS NULL AND NEW.expires_at IS NULL", "a review request begins with nothing asked"),
        (when("NEW.predecessor_id IS NOT NULL", earlier), "a predecessor is an ended or approved request of the same plan"),
        (f"NOT {exists(sql, 'receipts_receipt AS receipt', 'receipt.request_id = NEW.id')}", "no receipt comes before its request"),
        ("NEW.opened_by_id > 0 AND NEW.opened_by <> ''", "somebody opens a review request"),
    ]


COLUMNS = (
    "id plan_id environment_id subject state revision digest commitment_id policy_id opened_by_id opened_by requested_by_id requested_by"
    " requested_at due_at expires_at predecessor_id production_write version created_at updated_at"
).split()


def only_counts(sql: Sql) -> str:
    """The database itself counts the events of a request in its row, which is no change of the request."""
    told = f"(SELECT max(number) FROM {sql.only}reviews_event AS any_event WHERE any_event.review_request_id = NEW.id)"
    same = "to_jsonb(NEW) - 'event_count' = to_jsonb(OLD) - 'event_count'" if sql.postgresql else sql.same("rowid", *COLUMNS)
    return f"({same} AND NEW.event_count = OLD.event_count + 1 AND NEW.event_count = {told})"


def changed_request(sql: Sql) -> Rules:
    changed = "NEW.state <> OLD.state"
    told = f"(SELECT max(number) FROM {sql.only}reviews_event AS any_event WHERE any_event.review_request_id = NEW.id)"
    event = (
        f"event.review_request_id = NEW.id AND event.number = {told} AND event.from_state = OLD.state AND event.to_state = NEW.state"
        " AND event.revision = NEW.revision AND event.digest = NEW.digest"
    )
    standing = "review_request_id = NEW.id AND revision = NEW.revision AND digest = NEW.digest"
    lapsed = f"OLD.state IN {LAPSING} AND {sql.time('OLD.expires_at')} <="
    moved_end = "'review_requested', 'approved', 'draft'"
    return [
        (sql.same("event_count"), "the database counts the events"),
        ("NEW.version = OLD.version + 1", "each change is one version on"),
        (f"OLD.state NOT IN {ENDED}", "an ended review request stays as it is"),
        (when(changed, exists(sql, "reviews_event AS event", event)), "a change of state leaves its event first"),
        (when(f"{changed} AND NEW.state = 'expired'", f"{lapsed} {sql.now}"), "nothing expires before its time"),
        (when(f"{lapsed} {sql.began}", "NEW.state = 'expired'"), "its time is over"),
        (when(f"{changed} AND NEW.state NOT IN ({moved_end})", sql.same("expires_at", "due_at")), "an end moves only with a review"),
        (when(changed + " AND NEW.state = 'draft'", "NEW.expires_at IS NULL AND NEW.due_at IS NULL"), "a draft has no end"),
        (when(f"NOT {sql.same('due_at')}", changed), "a due time moves only with the state"),
        (
            when(f"{changed} AND NEW.state = 'rejected'", exists(sql, "reviews_decision", f"{standing} AND verdict = 'reject'")),
            "rejected needs its decision",
        ),
        (
            when(f"{changed} AND NEW.state = 'changes_requested'", exists(sql, "reviews_vote", f"{standing} AND choice = 'request_changes'")),
            "changes are requested by a vote",
        ),
        *(
            (when(f"{changed} AND NEW.state = 'review_requested'", must), sentence)
            for must, sentence in _put_up(sql)
        ),
    ]  # fmt: skip


def _put_up(sql: Sql) -> Rules:
    named = f"{sql.bare(sql.member(sql.document('packet.body'), 'policy', 'id'))} = {sql.bare('NEW.policy_id')}"
    this = "packet.review_request_id = NEW.id AND packet.revision = NEW.revision"
    lifetime = f"{sql.time('NEW.expires_at')} <= {sql.after('NEW.requested_at', 'policy.review_seconds')}"
    policy = f"policy.id = NEW.policy_id AND policy.environment_id = NEW.environment_id AND {lifetime}"
    rules = [
        (exists(sql, "reviews_packet AS packet", f"{this} AND {named}"), "the policy is the one that the packet names"),
        (exists(sql, "reviews_reviewpolicy AS policy", policy), "a review has the policy of its environment, and no longer life"),
        ("NEW.requested_by_id > 0 AND NEW.requested_by <> ''", "somebody requests a review"),
        (f"{sql.time('NEW.requested_at')} BETWEEN {sql.began} AND {sql.now}", "a review is requested now"),
        (f"{sql.time('NEW.expires_at')} >= {sql.time('NEW.requested_at')}", "a review does not end before it begins"),
    ]
    if sql.postgresql:
        subject = f"{sql.part(sql.document('packet.body'), 'subject')} = NEW.subject"
        rules.append((exists(sql, "reviews_packet AS packet", f"{this} AND {subject}"), "the subject is the one that the packet holds"))
    return rules


# --- what a packet holds ----------------------------------------------------------------------------------------------------------


def new_packet(sql: Sql) -> Rules:
    body = sql.document("NEW.body")
    editable = "asked.state IN ('draft', 'changes_requested')"
    next_one = f"asked.id = NEW.review_request_id AND NEW.revision = asked.revision + 1 AND {editable}"
    said = (
        f"asked.id = NEW.review_request_id AND place.id = asked.environment_id AND {sql.member(body, 'environment')} = place.slug"
        f" AND {sql.bare(sql.member(body, 'request_id'))} = {sql.bare('asked.id')}"
        f" AND {sql.bare(sql.member(body, 'plan', 'id'))} = {sql.bare('asked.plan_id')}"
        f" AND {sql.number(sql.member(body, 'revision'))} = NEW.revision"
    )
    moves = f"(SELECT count(*) FROM {sql.only}drafts_expansionmove AS move, {sql.only}{REQUEST} AS asked WHERE asked.id = NEW.review_request_id AND move.plan_id = asked.plan_id)"
    authors = (
        f"NOT EXISTS (SELECT 1 FROM {sql.only}drafts_author AS author, {sql.only}{REQUEST} AS asked"
        f" WHERE asked.id = NEW.review_request_id AND author.plan_id = asked.plan_id AND NOT {_is_author(sql, body, 'author.user_id')})"
    )
    rules = [
        (exists(sql, f"{REQUEST} AS asked", next_one), "a packet is frozen for the next revision of a draft"),
        (exists(sql, f"{REQUEST} AS asked, reviews_environment AS place", said), "a packet names its request, plan and environment"),
        (f"NEW.moves_count = {sql.length(sql.part(body, 'moves'))} AND NEW.moves_count = {moves}", "a packet holds every move"),
        (authors, "a packet names its authors"),
        ("length(NEW.salt) = 32", "a salt has 32 bytes"),
    ]
    if sql.postgresql:
        rules.append(("NEW.digest = encode(sha256(NEW.body), 'hex')", "a digest is that of the packet"))
    return rules


def _is_author(sql: Sql, body: str, user_id: str) -> str:
    found = f"{sql.number(sql.member('item.value', 'user_id'))} = {user_id}"
    return f"EXISTS (SELECT 1 FROM {sql.items(sql.part(body, 'authors'))} WHERE {found})"


def _is_confirmer(sql: Sql, body: str, user_id: str) -> str:
    found = f"{sql.number(sql.member('item.value', 'confirmed_by', 'user_id'))} = {user_id}"
    return f"EXISTS (SELECT 1 FROM {sql.items(sql.part(body, 'confirmations'))} WHERE {found})"


# --- votes and what they come to --------------------------------------------------------------------------------------------------


def new_vote(sql: Sql) -> Rules:
    body = sql.document("packet.body")
    this = f"packet.review_request_id = NEW.review_request_id AND packet.revision = NEW.revision AND packet.digest = NEW.digest"
    hands = f"NOT {_is_author(sql, body, 'NEW.user_id')} AND NOT {_is_confirmer(sql, body, 'NEW.user_id')}"
    allowed = exists(
        sql, f"{REQUEST} AS asked, reviews_reviewpolicy AS policy", f"{ASKED} AND policy.id = asked.policy_id AND policy.conditions_allowed"
    )
    return [
        (exists(sql, f"{REQUEST} AS asked", f"{ASKED} AND {sql.time('asked.expires_at')} > {sql.began}"), "a vote comes in time"),
        (exists(sql, f"{REQUEST} AS asked", f"{ASKED} AND asked.requested_by_id <> NEW.user_id"), "the requester does not vote"),
        (exists(sql, "reviews_packet AS packet", f"{this} AND {hands}"), "no author or confirmer of a packet votes on it"),
        (when("NEW.choice = 'approve_with_conditions'", f"{sql.length('NEW.conditions')} > 0 AND {allowed}"), "conditions are named, where allowed"),
        (when("NEW.choice <> 'approve_with_conditions'", f"{sql.length('NEW.conditions')} = 0"), "only an approval with conditions has some"),
        (when(f"NEW.choice NOT IN {YES}", "trim(NEW.comment) <> ''"), "a vote against says why"),
        ("NEW.user_id > 0 AND NEW.username <> ''", "somebody votes"),
        (f"{sql.time('NEW.cast_at')} <= {sql.now}", "a vote is cast by now"),
    ]  # fmt: skip


def new_decision(sql: Sql) -> Rules:
    yes = "NEW.verdict IN ('allow', 'constrain')"
    votes = f"FROM {sql.only}reviews_vote AS vote WHERE vote.review_request_id = NEW.review_request_id AND vote.revision = NEW.revision AND vote.digest = NEW.digest"
    voters = f"(SELECT count(DISTINCT vote.user_id) {votes} AND vote.choice IN"
    quorum = sql.number(sql.member("item.value", "quorum"))
    seats = (
        f"(SELECT sum({quorum}) FROM {sql.only}{REQUEST} AS asked, {sql.only}reviews_reviewpolicy AS policy, {sql.items('policy.rules')}"
        f" WHERE {ASKED} AND policy.id = asked.policy_id)"
    )
    life = f"{sql.time('NEW.expires_at')} <= {sql.after('NEW.decided_at', 'policy.approval_seconds')}"
    in_policy = exists(sql, f"{REQUEST} AS asked, reviews_reviewpolicy AS policy", f"{ASKED} AND policy.id = asked.policy_id AND {life}")
    ended = "said.review_request_id = NEW.review_request_id AND said.confirmed_at IS NOT NULL AND said.valid_until < NEW.expires_at"
    receipt = (
        "receipt.request_id = NEW.review_request_id AND receipt.revision = NEW.revision AND receipt.packet_digest = NEW.digest AND"
        " receipt.verdict = NEW.verdict AND receipt.issued_at = NEW.decided_at AND receipt.expires_at = NEW.expires_at"
    )
    other = "receipt.request_id = NEW.review_request_id AND receipt.verdict <> 'reject'"
    held = _words_of(sql, "vote.conditions", f"vote_word.value = {sql.word('item.value')}")
    loose = f"EXISTS (SELECT 1 FROM {sql.items('NEW.conditions')} WHERE NOT EXISTS (SELECT 1 {votes} AND {held}))"
    taken = (
        "receipt.id = NEW.supersedes AND older.id = receipt.request_id AND asked.plan_id = older.plan_id"
        " AND asked.environment_id = older.environment_id AND older.state = 'approved' AND asked.id = NEW.review_request_id"
    )
    return [
        (exists(sql, f"{REQUEST} AS asked", ASKED), "a decision is about the packet under review"),
        (when(yes, f"{voters} {YES}) >= {seats}"), "a decision has an approval for every seat"),
        (when("NEW.verdict = 'allow'", f"{voters} ('approve')) >= {seats} AND {sql.length('NEW.conditions')} = 0"), "allow has no conditions"),
        (when("NEW.verdict = 'constrain'", f"{sql.length('NEW.conditions')} > 0 AND NOT {loose}"), "the conditions are those of votes"),
        (when("NEW.verdict = 'reject'", f"{voters} ('reject')) > 0 AND {sql.length('NEW.conditions')} = 0"), "a vote rejects"),
        (when(yes, exists(sql, "receipts_receipt AS receipt", receipt)), "a decision says what its receipt says"),
        (when("NEW.verdict = 'reject'", f"NOT {exists(sql, 'receipts_receipt AS receipt', other)}"), "a decision says what its receipt says"),
        (when(yes, f"{sql.time('NEW.expires_at')} > {sql.began}"), "an approval has not ended"),
        (when(yes, in_policy), "an approval lives no longer than its policy says"),
        (when(yes, f"NOT {exists(sql, 'reviews_confirmation AS said', ended)}"), "an approval ends with its first confirmation"),
        (f"{sql.time('NEW.decided_at')} <= {sql.now}", "a decision is made by now"),
        (
            when("NEW.supersedes IS NOT NULL", exists(sql, f"receipts_receipt AS receipt, {REQUEST} AS older, {REQUEST} AS asked", taken)),
            "a decision takes the place of a standing approval of the same plan and environment",
        ),
    ]  # fmt: skip


def _words_of(sql: Sql, value: str, where: str) -> str:
    words = f"jsonb_array_elements_text({value}) AS vote_word(value)" if sql.postgresql else f"json_each({value}) AS vote_word"
    return f"EXISTS (SELECT 1 FROM {words} WHERE {where})"


def new_receipt(sql: Sql) -> Rules:
    """Receipts are of another room: one whose request is not here yet says nothing, and `new_request` sees to it that it never will."""
    here = exists(sql, f"{REQUEST} AS asked", "asked.id = NEW.request_id")
    pending = (
        "NEW.verdict = 'reject' AND asked.state = 'rejected' AND decision.verdict = 'reject' AND decision.revision = NEW.revision"
        " AND decision.digest = NEW.packet_digest AND decision.review_request_id = asked.id"
    )
    waiting = exists(sql, "reviews_decision AS decision", pending)
    same = "asked.id = NEW.request_id AND asked.revision = NEW.revision AND asked.digest = NEW.packet_digest AND asked.commitment_id = NEW.commitment_id"
    right = exists(sql, f"{REQUEST} AS asked", f"{same} AND (asked.state = 'review_requested' OR {waiting})")
    return [(when(here, right), "a receipt is of the packet under review")]


def new_event(sql: Sql) -> Rules:
    """Events of the organisation have no request and are none of these rules' business."""
    own = "NEW.review_request_id IS NOT NULL"
    of_this = f"FROM {sql.only}reviews_event AS earlier WHERE earlier.review_request_id = NEW.review_request_id"
    last = f"(SELECT earlier.sha256 {of_this} ORDER BY earlier.number DESC LIMIT 1)"
    this = f"{REQUEST} AS asked", "asked.id = NEW.review_request_id AND"
    packet = "packet.review_request_id = asked.id AND packet.revision = NEW.revision AND packet.digest = NEW.digest"
    frozen = f"NEW.to_state = 'review_requested' AND NEW.revision = asked.revision + 1 AND {exists(sql, 'reviews_packet AS packet', packet)}"
    stays = f"(NEW.from_state = asked.state OR (NEW.from_state = 'expired' AND {sql.time('asked.expires_at')} <= {sql.now}))"
    first = "NEW.number = 1 AND NEW.from_state = '' AND NEW.to_state = 'draft' AND asked.state = 'draft'"
    moves = f"NEW.from_state = asked.state AND NEW.from_state || '>' || NEW.to_state IN ({EDGE_WORDS})"
    rules = [
        (f"NEW.number = coalesce((SELECT max(earlier.number) {of_this}), 0) + 1", "events are numbered without a gap"),
        (f"NEW.previous_sha256 = coalesce({last}, '') AND length(NEW.sha256) = 64", "an event holds the digest of the one before it"),
        (exists(sql, this[0], f"{this[1]} (({first}) OR ({moves}) OR (NEW.number > 1 AND NEW.from_state = NEW.to_state AND {stays}))"), "an event tells a change on the lifecycle"),
        (exists(sql, this[0], f"{this[1]} ((NEW.revision = asked.revision AND NEW.digest = asked.digest) OR ({frozen}))"), "an event quotes the packet that stands"),
        (f"{sql.time('NEW.at')} <= {sql.now}", "an event has happened by now"),
    ]  # fmt: skip
    return [(when(own, must), sentence) for must, sentence in rules]


class Migration(migrations.Migration):
    dependencies = [("reviews", "0006_named"), ("drafts", "0003_authors_kept"), ("receipts", "0002_append_only")]

    operations = [
        guard(REQUEST, "insert", new_request),
        guard(REQUEST, "update", changed_request, unless=only_counts),
        guard("reviews_packet", "insert", new_packet, lock=THIS),
        guard("reviews_vote", "insert", new_vote, lock=THIS),
        guard("reviews_decision", "insert", new_decision, key="review_request_id", lock=THIS),
        guard("receipts_receipt", "insert", new_receipt, lock=f"1 FROM ONLY {REQUEST} WHERE id = NEW.request_id"),
        guard("reviews_event", "insert", new_event, lock=THIS),
    ]
