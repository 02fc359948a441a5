"""L06, L07: the record taken away: whole, in columns that stay, safe to open; a population without gaps, a sample to repeat."""

import base64
import csv
import json
import stat
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from access.models import User
from receipts import log
from receipts.canonical import b64
from receipts.models import Receipt
from reviews import decisions, evidence
from reviews.evidence import COLUMNS, Scope, cell
from reviews.models import Denial, Event, Vote
from tests.factories import Story, actor, confirm_all, make_plan
from tests.invariants import refused


@pytest.fixture
def story(both_stores) -> Story:
    return Story(rules=[{"name": "release", "group": "release", "quorum": 1}])


def decided(story: Story, choice: str = "approve"):
    plan = make_plan(story.owner, story.partner)
    review_request = decisions.open_request(actor(story.owner), plan_id=plan.pk, environment_slug="production")
    confirm_all(story.owner, review_request)
    review_request = decisions.request_review(actor(story.owner), review_request.pk)
    return story.vote(story.release, review_request, choice)


def export(folder, *arguments: str) -> dict:
    call_command("export", "--output", str(folder), *arguments)
    return {path.stem: path.read_text(encoding="utf-8") for path in folder.iterdir()}


def rows(text: str) -> list[dict]:
    return list(csv.DictReader(text.splitlines()))


def test_everything_of_a_request_is_there(story, tmp_path):
    review_request = decided(story)
    decided(story)
    found = {name: rows(text) for name, text in export(tmp_path / "out", "--request", str(review_request.pk)).items()}
    counts = {name: len(lines) for name, lines in found.items()}
    assert counts == {
        "population": 0, "requests": 1, "events": 8, "votes": 1, "decisions": 1, "receipts": 1, "confirmations": 5, "denials": 0,
    }  # fmt: skip
    assert {line["request_id"] for name, lines in found.items() if name != "denials" for line in lines} == {str(review_request.pk)}
    receipt = Receipt.objects.get(request_id=review_request.pk)
    assert base64.b64decode(found["receipts"][0]["payload_b64"]) == bytes(receipt.payload)
    assert [line["sha256"] for line in found["events"]] == list(review_request.events.values_list("sha256", flat=True))
    assert found["events"][-1]["role"] == "reviewer"


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_columns_come_in_their_order(story, tmp_path, form):
    decided(story)
    for record, text in export(tmp_path / "out", "--format", form).items():
        first = text.splitlines()[0] if text else None
        if form == "csv":
            assert tuple(first.split(",")) == COLUMNS[record]
        elif first:
            assert tuple(json.loads(first)) == COLUMNS[record]


def test_refused_attempts_and_events_of_the_organisation_are_there(story, tmp_path):
    review_request = decided(story)
    refused(lambda: decisions.recall(actor(story.viewer), review_request.pk))
    decisions.expand(actor(story.owner), review_request.plan_id)
    found = export(tmp_path / "out")
    assert [(line["actor"], line["verb"], line["count"]) for line in rows(found["denials"])] == [("viewer", "recall", "1")]
    assert [line["verb"] for line in rows(found["events"]) if not line["request_id"]] == ["expand"]


# --- L07 --------------------------------------------------------------------------------------------------------------------------------


def test_L07_the_population_has_no_gaps_and_the_sample_its_whole_evidence(story, tmp_path):
    for number in range(30):
        decided(story, "reject" if number % 5 == 0 else "approve")
    found = {name: rows(text) for name, text in export(tmp_path / "out", "--sample", "25", "--seed", "7").items()}
    population = found["population"]
    assert [int(line["leaf_index"]) for line in population] == list(range(log.head().size))
    in_the_log = {line["request_id"] for line in population if line["kind"] == "decision"}
    assert in_the_log == {line["request_id"] for line in found["requests"]}
    assert [int(line["number"]) for line in found["requests"]] == list(range(1, 31))
    drawn = {line["request_id"] for line in population if line["kind"] == "decision" and line["sampled"] == "true"}
    assert len(drawn) == 25
    for record in ("events", "votes", "decisions", "receipts", "confirmations"):
        assert {line["request_id"] for line in found[record] if line["request_id"]} == drawn, record


def test_L07_a_sample_can_be_drawn_again_and_another_seed_draws_another(story):
    for _ in range(8):
        decided(story)
    first = evidence.sampled(Scope(sample=4, seed=1))
    assert first == evidence.sampled(Scope(sample=4, seed=1)) != evidence.sampled(Scope(sample=4, seed=2))
    assert len(evidence.sampled(Scope(sample=99))) == 8


