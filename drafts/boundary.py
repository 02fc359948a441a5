"""The boundary object: what a host gets for one drafted path, with the API access context and never a secret."""

from drafts.models import CoveragePlan, ExpansionMove
from drafts.sections import coverage, moves_section

SCHEMA = "readiness.boundary_object.v1"


def boundary_object(plan: CoveragePlan, moves: list[ExpansionMove], *, base_url: str) -> dict:
    """The draft boundary object of a plan read with `as_of_now()`. `base_url`: this installation's address, without a slash at the end."""
    return {
        "schema": SCHEMA,
        "plan": str(plan.pk),
        "name": plan.name,
        "state": plan.state_now,
        "version": plan.version,
        "production_write": False,
        "boundary": {"partner": plan.partner.slug, "external_reference": plan.external_reference, **coverage(plan)},
        "moves": moves_section(moves),
        "api_access": {
            "plan_url": f"{base_url}/api/v1/plans/{plan.pk}/",
            "moves_url": f"{base_url}/api/v1/plans/{plan.pk}/moves/",
            "review_requests_url": f"{base_url}/api/v1/review-requests/",
            "gate_url": f"{base_url}/api/v1/gate/",
            "jwks_url": f"{base_url}/protocol/v1/jwks.json",
            "headers": ["Authorization", "If-Match"],
            "authorization_scheme": "Token",
        },
    }
