"""The packet: bytes that are the same everywhere, frozen, with a commitment that the salt opens."""

import hashlib
import hmac
import json
import random
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.refusals import Refused
from drafts.coverage import append_move
from receipts.canonical import b64url, canonical_bytes
from reviews import decisions, packet
from reviews.models import Packet
from tests.clock import unguarded
from tests.factories import Story, actor
from tests.reviews.machine.cast import MOVE

texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


def shuffled(value, seed: int):
    """The same value with its keys put in in another order."""
    if isinstance(value, dict):
        keys = list(value)
        random.Random(seed).shuffle(keys)
        return {key: shuffled(value[key], seed) for key in keys}
    return [shuffled(part, seed) for part in value] if isinstance(value, list) else value


@settings(deadline=None)
@given(st.dictionaries(texts, values, max_size=6), st.integers())
def test_S08_canonical_bytes_do_not_depend_on_the_order_of_keys(value, seed):
    body = canonical_bytes(value)
    assert canonical_bytes(shuffled(value, seed)) == body
    assert canonical_bytes(json.loads(body)) == body


@pytest.mark.parametrize("value", [2**53, -(2**53), float("nan"), float("inf"), "\ud800", {"\udfff": 1}])
def test_S08_values_without_one_spelling_are_refused(value):
    with pytest.raises(ValueError):
        canonical_bytes({"value": value})


