"""The log and the status, for anybody: strict parameters in, text or JSON out, problems as everywhere in the API."""

import re

from django.http import HttpResponse
from rest_framework.response import Response

from access.api import ApiView
from config.api import invalid, parameters
from config.refusals import Reason, Refused
from receipts import log, status
from receipts.models import LogNode

SECONDS = 60
CACHED = {"Cache-Control": f"public, max-age={SECONDS}"}
IS_HASH = re.compile(r"[0-9a-f]{64}")
IS_SIZE = re.compile(r"[1-9][0-9]{0,17}")


class PublicView(ApiView):
    """Nobody has to say who they are."""

    authentication_classes = ()
    permission_classes = ()


class Status(PublicView):
    def get(self, request):
        parameters(request)
        newest = status.newest()
        if newest is None:
            raise Refused(Reason("no_status", "No status has been signed yet; an operator runs publish_status.", status=404))
        return Response(newest.inner, headers=CACHED)


class Checkpoint(PublicView):
    def get(self, request):
        parameters(request)
        note = log.head().note
        if not note:
            raise Refused(Reason("no_checkpoint", "No checkpoint of the log has been signed yet.", status=404))
        return HttpResponse(note, content_type="text/plain; charset=utf-8", headers=CACHED)


class Inclusion(PublicView):
    def get(self, request):
        given = parameters(request, "leaf_hash", "tree_size")
        if not IS_HASH.fullmatch(given.get("leaf_hash", "")):
            raise invalid("invalid", "leaf_hash is 64 hex digits in lower case: SHA-256 of a zero byte and the leaf.")
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
    def get(self, request):
        given = parameters(request, "first", "second")
        second = _size(given, "second", most=log.head().size)
        first = _size(given, "first", most=second)
        return Response({"first": first, "second": second, "hashes": log.consistency(first, second)})


def _size(given: dict[str, str], name: str, *, most: int) -> int:
    if not IS_SIZE.fullmatch(given.get(name, "")) or int(given[name]) > most:
        raise invalid("invalid", f"{name} is a size of the log: a whole number from 1 to {most}.")
    return int(given[name])
