"""The readiness page in words: every sentence follows from a finding or a fact, none stands by itself."""

import shlex

from config.errors import TITLES
from readiness import rollout
from readiness.gate import BLOCKED, READY, UNKNOWN, Readiness, json_text
from readiness.history import CLEAR, History
from readiness.journey import CONTINUE, DEPLOY, REVIEW, SCOPE, Work
from readiness.registry import AREAS, Finding, Result
from reviews.models import State

VERDICTS = {
    READY: "Nothing shuts the gate. Drafts may be put up for review.",
    BLOCKED: "Something shuts the gate. It is named below, with what opens it.",
    "unknown": "It cannot be told right now, and doubt counts as no.",
}
CAN_CONTINUE = {
    READY: "Yes: plans can be drafted and reviewed",
    BLOCKED: "No: a blocker has to be cleared first",
    "unknown": "Not until every check has an answer",
}
ISOLATION = {
    "dedicated": "Drafts have a database of their own; both databases were asked and differ",
    "shared": "Drafts share the primary's database, in a place of their own",
    "unavailable": "A database does not answer, so isolation cannot be shown",
}
WRITES = {
    False: "The primary was asked: drafts have no way to write there",
    True: "The role that writes drafts could write in the primary as well",
    None: "Nobody could be asked: these databases know no roles, or one is silent",
}
# What has to hold, and how it is looked at; whether it does is for _shown to say.
AREA_WORDS = {
    AREAS[0]: (
        "Drafting must not reach what runs in production.",
        "A draft is only ever read by people until a rollout has been approved.",
    ),
    AREAS[1]: ("Drafts must live in a store of their own.", "Which database is which is asked of the databases, not of their addresses."),
    AREAS[2]: (
        "Anybody must be able to check a receipt, without us.",
        "The key that signs is tried against the keys that are published.",
    ),
    AREAS[3]: (
        "A rollout must need people who answer for it.",
        "Owner, environment, SLA, rollback and support are confirmed before a review begins.",
    ),
}
# The worst first.
SHOWN = (
    (Result.BLOCK, "It does not hold now: 1 check blocks.", "It does not hold now: {} checks block."),
    (
        Result.UNKNOWN,
        "Whether it holds cannot be told now: 1 check has no answer.",
        "Whether it holds cannot be told now: {} checks have no answer.",
    ),
    (Result.WARN, "Not all of it is shown: 1 check warns.", "Not all of it is shown: {} checks warn."),
    (
        Result.NOT_APPLICABLE,
        "It holds as far as can be asked here: 1 check does not apply.",
        "It holds as far as can be asked here: {} checks do not apply.",
    ),
)
ATTENTION = (Result.BLOCK, Result.UNKNOWN, Result.WARN)
# Who clears a check; whoever runs the installation, unless it takes rights in a database that they may not have.
OPERATOR, ADMINISTRATOR = "an operator", "an administrator of the databases"
BY_ADMINISTRATOR = frozenset({"production_write", "no_way_in", "role_powers", "side_doors", "guards_stand", "writable"})

STEPS = (
    (
        SCOPE,
        "1. Scope",
        "Map one path that leads to production. You get a draft boundary object, with the addresses and header names of the API.",
    ),
    (REVIEW, "2. Review", "Ask for a deployment review. That records what you intend and touches nothing that runs."),
    (
        DEPLOY,
        "3. Deploy",
        "A rollout follows only when owner, environment, SLA, rollback and support are confirmed and the reviewers agree.",
    ),
    (CONTINUE, "4. Continue", "Once approved, go on with this path, or expand it by further moves."),
)
VERDICT_WORDS = {READY: "Ready for review", BLOCKED: "Blocked", UNKNOWN: "Cannot be told"}
CHECK_WORDS = {"block": "blocks", "unknown": "cannot be told", CLEAR: "clear"}
# Shut on every doubt: no answer, a redirect, a page instead of JSON, another word. Our JSON has one member in a line.
CI_SNIPPET = """#!/bin/sh
# Exits with 0 only while the installation says ready_for_review.
answer=$(curl --fail --silent --show-error --max-time 10 \\
  {url}) || exit 1
printf '%s\\n' "$answer" |
  grep -qx '  "status": "ready_for_review"' ||
  {{ echo 'not ready for review' >&2; exit 1; }}
"""

ROLLOUT_GATES = (
    {
        "title": "Draft coverage",
        "owner": "An owner of the partner",
        "criteria": (
            "One coverage plan names the partner, gate type, system scope, authority context and external reference.",
            "Every further path is appended as an expansion move; a correction is a move of its own.",
        ),
    },
    {
        "title": "Security review",
        "owner": "The groups that the environment's policy names",
        "criteria": (
            "Every seat of every rule is filled by somebody who neither wrote, confirmed nor requested anything in the packet.",
            "All votes quote the digest of the packet under review.",
        ),
    },
    {
        "title": "Staging validation",
        "owner": "An owner of the partner, and the operator who pins whose receipts count",
        "criteria": (
            "A receipt of the staging installation is handed in: its verdict is allow, its environment is staging, and it is in date.",
            "It verifies with the keys and the issuer that an operator pinned, and names every subject of the review request.",
        ),
    },
    {
        "title": "Production deployment",
        "owner": "Whoever runs the rollout",
        "criteria": (
            "The gate answers that the plan may launch to this environment, with a receipt that verifies offline.",
            "All five confirmations are in date, and the installation itself is ready.",
        ),
    },
)

# A gate's state → the colour of its word, and the word.
GATE_WORDS = {rollout.MET: ("done", "Met"), rollout.NOT_MET: ("todo", "Not met"), rollout.NOT_NEEDED: ("not_applicable", "Not needed")}

