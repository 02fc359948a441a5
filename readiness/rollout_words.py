"""The page of the rollout gates in words: each gate with its owner and criteria, and where the requests of a reader stand."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from readiness import rollout
from reviews.models import State

ROLLOUT_GATES = (
    {
        "title": gettext_noop("Draft coverage"),
        "owner": gettext_noop("An owner of the partner"),
        "criteria": (
            gettext_noop("One coverage plan names the partner, gate type, system scope, authority context and external reference."),
            gettext_noop("Every further path is appended as an expansion move; a correction is a move of its own."),
        ),
    },
    {
        "title": gettext_noop("Security review"),
        "owner": gettext_noop("The groups that the environment's policy names"),
        "criteria": (
            gettext_noop(
                "Every seat of every rule is filled by somebody who neither wrote, confirmed nor requested anything in the packet."
            ),
            gettext_noop("All votes quote the digest of the packet under review."),
        ),
    },
    {
        "title": gettext_noop("Staging validation"),
        "owner": gettext_noop("An owner of the partner, and the operator who pins whose receipts count"),
        "criteria": (
            gettext_noop(
                "A receipt of the staging installation is handed in: its verdict is allow, its environment is staging, and it is in date."
            ),
            gettext_noop(
                "It verifies with the keys and the issuer that an operator pinned, and names every subject of the review request."
            ),
        ),
    },
    {
        "title": gettext_noop("Production deployment"),
        "owner": gettext_noop("Whoever runs the rollout"),
        "criteria": (
            gettext_noop("The gate answers that the plan may launch to this environment, with a receipt that verifies offline."),
            gettext_noop("All five confirmations are in date, and the installation itself is ready."),
        ),
    },
)

# A gate's state → the colour of its word; and the word.
GATE_COLOURS = {rollout.MET: "done", rollout.NOT_MET: "todo", rollout.NOT_NEEDED: "not_applicable"}
GATE_WORDS = {rollout.MET: gettext_noop("Met"), rollout.NOT_MET: gettext_noop("Not met"), rollout.NOT_NEEDED: gettext_noop("Not needed")}


def progress(found: rollout.Progress) -> dict:
    """One review request on the page of the rollout gates."""
    titled = zip(ROLLOUT_GATES, found.gates, strict=True)
    gates = [(_(gate["title"]), live, GATE_COLOURS[live.state], _(GATE_WORDS[live.state])) for gate, live in titled]
    return {
        "request": found.review_request,
        "state": found.state,
        "word": _(State(found.state).label),
        "owned": found.owned,
        "gates": gates,
    }


def board(found: rollout.Board) -> dict:
    """The page's list of requests, and the gates of the one that is looked at."""
    return {
        "listed": [(each, _(State(each.state_now).label)) for each in found.listed],
        "after": found.after,
        "one": progress(found.shown) if found.shown else None,
    }
