"""Keys and decisions from before there was a log become its first leaves, in the order in which they came."""

import hashlib
from datetime import UTC

import rfc8785
from django.db import migrations
from django.db.models import F

from receipts import merkle


def _time(moment) -> str:
    return moment.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")


def _keys(apps, alias: str):
    for key in apps.get_model("receipts", "SigningKey").objects.using(alias).order_by("created_at", "kid"):
        yield key.created_at, {"kind": "key", "kid": key.kid, "use": key.use, "state": key.state}


def _decisions(apps, alias: str):
    events = apps.get_model("reviews", "Event").objects.using(alias).filter(to_state__in=["approved", "rejected"])
    heads, moments = {}, {}
    for pk, sha256, at in events.exclude(to_state=F("from_state")).values_list("review_request_id", "sha256", "at"):
        heads[pk], moments[pk] = sha256, at
    receipts = apps.get_model("receipts", "Receipt").objects.using(alias)
    decisions = apps.get_model("reviews", "Decision").objects.using(alias).select_related("review_request")
    # A decision's own time is cut to the second; its event's is not.
    for decision in sorted(decisions, key=lambda each: (each.decided_at, moments.get(each.pk, each.decided_at), str(each.pk))):
        receipt = receipts.filter(request_id=decision.pk).first()
        yield decision.decided_at, {
            "kind": "decision",
            "request_id": str(decision.pk),
            "revision": decision.revision,
            "verdict": decision.verdict,
            "commitment_id": decision.review_request.commitment_id,
            "event_head": heads.get(decision.pk, ""),
            "receipt_sha256": hashlib.sha256(receipt.payload).hexdigest() if receipt else None,
        }


def log_the_past(apps, schema_editor) -> None:
    alias = schema_editor.connection.alias
    Node, Head = apps.get_model("receipts", "LogNode"), apps.get_model("receipts", "LogHead")
    if Head.objects.using(alias).exists():
        return  # the log is there already, and holds what was decided since
    frontier, nodes, size = [], [], 0
    for at, said in [*_keys(apps, alias), *_decisions(apps, alias)]:
        data = rfc8785.dumps({"object": "readiness.log_leaf.v1", "at": _time(at), **said})
        frontier, written = merkle.grown(size, frontier, merkle.leaf_hash(data))
        own, *above = written
        nodes.append(Node(place=own[0], hash=own[1], data=data, kind=said["kind"], request_id=said.get("request_id")))
        nodes += [Node(place=place, hash=found) for place, found in above]
        size += 1
    if size:
        Node.objects.using(alias).bulk_create(nodes, batch_size=500)
        Head.objects.using(alias).create()
        Head.objects.using(alias).update(size=size, frontier=b"".join(frontier))


class Migration(migrations.Migration):
    dependencies = [("reviews", "0008_standing_guards"), ("receipts", "0007_log")]

    operations = [migrations.RunPython(log_the_past, migrations.RunPython.noop)]