def test_a_period_takes_what_happened_in_it(story, tmp_path):
    decided(story)
    last = Event.objects.order_by("-at").first().at
    later, before = (last + timedelta(hours=1)).isoformat(), (last - timedelta(days=1)).isoformat()
    assert len(rows(export(tmp_path / "a", "--from", before, "--to", later)["requests"])) == 1
    nothing = export(tmp_path / "b", "--from", later)
    assert {name: len(rows(text)) for name, text in nothing.items()} == dict.fromkeys(COLUMNS, 0)
    assert {name: len(rows(text)) for name, text in export(tmp_path / "c", "--to", before).items()} == dict.fromkeys(COLUMNS, 0)


def test_more_than_a_batch_comes_whole_and_once(story, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(evidence, "BATCH", 2)
    made = [decided(story) for _ in range(5)]
    found = rows(export(tmp_path / "out")["requests"])
    assert [line["request_id"] for line in found] == [str(one.pk) for one in made]
    assert capsys.readouterr().err.splitlines() == ["2 review requests", "4 review requests", "5 review requests"]


# --- what must not come out, or must not run ----------------------------------------------------------------------------------------------


def test_L06_no_address_and_no_salt_comes_out(story, tmp_path):
    User.objects.filter(pk=story.owner.pk).update(email="owner@mail.test")
    review_request = decided(story)
    whole = "".join(export(tmp_path / "out").values())
    salt = bytes(review_request.packets.get().salt)
    assert "@mail.test" not in whole
    assert (salt.hex() in whole, b64(salt) in whole) == (False, False)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx", '=HYPERLINK("http://x")'])
def test_a_cell_that_a_spreadsheet_would_run_is_text(text):
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize(
    ("value", "written"),
    [(None, ""), (True, "true"), (False, "false"), (7, "7"), ("a=b", "a=b"), ({"b": 1, "a": [2]}, '{"a":[2],"b":1}'), ("", "")],
)
def test_other_cells_stay_as_they_are(value, written):
    assert cell(value) == written


def test_a_comment_that_is_a_formula_is_text_in_the_file(story, tmp_path):
    decisions.comment(actor(story.owner), decided(story).pk, comment="=cmd|' /C calc'!A0")
    found = rows(export(tmp_path / "out")["events"])
    assert [line["comment"] for line in found if line["comment"]] == ["'=cmd|' /C calc'!A0"]
    lines = export(tmp_path / "json", "--format", "jsonl")["events"].splitlines()
    assert "=cmd|' /C calc'!A0" in [json.loads(line)["comment"] for line in lines]


def test_files_are_for_their_maker_and_nothing_is_written_over(story, tmp_path):
    decided(story)
    export(tmp_path / "out")
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "out").iterdir()}
    assert (modes, stat.S_IMODE((tmp_path / "out").stat().st_mode)) == ({0o600}, 0o700)
    with pytest.raises(CommandError, match="cannot be written") as again:
        export(tmp_path / "out")
    assert again.value.returncode == 1


@pytest.mark.parametrize(
    "arguments",
    [("--request", "00000000-0000-4000-8000-000000000000"), ("--request", "00000000-0000-4000-8000-000000000000", "--sample", "2"),
     ("--from", "2026-02-01", "--to", "2026-01-01"), ("--from", "yesterday"), ("--from", "2026-02-01T10:00:00"),
     ("--sample", "0"), ("--sample", "x")],
)  # fmt: skip
def test_wrong_usage_writes_nothing(story, tmp_path, arguments):
    with pytest.raises(CommandError) as wrong:
        call_command("export", "--output", str(tmp_path / "out"), *arguments)
    assert wrong.value.returncode in (1, 2)
    assert not (tmp_path / "out").exists()


def test_the_summary_counts_what_was_written(story, tmp_path, capsys):
    decided(story)
    export(tmp_path / "out", "--json")
    said = json.loads(capsys.readouterr().out)
    assert said["rows"]["votes"] == Vote.objects.count() == 1
    assert said["rows"]["denials"] == Denial.objects.count()
    assert (said["format"], said["sample"], said["request_id"]) == ("csv", 0, None)


def test_export_on_sqlite(sqlite_installation, tmp_path):
    key = {"RECEIPT_SIGNING_KEY_FILE": str(tmp_path / "key.pem")}
    for command in (["create_signing_key"], ["keys", "create"], ["seed_demo"]):
        sqlite_installation.manage(*command, **key)
    done = sqlite_installation.manage("export", "--output", str(tmp_path / "out"), "--sample", "2", "--json")
    assert done.returncode == 0, done.stderr
    assert (json.loads(done.stdout)["rows"]["requests"] > 5, (tmp_path / "out" / "events.csv").stat().st_size > 1000) == (True, True)
    requests = rows((tmp_path / "out" / "requests.csv").read_text(encoding="utf-8"))
    assert {(row["policy_version_in_force"], row["changes_ahead"]) for row in requests if row["state"] == "approved"} == {("1", "0")}
