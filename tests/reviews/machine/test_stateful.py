"""Random verbs by random people on one plan and two environments, under policies that change, against a small model that shares no code."""

import os
from contextlib import suppress
from dataclasses import replace
from math import ceil

import pytest
from django.contrib.auth.models import Group
from django.db import transaction
from django_otp.plugins.otp_totp.models import TOTPDevice
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from access.models import User
from config.refusals import Refused
from drafts.coverage import append_move, edit_plan
from drafts.models import CoveragePlan
from receipts.models import Receipt
from reviews import decisions, policies
from reviews.lifecycle import expire
from reviews.models import Decision, DeploymentReviewRequest, Environment, Vote
from tests.clock import lapse
from tests.factories import CONFIRMATION_FIELDS, confirm_all, make_environment, make_user
from tests.invariants import assert_consistent
from tests.reviews.machine.cast import MOVE, Cast
from tests.reviews.machine.model import EDITABLE, FIRST, KINDS, OPEN, Asked, Model, Rules

# A few hundred steps in every test run, 10,000 and more by `make machine`.
WANTED = int(os.environ.get("MACHINE_STEPS", 500))
STEPS = 40
OWNERS = ("requester", "owner", "release_owner")
VOTERS = ("release", "release", "security", "security", "both", "both", "release_owner", "release_author", "superuser", "owner")
ALL = tuple(CONFIRMATION_FIELDS)
ENDS = ("approved", "rejected", "withdrawn", "expired", "revoked")
environments = st.sampled_from(("production", "production", "staging"))
owners, voters = st.sampled_from(OWNERS), st.sampled_from(VOTERS)
fresh = st.sampled_from((True, True, True, False))
SEATS = (("release", "security"), ("release", "security"), ("release",), ("security",), ("release", "release"), ("security", "release"))
versions = st.builds(Rules, st.sampled_from(SEATS), fresh, fresh.map(lambda plain: not plain))


