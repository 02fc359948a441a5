"""The tables of reviews, in the draft store: what operators say, requests, votes, events, and what is told to others."""

# ruff: noqa: F401  (they are imported from here)

from reviews.models.environments import (
    Environment,
    FreezeEnd,
    FreezeWindow,
    Outcome,
    PolicyOutcome,
    ReviewPolicy,
    StagingPin,
)
from reviews.models.events import ActingRole, Chain, Denial, Event
from reviews.models.outbox import Channel, DeliveryAttempt, OutboxMessage, OutboxStatus, WebhookEndpoint
from reviews.models.requests import (
    LAPSING_STATES,
    OPEN_STATES,
    Confirmation,
    DeploymentReviewRequest,
    Kind,
    Packet,
    StagingValidation,
    State,
)
from reviews.models.votes import APPROVING, Choice, Decision, Vote