PROBLEM_WORDS = {
    400: "A field or parameter is unknown, missing or wrong. Each error names it by JSON pointer.",
    401: "The call has no token, or one that is unknown, expired or revoked.",
    403: "You may see this, and may not do that. Each error says who can.",
    404: "It does not exist, or it is not yours to see.",
    405: "The route exists and takes other methods; Allow lists them.",
    409: "A guard is not met, or the state does not allow it. Each error says what would clear it.",
    412: "The version or digest that you quote is not the current one. Read again, then decide again.",
    413: "The body is larger than 64 KiB.",
    415: "Bodies are JSON here and forms on the pages; files are taken nowhere.",
    422: "The idempotency key was used for another request.",
    428: "Send If-Match with the ETag that you last read.",
    429: "Too many calls; Retry-After says when to come back.",
    500: "A fault on our side; quote the request id.",
    503: "A database or the signing key is away and nothing was changed; Retry-After says when to try again.",
}
PROBLEMS = [(slug, status, title, PROBLEM_WORDS[status]) for status, (slug, title) in TITLES.items()]


def page(found: Readiness, *, history: History | None = None, work: Work | None = None, issuer: str = "") -> dict:
    """The context of the readiness page. `history` None: it cannot be read; `work`: where the signed-in owner is."""
    attention = found.blocking or found.unanswered
    return {
        "section": "readiness",
        "readiness": found,
        "verdict": VERDICTS[found.status],
        "can_continue": CAN_CONTINUE[found.status],
        "attention": [(finding, _who_clears(finding), typed(finding.remedy)) for finding in attention],
        "next": attention[0] if attention else None,
        "draft_store": ISOLATION[found.answer["draft_store_isolation"]],
        "store_requirement": _requirement(found.answer),
        "production_writes": WRITES[found.answer["production_write_from_self_service"]],
        "launch_gate": _launch_gate(found),
        "areas": [_area(number, title, found) for number, title in enumerate(AREAS, 1)],
        "steps": STEPS,
        "work": work,
        "json": json_text(found),
        "ci_snippet": ci_snippet(issuer),
        "history": history and _history(history),
    }


def _who_clears(finding: Finding) -> str:
    return ADMINISTRATOR if finding.id in BY_ADMINISTRATOR else OPERATOR


def ci_snippet(issuer: str) -> str:
    """A shell script for a pipeline. The address is the installation's own, never what a request called it."""
    return CI_SNIPPET.format(url=shlex.quote(f"{issuer.rstrip('/')}/api/v1/readiness"))


def _history(history: History) -> dict:
    rows = [(change, VERDICT_WORDS[change.status], [_cause(each) for each in change.cause]) for change in history.changes]
    return {"rows": rows, "segments": [(segment, VERDICT_WORDS[segment.change.status]) for segment in history.segments]}


def _cause(each: dict[str, str]) -> str:
    return f"{each['title']}: {CHECK_WORDS[each['was']]} before, {CHECK_WORDS[each['now']]} now. {each['evidence']}"


def progress(found: rollout.Progress) -> dict:
    """One review request on the page of the rollout gates."""
    titled = zip(ROLLOUT_GATES, found.gates, strict=True)
    gates = [(gate["title"], live, *GATE_WORDS[live.state]) for gate, live in titled]
    return {"request": found.review_request, "state": found.state, "word": State(found.state).label, "owned": found.owned, "gates": gates}


def board(found: rollout.Board) -> dict:
    """The page's list of requests, and the gates of the one that is looked at."""
    return {
        "listed": [(each, State(each.state_now).label) for each in found.listed],
        "after": found.after,
        "one": progress(found.shown) if found.shown else None,
    }


def _requirement(answer: dict) -> str:
    if answer["require_self_service_database_url"]:
        return "A dedicated store is required; without one the service does not start"
    if answer["production_like"]:
        return "A dedicated store must be required here, and is not"
    return "Not required in this environment; required before production"


def _launch_gate(found: Readiness) -> str:
    """The database gate is one part; whatever else blocks shuts launches as well."""
    passes = found.answer["launch_gate"]["passes_enterprise_db_gate"]
    words = "The database gate is passed" if passes else "The database gate is not passed"
    if found.status == READY:
        return words if passes else f"{words}; this environment does not ask for it"
    return f"{words}; launches are shut {'by what blocks' if found.status == BLOCKED else 'until every check has an answer'}"


def typed(remedy: str) -> list[tuple[str, bool]]:
    """The parts of a remedy, and whether each stands between backquotes: something to type."""
    return [(words, bool(number % 2)) for number, words in enumerate(remedy.split("`")) if words]


def _shown(findings: list[Finding]) -> str:
    """Whether the findings show what their area asks for: the worst of them decides."""
    for result, one, many in SHOWN:
        if count := sum(finding.result == result for finding in findings):
            return one if count == 1 else many.format(count)
    return "It holds: every check here passes."


def _area(number: int, title: str, found: Readiness) -> dict:
    """One panel: it opens itself only when something in it needs attention."""
    findings: list[Finding] = [finding for finding in found.findings if finding.area == title]
    passed = sum(finding.result == Result.PASS for finding in findings)
    lead, claim = AREA_WORDS[title]
    return {
        "number": f"{number:02}",
        "title": title,
        "lead": lead,
        "claim": claim,
        "shown": _shown(findings),
        "findings": [(finding, typed(finding.remedy)) for finding in findings],
        "passed": passed,
        "total": len(findings),
        "open": any(finding.result in ATTENTION for finding in findings),
    }
