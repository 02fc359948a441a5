"""The log and the status, for anybody: strict parameters in, text or JSON out, problems as everywhere in the API."""

import re

from django.http import HttpResponse
from rest_framework import serializers
from rest_framework.response import Response

from access.api import ApiView
from config.api import Shaped, parameters, wrong_parameter
from config.refusals import Reason, Refused
from config.told import reads
from receipts import log, status
from receipts.models import LogNode

SECONDS = 60
CACHED = {"Cache-Control": f"public, max-age={SECONDS}"}
IS_HASH = re.compile(r"[0-9a-f]{64}")
IS_SIZE = re.compile(r"[1-9][0-9]{0,17}")


HASHES = {"type": "array", "items": {"type": "string", "pattern": "^[0-9a-f]{64}$"}}
LEAF = {
    "leaf_hash": {"description": "SHA-256 of a zero byte and the leaf, in hex.", "pattern": IS_HASH.pattern, "required": True},
    "tree_size": {"description": "Of which tree; without it the newest checkpoint's."},
}
SIZES = {name: {"description": f"Size of the {name} tree.", "required": True} for name in ("first", "second")}


class StatusOutput(serializers.Serializer):
    """The inner signed object, as receipts have it."""

    payload_b64 = serializers.CharField()
    signature = serializers.CharField()
    kid = serializers.CharField()
    sig_alg = serializers.CharField()


class CheckpointOutput(serializers.CharField):
    """A C2SP signed note."""

    example = (
        "readiness.example.org\n8\nKpzYbRHo7755Aki4hQMblT/4GoRts3JxkQdvSJEncX4=\n\n— readiness.example.org "
        "m69LCLivnGLOIbr6fIe0hEXU84pKmJ5gepfGc3dDVaxAOgqwgGez7t57+neMmFFIn7cYSTeh+p8gl3E4RBqlsQ3UZgY=\n"
    )


class InclusionOutput(serializers.Serializer):
    example = {
        "leaf_hash": "7b7aecfe2321a5f924574e2ab93bf6edbfabc555fbfb09d77d70c62d51ca5cde",
        "leaf_index": 6,
        "tree_size": 8,
        "hashes": [
            "e44a148dd61a2b23c1cd8ca07bee273e36f3cb460f6caf7fb7669cf96a003f25",
            "d51379afa13212ae1816045024892623aea945bc823ae7f36e1c794e859a8558",
            "c1f10f2bd0de290bc0915693185ab75a2bb8f56bc26789495a50388e2c37cdf8",
        ],
    }
    leaf_hash = serializers.CharField()
    leaf_index = serializers.IntegerField()
    tree_size = serializers.IntegerField()
    hashes = Shaped(HASHES)


class ConsistencyOutput(serializers.Serializer):
    example = {
        "first": 1,
        "second": 3,
        "hashes": [
            "36d9ab83e1bcd1a6e621d587392ad3f7114eadada115cf40b1fd21fb91953ed6",
            "2fc6755129a0705823b163cd967b5e811d2b95c858bd9fe9ca516e84854d004d",
        ],
    }
    first = serializers.IntegerField()
    second = serializers.IntegerField()
    hashes = Shaped(HASHES)


class PublicView(ApiView):
    """Nobody has to say who they are."""

    authentication_classes = ()
    permission_classes = ()


class Status(PublicView):
    @reads("status_read", "The newest signed status", StatusOutput, refusals=(404,))
    def get(self, request):
        parameters(request)
        newest = status.newest()
        if newest is None:
            raise Refused(Reason("no_status", "No status has been signed yet; an operator runs publish_status.", status=404))
        return Response(newest.inner, headers=CACHED)


class Checkpoint(PublicView):
    @reads("log_checkpoint", "The signed note of the log's head", CheckpointOutput, media_type="text/plain; charset=utf-8", refusals=(404,))
    def get(self, request):
        parameters(request)
        note = log.head().note
        if not note:
            raise Refused(Reason("no_checkpoint", "No checkpoint of the log has been signed yet.", status=404))
        return HttpResponse(note, content_type="text/plain; charset=utf-8", headers=CACHED)


class Inclusion(PublicView):
    @reads("log_inclusion", "The proof that the log holds a leaf", InclusionOutput, parameters=LEAF, refusals=(404,))
    def get(self, request):
        given = parameters(request, "leaf_hash", "tree_size")
        if not IS_HASH.fullmatch(given.get("leaf_hash", "")):
            raise _invalid("leaf_hash", "leaf_hash is 64 hex digits in lower case: SHA-256 of a zero byte and the leaf.")
        head = log.head()
        leaf = log.leaf_with(bytes.fromhex(given["leaf_hash"]))
        if leaf is None:
            raise Refused(Reason("unknown_leaf", "The log holds no such leaf.", status=404))
        size = _size(given, "tree_size", most=head.size) if "tree_size" in given else head.note_size or head.size
        return Response(_inclusion(leaf, size))


def _inclusion(leaf: LogNode, size: int) -> dict:
    if leaf.index >= size:
        raise Refused(Reason("not_in_tree", f"A tree of {size} leaves does not reach to this one yet.", status=404))
    return {
        "leaf_hash": bytes(leaf.hash).hex(),
        "leaf_index": leaf.index,
        "tree_size": size,
        "hashes": log.inclusion(leaf.index, size),
    }


class Consistency(PublicView):
    @reads("log_consistency", "The proof that the log only grew", ConsistencyOutput, parameters=SIZES)
    def get(self, request):
        given = parameters(request, "first", "second")
        second = _size(given, "second", most=log.head().size)
        first = _size(given, "first", most=second)
        return Response({"first": first, "second": second, "hashes": log.consistency(first, second)})


def _size(given: dict[str, str], name: str, *, most: int) -> int:
    if not IS_SIZE.fullmatch(given.get(name, "")) or int(given[name]) > most:
        raise _invalid(name, f"{name} is a size of the log: a whole number from 1 to {most}.")
    return int(given[name])


def _invalid(parameter: str, detail: str) -> Refused:
    return Refused(wrong_parameter(parameter, detail))
