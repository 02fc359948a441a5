"""Random verbs by random people against a small model that shares no code with the verbs."""

from contextlib import suppress
from itertools import permutations

import pytest
from django.contrib.auth.models import Group
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from config.refusals import Refused
from drafts.coverage import append_move
from receipts.models import Receipt
from reviews import decisions
from reviews.models import DeploymentReviewRequest
from tests.factories import CONFIRMATION_FIELDS, actor, confirm_all
from tests.invariants import assert_consistent
from tests.reviews.machine.cast import MOVE, Cast

STEPS, EXAMPLES = 30, 30
OWNERS = ("requester", "owner", "release_owner")
VOTERS = ("release", "release", "security", "security", "both", "release_owner", "release_author", "superuser", "owner")
CHOICES = ("approve",) * 6 + ("request_changes", "reject")
ALL = tuple(CONFIRMATION_FIELDS)
OPEN = ("draft", "review_requested", "changes_requested")


class Model:
    """What product.md says about one plan and one environment with the rules 1 release and 1 security."""

    def __init__(self, groups: dict[str, set[str]]) -> None:
        self.groups = groups
        self.authors = {"requester", "release_author"}
        self.open_anew()

    def open_anew(self, by: str = "requester") -> None:
        self.state, self.revision, self.confirmed_by, self.asked_by, self.approvals = "draft", 0, {}, None, set()
        self.opened_by = by

    def hands(self) -> set[str]:
        return self.authors | {self.opened_by} | set(self.confirmed_by.values()) | {self.asked_by}

    def filled(self, people: set[str]) -> bool:
        found = [self.groups[name] for name in people]
        return any("release" in one and "security" in other for one, other in permutations(found, 2))

    def fillable(self, by: str) -> bool:
        return self.filled({name for name, groups in self.groups.items() if groups} - self.hands() - {by})

    def may_vote(self, who: str, digest_is_current: bool) -> bool:
        return self.state == "review_requested" and bool(self.groups.get(who)) and who not in self.frozen_hands and digest_is_current

    def approve(self, who: str) -> None:
        self.approvals.add(who)
        if self.filled({name for name in self.approvals if self.groups[name]}):
            self.state = "approved"