class Machine(RuleBasedStateMachine):
    cast: Cast = None
    taken = 0
    reached: set = set()
    apps: dict = {}

    @initialize()
    def begin(self) -> None:
        self.undo = [transaction.atomic(using="default"), transaction.atomic(using="self_service")]
        for block in self.undo:
            block.__enter__()
        people = self.cast.people
        self.model = Model({name: {group.name for group in user.groups.all()} & {"release", "security"} for name, user in people.items()})
        self.open("requester", "production", False)
        self.confirm("requester", "production", ALL, True)
        self.request_review("requester", "production", True)

    def teardown(self) -> None:
        for alias, block in zip(("self_service", "default"), reversed(getattr(self, "undo", [])), strict=False):
            transaction.set_rollback(True, using=alias)
            block.__exit__(None, None, None)

    # --- what every rule does -------------------------------------------------------------------------------------------------------

    def attempt(self, allowed: bool, call) -> bool:
        """The verb must agree with the model, one way and the other."""
        type(self).taken += 1
        done = False
        with suppress(Refused):
            call()
            done = True
        assert done == allowed, (done, vars(self.model))
        return done

    def asked(self, environment: str) -> Asked | None:
        return self.model.newest(environment)

    def version(self, asked: Asked, is_fresh: bool) -> int:
        """The one that is stored, or one that somebody read before a change."""
        return DeploymentReviewRequest.objects.get(pk=asked.key).version - (not is_fresh)

    # --- owners ---------------------------------------------------------------------------------------------------------------------

    @rule(by=owners, environment=environments, continues=st.booleans())
    def open(self, by, environment, continues) -> None:
        earlier = self.model.requests[-1] if continues and self.model.requests else None
        said = {"environment_slug": environment, "predecessor_id": earlier.key if earlier else None}
        made = []
        call = lambda: made.append(decisions.open_request(self.cast.actor(by), plan_id=self.cast.plan.pk, **said))  # noqa: E731
        if self.attempt(self.model.may_open(environment, earlier), call):
            lapsed = [asked for asked in self.model.requests if asked.environment == environment and not asked.written]
            for asked in lapsed:
                asked.written = True
            self.model.requests.append(Asked(made[0].pk, environment, by))
            # A new draft alone changes nothing of what the plan rests on: one that was expanded stays a draft.
            if lapsed:
                self.model.carry()

    @rule(by=owners, environment=environments, kinds=st.sampled_from((ALL, ALL, ALL[:3], ALL[2:])), is_fresh=fresh)
    def confirm(self, by, environment, kinds, is_fresh) -> None:
        if asked := self.asked(environment):
            found = DeploymentReviewRequest.objects.get(pk=asked.key)
            others = tuple(KINDS - set(kinds))
            call = lambda: confirm_all(self.cast.people[by], found, but=others)  # noqa: E731
            if not is_fresh:
                said = {"fields": CONFIRMATION_FIELDS["sla"], "valid_until": "2099-01-01T00:00:00Z", "version": self.version(asked, False)}
                call = lambda: decisions.confirm(self.cast.actor(by), asked.key, "sla", **said)  # noqa: E731
            if self.attempt(asked.state in EDITABLE and is_fresh, call):
                asked.confirmed_by |= dict.fromkeys(kinds, by)

    @rule(by=owners, environment=environments, is_fresh=fresh)
    def edit_subject(self, by, environment, is_fresh) -> None:
        if asked := self.asked(environment):
            subject = [{"name": "payments", "digest": {"sha256": f"{type(self).taken:064x}"}}]
            said = {"subject": subject, "version": self.version(asked, is_fresh)}
            if self.attempt(asked.state in EDITABLE and is_fresh, lambda: decisions.edit_subject(self.cast.actor(by), asked.key, **said)):
                asked.edited_by.add(by)

    @rule(by=st.sampled_from((*OWNERS, *OWNERS, "viewer", "release")), environment=environments, is_fresh=fresh)
    def request_review(self, by, environment, is_fresh) -> None:
        if asked := self.asked(environment):
            allowed = by in OWNERS and is_fresh and self.model.may_request(asked, by)
            said = {"version": self.version(asked, is_fresh)}
            if self.attempt(allowed, lambda: decisions.request_review(self.cast.actor(by), asked.key, **said)):
                for one in self.model.requests:
                    one.written |= one.environment == environment
                self.model.request_review(asked, by, DeploymentReviewRequest.objects.get(pk=asked.key).digest)

    @rule(by=owners, environment=environments, verb=st.sampled_from(("recall",) * 3 + ("withdraw",)), is_fresh=fresh)
    def take_back(self, by, environment, verb, is_fresh) -> None:
        if asked := self.asked(environment):
            allowed = is_fresh and (asked.state == "review_requested" if verb == "recall" else asked.is_open)
            said = {"version": self.version(asked, is_fresh)} | ({} if verb == "recall" else {"comment": "why"})
            if self.attempt(allowed, lambda: getattr(decisions, verb)(self.cast.actor(by), asked.key, **said)):
                self.model.end(asked, "draft" if verb == "recall" else "withdrawn")

    @rule(by=owners, environment=environments)
    def put_up(self, by, environment) -> None:
        """Open anew where it has ended, confirm and request: the three that seldom meet by chance."""
        asked = self.asked(environment)
        if asked is None or not asked.is_open:
            self.open(by, environment, False)
            asked = self.asked(environment)
        if asked.state in EDITABLE:
            self.confirm("requester", environment, ALL, True)
            self.request_review(by, environment, True)

    @rule(by=owners, move=st.booleans())
    def edit_the_plan(self, by, move) -> None:
        call = {
            True: lambda: append_move(self.cast.actor(by), self.cast.plan.pk, fields=MOVE),
            False: lambda: edit_plan(self.cast.actor(by), self.cast.plan.pk, fields={"name": f"Edited {type(self).taken}"}),
        }[move]
        if self.attempt(self.model.plan_state == "draft", call):
            self.model.edit(by)

    @rule(by=st.sampled_from((*OWNERS, "viewer")))
    def expand(self, by) -> None:
        if self.attempt(
            by in OWNERS and self.model.plan_state == "approved", lambda: decisions.expand(self.cast.actor(by), self.cast.plan.pk)
        ):
            self.model.carry(expanding=True)

    # --- reviewers ------------------------------------------------------------------------------------------------------------------

    @rule(
        by=voters,
        environment=environments,
        choice=st.sampled_from(("approve",) * 4 + ("approve_with_conditions",) * 2 + ("request_changes", "reject")),
        age=st.sampled_from((1, 1, 1, 2)),
        coded=fresh,
    )
    def vote(self, by, environment, choice, age, coded) -> None:
        if asked := self.asked(environment):
            model, approves = self.model, choice.startswith("approve")
            digest = asked.digests[-age] if len(asked.digests) >= age else "0" * 64
            said = {"choice": choice, "digest": digest, "comment": "why", "conditions": ["at night"] if "with" in choice else None}
            how = {"approves": approves, "conditions": "with" in choice, "coded": coded}
            allowed = asked.revision > 0 and model.may_vote(asked, by, digest=digest, **how)
            who = replace(self.cast.actor(by), app=self.apps[by] if coded else None)
            if self.attempt(allowed, lambda: decisions.vote(who, asked.key, **said)):
                asked.voters.add(by)
                if approves:
                    model.approve(asked, by, conditions="with" in choice, coded=coded)
                else:
                    model.end(asked, "changes_requested" if choice == "request_changes" else "rejected")

    @rule(by=st.sampled_from(("release", "security", "both")), environment=environments)
    def approve(self, by, environment) -> None:
        self.vote(by, environment, "approve", 1, True)

    @rule(by=st.sampled_from(("owner", "operator", "security", "viewer", "auditor")), number=st.sampled_from((0, 0, 0, 1, 2)))
    def revoke(self, by, number) -> None:
        """Any request there is, not the newest alone."""
        if not self.model.requests:
            return
        asked = self.model.requests[-1 - number % len(self.model.requests)]
        may = by in ("owner", "operator") and asked.state == "approved" or self.model.may_revoke(asked, by)
        if self.attempt(may, lambda: decisions.revoke(self.cast.actor(by), asked.key, comment="stop")):
            self.model.end(asked, "revoked")

    # --- operators ------------------------------------------------------------------------------------------------------------------

    @rule(environment=environments, rules=versions)
    def change_the_policy(self, environment, rules) -> None:
        """Proposed by one operator and accepted by another; now and then it is the first once more."""
        place = Environment.objects.get(slug=environment)
        named = [{"name": f"{group} {number}", "group": group, "quorum": 1} for number, group in enumerate(rules.seats)]
        said = {"required_confirmations": list(ALL), "conditions_allowed": rules.conditions, "second_factor": rules.coded}
        said["due_seconds"] = 86400 + place.policies.count()  # what asks for the same as before is no proposal
        proposal = policies.propose_policy(self.cast.actor("operator"), place, rules=named, **said)
        self.attempt(False, lambda: policies.accept_policy(self.cast.actor("operator"), proposal.pk, digest=proposal.digest))
        ended = policies.accept_policy(self.cast.actor("operator2"), proposal.pk, digest=proposal.digest)
        assert len(ended) == self.model.accept(environment, rules)

    # --- the clock and the people -----------------------------------------------------------------------------------------------------

    @rule(writes=st.booleans())
    @precondition(lambda self: any(asked.state in ("review_requested", "changes_requested", "approved") for asked in self.model.requests))
    def time_passes(self, writes) -> None:
        """Until the end of whatever ends next; the command that writes expiries may run, or not."""
        live = [asked for asked in self.model.requests if asked.state in ("review_requested", "changes_requested", "approved")]
        ends = dict(DeploymentReviewRequest.objects.filter(pk__in=[asked.key for asked in live]).values_list("pk", "expires_at"))
        asked = min(live, key=lambda one: ends[one.key])
        lapse(DeploymentReviewRequest.objects.get(pk=asked.key))
        asked.state, asked.written = "expired", False
        if writes:
            type(self).taken += 1
            assert expire(asked.key, wait=True) is True
            assert expire(asked.key, wait=True) is False
            asked.written = True
            self.model.carry()

    @rule(who=st.sampled_from(("release", "security", "both", "release_owner")), group=st.sampled_from(("release", "security")))
    def join_or_leave(self, who, group) -> None:
        groups = self.model.groups[who]
        change = self.cast.people[who].groups.remove if group in groups else self.cast.people[who].groups.add
        change(Group.objects.get(name=group))
        groups.symmetric_difference_update({group})

    @rule(who=st.sampled_from(("release", "security", "both")))
    def come_or_go(self, who) -> None:
        """An account that is switched off, and on again."""
        User.objects.filter(pk=self.cast.people[who].pk).update(is_active=who in self.model.inactive)
        self.model.inactive ^= {who}

    # --- what must hold after each step -----------------------------------------------------------------------------------------------

    @invariant()
    def everything_is_where_the_model_is(self) -> None:
        if not hasattr(self, "model"):
            return
        found = {one.pk: one for one in DeploymentReviewRequest.objects.as_of_now()}
        assert set(found) == {asked.key for asked in self.model.requests}
        for asked in self.model.requests:
            stored = found[asked.key]
            assert (stored.state_now, stored.revision) == (asked.state, asked.revision)
            assert (stored.state == "expired") == (asked.state == "expired" and asked.written)
            self.reached.add(asked.state)
            self._decided(asked)
        assert CoveragePlan.objects.as_of_now().get(pk=self.cast.plan.pk).state_now == self.model.plan_state
        for environment in FIRST:
            assert len([asked for asked in self.model.requests if asked.environment == environment and asked.is_open]) <= 1
        assert_consistent()

    def _decided(self, asked: Asked) -> None:
        """Nothing is approved that its voters have not seen: each counted vote quotes the digest of the receipt."""
        decision = Decision.objects.filter(pk=asked.key).first()
        receipt = Receipt.objects.filter(request_id=asked.key).first()
        assert (decision is None) == (receipt is None)
        if asked.verdict:
            assert (decision.verdict, receipt.verdict, decision.digest) == (asked.verdict, asked.verdict, asked.digests[-1])
            seen = Vote.objects.filter(review_request=asked.key, digest=receipt.packet_digest, choice__startswith="approve")
            assert {vote.username for vote in seen} == {self.cast.people[name].username for name in asked.votes}
            assert bool(decision.conditions) == (asked.verdict == "constrain")
        elif asked.state in OPEN:
            assert decision is None


@pytest.mark.usefixtures("both_stores")
def test_W01_random_verbs_agree_with_the_model():
    cast = Cast()
    make_environment("staging", rules=[{"name": "release", "group": "release", "quorum": 1}])
    cast.people |= {"both": make_user("both", groups=("release", "security")), "operator2": make_user("operator2", groups=("operators",))}
    Machine.apps = {name: TOTPDevice.objects.create(user=cast.people[name], name="app").pk for name in set(VOTERS)}
    Machine.cast, Machine.taken, Machine.reached = cast, 0, set()
    budget = settings(max_examples=ceil(WANTED / STEPS), stateful_step_count=STEPS, deadline=None, suppress_health_check=list(HealthCheck))
    while Machine.taken < WANTED:
        run_state_machine_as_test(Machine, settings=budget)
    print(f"{Machine.taken} verbs by {len(cast.people)} people agreed with the model; reached {', '.join(sorted(Machine.reached))}")
    assert "approved" in Machine.reached
    assert WANTED < 5000 or Machine.reached == {*ENDS, *OPEN}
    assert not DeploymentReviewRequest.objects.exists()
