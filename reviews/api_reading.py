"""The API of review requests: reading what was frozen, decided and done."""

import uuid

from rest_framework.response import Response

from config.api import versioned
from config.refusals import Reason, Refused
from config.told import lists, reads
from receipts.bundle import bundle
from receipts.canonical import b64url
from receipts.models import Receipt
from reviews import explain, packet, since
from reviews.api import RequestView
from reviews.models import DeploymentReviewRequest, Packet
from reviews.record import database_now
from reviews.serializers_reading import BundleOutput, DifferenceOutput, EnvelopeOutput, EventOutput, MissingOutput, PacketOutput

BASE = {"base": {"description": "A revision of this request, or `<request id>:<revision>`; without it the last that you voted on."}}


def newest_packet(found: DeploymentReviewRequest) -> Packet:
    frozen = found.packets.filter(revision=found.revision).first()
    if frozen is None:
        raise Refused(Reason("no_packet", "Nothing is frozen yet; a review request freezes the packet.", status=404))
    return frozen


class Diff(RequestView):
    @reads("diff_read", "What changed in the newest packet", DifferenceOutput, versioned=True, parameters=BASE)
    def get(self, request, request_id):
        found = self.review_request(request_id)
        frozen = newest_packet(found)
        named = self.read("base").get("base")
        base = since.base_for(self.actor, found) if named is None else since.named_base(self.actor, found, named)
        compared = since.difference(base, packet.value_of(frozen))
        return versioned(DifferenceOutput({"revision": frozen.revision, "digest": frozen.digest, **vars(compared)}).data, found.version)


class FrozenPacket(RequestView):
    @reads("packet_read", "The newest frozen packet, with its salt", PacketOutput, versioned=True)
    def get(self, request, request_id):
        found = self.review_request(request_id)
        frozen = newest_packet(found)
        self.read()
        said = {"revision": frozen.revision, "digest": frozen.digest, "commitment_id": frozen.commitment_id, "frozen_at": frozen.frozen_at}
        secret = {"section_digests": frozen.section_digests, "salt": b64url(bytes(frozen.salt)), "packet": packet.value_of(frozen)}
        return versioned(said | secret, found.version)


class Timeline(RequestView):
    @lists("timeline_list", "The events of a review request, oldest first", EventOutput)
    def get(self, request, request_id):
        return self.listing(self.review_request(request_id).events.all(), EventOutput, ordering=("number",))


class Missing(RequestView):
    @reads("missing_read", "What is missing on the way to approval", MissingOutput, versioned=True)
    def get(self, request, request_id):
        found = self.readable(request_id)
        missing = [reason.as_error() for reason in explain.missing(found, now=database_now())]
        return versioned({"state": found.state_now, "missing": missing, "next": missing[0] if missing else None}, found.version)


class Receipts(RequestView):
    @reads("receipt_read", "The receipt of the decision", EnvelopeOutput)
    def get(self, request, request_id):
        return Response(self.receipt(request_id).envelope)

    def receipt(self, request_id: uuid.UUID) -> Receipt:
        found = self.review_request(request_id)
        receipt = Receipt.objects.filter(request_id=found.pk).first()
        if receipt is None:
            raise Refused(Reason("no_receipt", "There is no receipt; a decision leaves one.", status=404))
        self.read()
        return receipt


class Bundle(Receipts):
    @reads("bundle_read", "Everything that verifies the receipt offline", BundleOutput)
    def get(self, request, request_id):
        return Response(bundle(self.receipt(request_id)), headers={"Cache-Control": "no-store"})
