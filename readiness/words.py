"""The readiness page in words: every sentence follows from a finding or a fact, none stands by itself.

What a check says is the same in every channel and in the record, so it is not translated.
"""

import shlex

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext_lazy

from config.errors import TITLES
from readiness.gate import BLOCKED, READY, UNKNOWN, Readiness, json_text
from readiness.history import CLEAR, History
from readiness.journey import CONTINUE, DEPLOY, REVIEW, SCOPE, Work
from readiness.registry import AREAS, Finding, Result

VERDICTS = {
    READY: gettext_noop("Nothing shuts the gate. Drafts may be put up for review."),
    BLOCKED: gettext_noop("Something shuts the gate. It is named below, with what opens it."),
    "unknown": gettext_noop("It cannot be told right now, and doubt counts as no."),
}
CAN_CONTINUE = {
    READY: gettext_noop("Yes: plans can be drafted and reviewed"),
    BLOCKED: gettext_noop("No: a blocker has to be cleared first"),
    "unknown": gettext_noop("Not until every check has an answer"),
}
ISOLATION = {
    "dedicated": gettext_noop("Drafts have a database of their own; both databases were asked and differ"),
    "shared": gettext_noop("Drafts share the primary's database, in a place of their own"),
    "unavailable": gettext_noop("A database does not answer, so isolation cannot be shown"),
}
WRITES = {
    False: gettext_noop("The primary was asked: drafts have no way to write there"),
    True: gettext_noop("The role that writes drafts could write in the primary as well"),
    None: gettext_noop("Nobody could be asked: these databases know no roles, or one is silent"),
}
# What has to hold, and how it is looked at; whether it does is for _shown to say.
AREA_WORDS = {
    AREAS[0]: (
        gettext_noop("Drafting must not reach what runs in production."),
        gettext_noop("A draft is only ever read by people until a rollout has been approved."),
    ),
    AREAS[1]: (
        gettext_noop("Drafts must live in a store of their own."),
        gettext_noop("Which database is which is asked of the databases, not of their addresses."),
    ),
    AREAS[2]: (
        gettext_noop("Anybody must be able to check a receipt, without us."),
        gettext_noop("The key that signs is tried against the keys that are published."),
    ),
    AREAS[3]: (
        gettext_noop("A rollout must need people who answer for it."),
        gettext_noop("Owner, environment, SLA, rollback and support are confirmed before a review begins."),
    ),
}
# The worst first.
SHOWN = (
    (
        Result.BLOCK,
        ngettext_lazy("It does not hold now: %(count)d check blocks.", "It does not hold now: %(count)d checks block.", "count"),
    ),
    (
        Result.UNKNOWN,
        ngettext_lazy(
            "Whether it holds cannot be told now: %(count)d check has no answer.",
            "Whether it holds cannot be told now: %(count)d checks have no answer.",
            "count",
        ),
    ),
    (
        Result.WARN,
        ngettext_lazy("Not all of it is shown: %(count)d check warns.", "Not all of it is shown: %(count)d checks warn.", "count"),
    ),
    (
        Result.NOT_APPLICABLE,
        ngettext_lazy(
            "It holds as far as can be asked here: %(count)d check does not apply.",
            "It holds as far as can be asked here: %(count)d checks do not apply.",
            "count",
        ),
    ),
)
ATTENTION = (Result.BLOCK, Result.UNKNOWN, Result.WARN)
# Who clears a check; whoever runs the installation, unless it takes rights in a database that they may not have.
OPERATOR, ADMINISTRATOR = gettext_noop("an operator"), gettext_noop("an administrator of the databases")
BY_ADMINISTRATOR = frozenset({"production_write", "no_way_in", "role_powers", "side_doors", "guards_stand", "writable"})

