"""Keys that change while decisions are made: every receipt verifies, none is lost."""

import json
import threading
from pathlib import Path

from django.db import connections

from config.refusals import Refused
from receipts import signing, status
from receipts.in_force import kid_in_force
from receipts.keys import jwks, register_key, revoke, rotate
from receipts.models import Receipt
from receipts.verify import load_keys, verify
from tests.factories import Story, make_plan
from tests.invariants import assert_consistent

ROUNDS, DECIDERS, PER_DECIDER = 6, 4, 10


class Decider(threading.Thread):
    """Approves its own requests one after the other, again and again where the key is not the one in force."""

    def __init__(self, story: Story, mine: list, start: threading.Barrier) -> None:
        super().__init__()
        self.story, self.mine, self.ready, self.refusals, self.failed = story, mine, start, [], None

    def run(self) -> None:
        try:
            self.ready.wait()
            for review_request in self.mine:
                while not self.approved(review_request):
                    pass
        except Exception as error:  # noqa: BLE001  told to the test
            self.failed = error
        finally:
            connections.close_all()

    def approved(self, review_request) -> bool:
        try:
            self.story.vote(self.story.security, review_request)
        except Refused as refusal:
            self.refusals += [(refusal.status, code) for code in refusal.codes]
            return False
        return True


def waiting_for_one_vote(story: Story, count: int) -> list:
    found = []
    for _ in range(count):
        story.plan = make_plan(story.owner, story.partner)
        review_request = story.in_review()
        story.vote(story.release, review_request)
        found.append(review_request)
    return found


def test_F19_keys_are_rotated_and_one_is_revoked_under_load(both_stores_committed, settings, tmp_path):
    key_file = tmp_path / "key.pem"
    settings.RECEIPT_SIGNING_KEY, settings.RECEIPT_SIGNING_KEY_FILE = "", str(key_file)
    key_file.write_bytes(signing.new_private_key_pem())
    story = Story()
    requests = waiting_for_one_vote(story, DECIDERS * PER_DECIDER)
    start = threading.Barrier(DECIDERS + 1)
    deciders = [Decider(story, requests[number::DECIDERS], start) for number in range(DECIDERS)]
    for decider in deciders:
        decider.start()
    start.wait()
    first = signing.signer().kid

    for number in range(ROUNDS):
        turn_the_key(key_file, tmp_path / f"{number}.pem")
    revoke(first, reason="lost")
    for decider in deciders:
        decider.join(60)

    assert [decider.failed for decider in deciders] == [None] * DECIDERS
    assert {code for decider in deciders for code in decider.refusals} <= {(503, "signing_key_retired"), (503, "signing_key_next")}
    receipts, keys = list(Receipt.objects.all()), load_keys(jwks())
    assert len(receipts) == len(requests)
    assert [receipt.kid for receipt in receipts if not verify(receipt.envelope, keys).verified] == [first] * count_of(first)
    listed = {entry["receipt_sha256"] for entry in json.loads(bytes(status.newest().payload))["revoked"]}
    assert listed == {receipt.sha256 for receipt in receipts if receipt.kid == first}
    assert len({receipt.kid for receipt in receipts}) > 1
    assert kid_in_force() == signing.signer().kid
    assert_consistent()


def count_of(kid: str) -> int:
    return Receipt.objects.filter(kid=kid).count()


def turn_the_key(key_file: Path, new: Path) -> None:
    """The drill of docs/operations.md."""
    signer = signing.write_private_key(str(new))
    register_key(signer)
    rotate()
    threading.Event().wait(0.05)
    new.replace(key_file)
    threading.Event().wait(0.2)