class Machine(RuleBasedStateMachine):
    cast: Cast = None
    taken = 0
    reached: set[str] = set()

    @initialize()
    def begin(self) -> None:
        self.undo = [transaction.atomic(using="default"), transaction.atomic(using="self_service")]
        for block in self.undo:
            block.__enter__()
        people = self.cast.people
        self.model = Model({name: {group.name for group in user.groups.all()} & {"release", "security"} for name, user in people.items()})
        self.request = decisions.open_request(actor(self.cast.owner), plan_id=self.cast.plan.pk, environment_slug="production")
        self.digests = []
        self.confirm("requester", ALL)
        self.request_review("requester")

    def teardown(self) -> None:
        for alias, block in zip(("self_service", "default"), reversed(getattr(self, "undo", [])), strict=False):
            transaction.set_rollback(True, using=alias)
            block.__exit__(None, None, None)

    def attempt(self, allowed: bool, call) -> bool:
        """The verb must agree with the model, one way and the other."""
        type(self).taken += 1
        done = False
        with suppress(Refused):
            call()
            done = True
        assert done == allowed, (done, vars(self.model))
        return done

    @rule(by=st.sampled_from(OWNERS), kinds=st.sampled_from((ALL, ALL, ALL[:3], ALL[2:])))
    def confirm(self, by, kinds) -> None:
        allowed = self.model.state in ("draft", "changes_requested")
        others = tuple(set(ALL) - set(kinds))
        if self.attempt(allowed, lambda: confirm_all(self.cast.people[by], self.request, but=others)):
            self.model.confirmed_by |= dict.fromkeys(kinds, by)

    @rule(by=st.sampled_from((*OWNERS, *OWNERS, "viewer", "release")))
    def request_review(self, by) -> None:
        model = self.model
        ready = len(model.confirmed_by) == 5 and model.fillable(by)
        allowed = by in OWNERS and model.state in ("draft", "changes_requested") and ready
        if self.attempt(allowed, lambda: decisions.request_review(self.cast.actor(by), self.request.pk)):
            model.state, model.asked_by, model.approvals = "review_requested", by, set()
            model.revision += 1
            model.frozen_hands = model.hands()
            self.digests.append(DeploymentReviewRequest.objects.get(pk=self.request.pk).digest)

    @rule(by=st.sampled_from(VOTERS), choice=st.sampled_from(CHOICES), age=st.sampled_from((1, 1, 1, 2)))
    def vote(self, by, choice, age) -> None:
        model = self.model
        digest = self.digests[-age] if len(self.digests) >= age else "0" * 64
        allowed = model.revision > 0 and model.may_vote(by, digest == self.digests[-1])
        allowed = allowed and not (choice == "approve" and by in model.approvals)
        call = lambda: decisions.vote(self.cast.actor(by), self.request.pk, choice=choice, digest=digest, comment="why")  # noqa: E731
        if self.attempt(allowed, call):
            if choice == "approve":
                model.approve(by)
            else:
                model.state = "changes_requested" if choice == "request_changes" else "rejected"

    @rule(by=st.sampled_from(("release", "security", "both")))
    def approve(self, by) -> None:
        self.vote(by, "approve", 1)

    @rule(by=st.sampled_from(("security", "both")), choice=st.sampled_from(("request_changes", "reject")))
    def turn_down(self, by, choice) -> None:
        self.vote(by, choice, 1)

    @rule(by=st.sampled_from(OWNERS))
    def put_up(self, by) -> None:
        """Open anew where it has ended, confirm and request: the three that seldom meet by chance."""
        if self.model.state not in (*OPEN, "approved"):
            self.open(by)
        if self.model.state in ("draft", "changes_requested"):
            self.confirm("requester", ALL)
            self.request_review(by)

    @rule(by=st.sampled_from(OWNERS), verb=st.sampled_from(("recall",) * 5 + ("withdraw",)))
    def take_back(self, by, verb) -> None:
        allowed = self.model.state == "review_requested" if verb == "recall" else self.model.state in OPEN
        comment = {} if verb == "recall" else {"comment": "why"}
        if self.attempt(allowed, lambda: getattr(decisions, verb)(self.cast.actor(by), self.request.pk, **comment)):
            self.model.state = "draft" if verb == "recall" else "withdrawn"

    @rule(by=st.sampled_from(("owner", "operator", "security", "viewer", "auditor")))
    def revoke(self, by) -> None:
        may = by in ("owner", "operator") or bool(self.model.groups[by])
        if self.attempt(
            may and self.model.state == "approved", lambda: decisions.revoke(self.cast.actor(by), self.request.pk, comment="stop")
        ):
            self.model.state = "revoked"

    @rule(by=st.sampled_from(OWNERS))
    def open(self, by) -> None:
        call = lambda: decisions.open_request(self.cast.actor(by), plan_id=self.cast.plan.pk, environment_slug="production")  # noqa: E731
        if self.attempt(self.model.state not in OPEN, call):
            self.request = DeploymentReviewRequest.objects.order_by("-created_at", "-version").get(state__in=OPEN)
            self.model.open_anew(by)
            self.digests = []

    @rule(by=st.sampled_from(OWNERS))
    def append(self, by) -> None:
        closed = self.model.state in ("review_requested", "approved")
        standing = DeploymentReviewRequest.objects.filter(state="approved").exclude(pk=self.request.pk).exists()
        if standing:
            return  # an older approval may hold the plan; test_lifecycle.py has that
        if self.attempt(not closed, lambda: append_move(self.cast.actor(by), self.cast.plan.pk, fields=MOVE)):
            self.model.authors.add(by)

    @rule(who=st.sampled_from(("release", "security", "both", "release_owner")), group=st.sampled_from(("release", "security")))
    def join_or_leave(self, who, group) -> None:
        groups = self.model.groups[who]
        change = self.cast.people[who].groups.remove if group in groups else self.cast.people[who].groups.add
        change(Group.objects.get(name=group))
        groups.symmetric_difference_update({group})

    @invariant()
    def the_request_is_where_the_model_is(self) -> None:
        if hasattr(self, "model"):
            found = DeploymentReviewRequest.objects.get(pk=self.request.pk)
            assert (found.state, found.revision) == (self.model.state, self.model.revision)
            self.reached.add(found.state)
            assert Receipt.objects.filter(request_id=found.pk).exists() == (found.state in ("approved", "rejected", "revoked"))
            assert_consistent()


@pytest.mark.usefixtures("both_stores")
def test_W01_random_verbs_agree_with_the_model():
    cast = Cast()
    cast.people["both"] = type(cast.owner).objects.create_user("both", password="not-used-anywhere")
    cast.people["both"].groups.set(Group.objects.filter(name__in=("release", "security")))
    Machine.cast = cast
    budget = settings(max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(Machine, settings=budget)
    assert Machine.taken > EXAMPLES * STEPS // 4
    assert "approved" in Machine.reached
    assert len(Machine.reached) >= 5
    assert not DeploymentReviewRequest.objects.exists()