STEPS = (
    (
        SCOPE,
        gettext_noop("1. Scope"),
        gettext_noop(
            "Map one path that leads to production. You get a draft boundary object, with the addresses and header names of the API."
        ),
    ),
    (
        REVIEW,
        gettext_noop("2. Review"),
        gettext_noop("Ask for a deployment review. That records what you intend and touches nothing that runs."),
    ),
    (
        DEPLOY,
        gettext_noop("3. Deploy"),
        gettext_noop("A rollout follows only when owner, environment, SLA, rollback and support are confirmed and the reviewers agree."),
    ),
    (CONTINUE, gettext_noop("4. Continue"), gettext_noop("Once approved, go on with this path, or expand it by further moves.")),
)
VERDICT_WORDS = {READY: gettext_noop("Ready for review"), BLOCKED: gettext_noop("Blocked"), UNKNOWN: gettext_noop("Cannot be told")}
CHECK_WORDS = {"block": gettext_noop("blocks"), "unknown": gettext_noop("cannot be told"), CLEAR: gettext_noop("clear")}
# Shut on every doubt: no answer, a redirect, a page instead of JSON, another word. Our JSON has one member in a line.
CI_SNIPPET = """#!/bin/sh
# Exits with 0 only while the installation says ready_for_review.
answer=$(curl --fail --silent --show-error --max-time 10 \\
  {url}) || exit 1
printf '%s\\n' "$answer" |
  grep -qx '  "status": "ready_for_review"' ||
  {{ echo 'not ready for review' >&2; exit 1; }}
"""

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
        "verdict": _(VERDICTS[found.status]),
        "can_continue": _(CAN_CONTINUE[found.status]),
        "attention": [(finding, _who_clears(finding), typed(finding.remedy)) for finding in attention],
        "next": attention[0] if attention else None,
        "draft_store": _(ISOLATION[found.answer["draft_store_isolation"]]),
        "store_requirement": _requirement(found.answer),
        "production_writes": _(WRITES[found.answer["production_write_from_self_service"]]),
        "launch_gate": _launch_gate(found),
        "areas": [_area(number, title, found) for number, title in enumerate(AREAS, 1)],
        "steps": [(step, _(title), _(text)) for step, title, text in STEPS],
        "work": work,
        "json": json_text(found),
        "ci_snippet": ci_snippet(issuer),
        "history": history and _history(history),
    }


def _who_clears(finding: Finding) -> str:
    return _(ADMINISTRATOR if finding.id in BY_ADMINISTRATOR else OPERATOR)


def ci_snippet(issuer: str) -> str:
    """A shell script for a pipeline. The address is the installation's own, never what a request called it."""
    return CI_SNIPPET.format(url=shlex.quote(f"{issuer.rstrip('/')}/api/v1/readiness"))


def _history(history: History) -> dict:
    rows = [(change, _(VERDICT_WORDS[change.status]), [_cause(each) for each in change.cause]) for change in history.changes]
    return {"rows": rows, "segments": [(segment, _(VERDICT_WORDS[segment.change.status])) for segment in history.segments]}


def _cause(each: dict[str, str]) -> str:
    turned = {"title": each["title"], "was": _(CHECK_WORDS[each["was"]]), "now": _(CHECK_WORDS[each["now"]])}
    return _("%(title)s: %(was)s before, %(now)s now.") % turned + f" {each['evidence']}"


def _requirement(answer: dict) -> str:
    if answer["require_self_service_database_url"]:
        return _("A dedicated store is required; without one the service does not start")
    if answer["production_like"]:
        return _("A dedicated store must be required here, and is not")
    return _("Not required in this environment; required before production")


def _launch_gate(found: Readiness) -> str:
    """The database gate is one part; whatever else blocks shuts launches as well."""
    passes = found.answer["launch_gate"]["passes_enterprise_db_gate"]
    words = _("The database gate is passed") if passes else _("The database gate is not passed")
    if found.status == READY:
        return words if passes else _("%(passed)s; this environment does not ask for it") % {"passed": words}
    shut = (
        _("%(passed)s; launches are shut by what blocks")
        if found.status == BLOCKED
        else _("%(passed)s; launches are shut until every check has an answer")
    )
    return shut % {"passed": words}


def typed(remedy: str) -> list[tuple[str, bool]]:
    """The parts of a remedy, and whether each stands between backquotes: something to type."""
    return [(words, bool(number % 2)) for number, words in enumerate(remedy.split("`")) if words]


def _shown(findings: list[Finding]) -> str:
    """Whether the findings show what their area asks for: the worst of them decides."""
    for result, words in SHOWN:
        if count := sum(finding.result == result for finding in findings):
            return words % {"count": count}
    return _("It holds: every check here passes.")


def _area(number: int, title: str, found: Readiness) -> dict:
    """One panel: it opens itself only when something in it needs attention."""
    findings: list[Finding] = [finding for finding in found.findings if finding.area == title]
    passed = sum(finding.result == Result.PASS for finding in findings)
    lead, claim = AREA_WORDS[title]
    return {
        "number": f"{number:02}",
        "title": title,
        "lead": _(lead),
        "claim": _(claim),
        "shown": _shown(findings),
        "findings": [(finding, typed(finding.remedy)) for finding in findings],
        "passed": passed,
        "total": len(findings),
        "open": any(finding.result in ATTENTION for finding in findings),
    }