def test_S08_the_same_bytes_in_another_process_with_another_hash_seed():
    value = {"b": [1, {"z": None, "ä": "€"}], "a": "\u2028", "moves": []}
    code = f"import hashlib, rfc8785; print(hashlib.sha256(rfc8785.dumps({value!r})).hexdigest())"
    options = {"capture_output": True, "text": True, "check": True}
    digests = {
        subprocess.run([sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, **options).stdout.strip() for seed in ("0", "1", "4242")
    }
    assert digests == {hashlib.sha256(canonical_bytes(value)).hexdigest()}


@pytest.mark.usefixtures("both_stores")
def test_a_packet_holds_exactly_its_sections():
    story = Story()
    append_move(actor(story.owner), story.plan.pk, fields=MOVE)
    review_request = story.in_review(subject=[{"name": "app", "digest": {"gitCommit": "b" * 40}}])
    frozen = Packet.objects.get()
    value = packet.value_of(frozen)
    assert set(value) == {"schema", "request_id", "revision", "predecessor", *packet.SECTIONS}
    assert (value["schema"], value["request_id"], value["revision"]) == ("readiness.packet.v1", str(review_request.pk), 1)
    assert bytes(frozen.body) == canonical_bytes(value)
    assert frozen.digest == hashlib.sha256(bytes(frozen.body)).hexdigest() == review_request.digest
    assert frozen.section_digests == {name: hashlib.sha256(canonical_bytes(value[name])).hexdigest() for name in packet.SECTIONS}
    assert value["authors"] == [{"user_id": story.owner.pk, "username": "owner"}]
    assert (value["moves"], frozen.moves_count) == ([{"number": 1, **MOVE}], 1)
    assert set(value["confirmations"]) == {"owner", "environment", "sla", "rollback", "support"}


@pytest.mark.usefixtures("both_stores")
def test_the_commitment_is_opened_by_salt_and_packet():
    review_request = Story().in_review()
    frozen = Packet.objects.get()
    mac = hmac.new(bytes(frozen.salt), b"readiness.commitment.v1\x00" + bytes(frozen.body), hashlib.sha256).digest()
    assert review_request.commitment_id == frozen.commitment_id == "rdc1_" + b64url(mac)
    assert len(bytes(frozen.salt)) == 32


@pytest.mark.usefixtures("both_stores")
def test_each_revision_has_a_salt_and_a_digest_of_its_own():
    story = Story()
    review_request = story.in_review()
    decisions.recall(actor(story.owner), review_request.pk)
    decisions.request_review(actor(story.owner), review_request.pk)
    first, second = Packet.objects.order_by("revision")
    assert (first.revision, second.revision) == (1, 2)
    assert bytes(first.salt) != bytes(second.salt)
    assert first.digest != second.digest


@pytest.mark.usefixtures("both_stores")
@pytest.mark.parametrize("verb", ["edit_subject", "open"])
def test_who_wrote_what_is_put_up_is_an_author(verb):
    story = Story()
    colleague = story.release
    story.partner.memberships.create(user_id=colleague.pk, username="release", role="owner")
    if verb == "open":
        review_request = decisions.open_request(actor(colleague), plan_id=story.plan.pk, environment_slug="production")
    else:
        review_request = story.open()
        decisions.edit_subject(actor(colleague), review_request.pk, subject=[])
    assert packet.authors_of(review_request) == {story.owner.pk: "owner", colleague.pk: "release"}


def test_an_altered_packet_is_not_intact():
    body = canonical_bytes({"a": 1})
    digest = hashlib.sha256(body).hexdigest()
    assert packet.is_intact(Packet(body=body, digest=digest), digest)
    assert not packet.is_intact(Packet(body=body + b" ", digest=digest), digest)
    assert not packet.is_intact(Packet(body=body, digest="0" * 64), digest)
    assert not packet.is_intact(Packet(body=body, digest=digest), "0" * 64)


SHA = {"sha256": "a" * 64}


@pytest.mark.parametrize("digest", [SHA, {"gitCommit": "b" * 40}, {"gitCommit": "b" * 64}, {**SHA, "gitCommit": "b" * 40}])
def test_subjects_that_are_taken(digest):
    assert packet.clean_subjects([{"name": "app", "digest": digest}]) == [{"name": "app", "digest": digest}]


NO_DIGESTS = [{}, [], None, "a", {"sha256": "a" * 63}, {"sha256": "A" * 64}, {"sha256": "a" * 64 + "\n"}, {"sha512": "a" * 128}]
NO_DIGESTS += [{"gitCommit": "b" * 41}, {"sha256": 1}, {**SHA, "x": 1}]
NO_NAMES = ["", "  ", "x" * 121, 5, None, ["x"], "a\u202eb", "a\nb", "\x00", "e\u0301"]
NO_SUBJECTS = [{"name": "x"}, {"digest": SHA}, {"name": "x", "digest": SHA, "url": "y"}, "x", None, 5, []]


@pytest.mark.parametrize(
    "subject",
    [{"name": "x", "digest": digest} for digest in NO_DIGESTS] + [{"name": name, "digest": SHA} for name in NO_NAMES] + NO_SUBJECTS,
)
def test_subjects_that_are_refused_are_named_by_pointer(subject):
    good = {"name": "app", "digest": SHA}
    with pytest.raises(Refused) as caught:
        packet.clean_subjects([good, subject])
    # What is no part of a subject is named itself.
    assert {"/".join(reason.pointer.split("/")[:3]) for reason in caught.value.reasons} == {"/subject/1"}
    assert caught.value.status == 400
    assert set(caught.value.codes) <= {"invalid", "unknown_field"}


def test_the_longest_name_and_the_longest_list_of_subjects_are_taken():
    longest = [{"name": "x" * 120, "digest": SHA}] * 20
    assert packet.clean_subjects(longest) == longest


@pytest.mark.parametrize("given_", [[{"name": "x", "digest": SHA}] * 21, {}, "x", None])
def test_what_is_no_list_of_subjects_is_refused_as_a_whole(given_):
    with pytest.raises(Refused) as caught:
        packet.clean_subjects(given_)
    assert [(reason.pointer, reason.code, reason.status) for reason in caught.value.reasons] == [("/subject", "invalid", 400)]


def damaged(call) -> None:
    with pytest.raises(Refused) as caught:
        call()
    assert [(reason.code, reason.status, reason.clear_by) for reason in caught.value.reasons] == [("packet_damaged", 409, "an operator")]


def test_nothing_is_read_from_bytes_that_are_not_those_of_the_digest(both_stores):
    review_request = Story().in_review()
    frozen = Packet.objects.get()
    assert packet.damage_reasons(frozen, review_request.digest) == []
    assert packet.damage_reasons(frozen, "0" * 64) == [packet.DAMAGED]
    with unguarded():
        Packet.objects.update(body=bytes(frozen.body).replace(b"threshold", b"thresholt"))
    damaged(lambda: packet.value_of(Packet.objects.get()))
    damaged(lambda: packet.intact_value(review_request))


def test_a_packet_of_another_digest_is_not_the_one_of_the_request(both_stores):
    review_request = Story().in_review()
    review_request.digest = "0" * 64
    damaged(lambda: packet.intact_value(review_request))


def test_a_packet_that_is_gone_is_a_damaged_one(both_stores):
    review_request = Story().in_review()
    with unguarded():
        Packet.objects.all()._raw_delete("self_service")
    damaged(lambda: packet.current(review_request))


def test_subject_words_name_each_digest():
    subjects = [{"name": "a", "digest": SHA}, {"name": "b", "digest": {"gitCommit": "b" * 40}}]
    assert packet.subject_words(subjects) == {"sha256:" + "a" * 64, "gitCommit:" + "b" * 40}


def test_a_packet_has_exactly_the_members_of_the_contract(both_stores):
    Story().in_review()
    value = packet.value_of(Packet.objects.get())
    assert value["schema"] == "readiness.packet.v1"
    assert set(value) == {"schema", "request_id", "revision", "predecessor", *packet.SECTIONS}


def test_a_packet_names_the_request_that_it_continues_or_none(both_stores):
    story = Story()
    first = story.in_review()
    assert packet.intact_value(first)["predecessor"] is None
    decisions.withdraw(actor(story.owner), first.pk, comment="anew")
    assert packet.intact_value(story.in_review(predecessor_id=first.pk))["predecessor"] == str(first.pk)
