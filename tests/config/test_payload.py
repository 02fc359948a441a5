"""What no text may hold, measured on a corpus (P04, P08), under wrapping, and at a bounded cost (H11)."""

import time
from contextlib import suppress

import pytest
from django.core.exceptions import ValidationError

from config.custody import comment_text, evidence_link, name_text, plain_text
from config.payload import kind_in_link, kind_of, shown_key
from tests.drafts import corpus


def share(samples: list[corpus.Sample]) -> float:
    answers = [answer for _, answer in corpus.refused(samples)]
    return sum(answers) / len(answers)


def test_P04_at_least_99_of_100_bad_texts_are_refused():
    assert len(corpus.bad()) >= 300
    assert share(corpus.bad()) >= 0.99


def test_P08_at_most_1_of_100_good_texts_is_refused():
    assert len(corpus.good()) >= 500
    assert share(corpus.good()) <= 0.01


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_figures_are_not_those_of_one_seed(seed, monkeypatch):
    monkeypatch.setattr(corpus, "SEED", seed)
    assert share(corpus.bad()) >= 0.99
    assert share(corpus.good()) <= 0.01


def test_every_bad_kind_is_refused_in_a_comment_and_named_without_its_value():
    for _, value in corpus.bad():
        with pytest.raises(ValidationError) as caught:
            comment_text(value)
        assert value not in str(caught.value)
        assert caught.value.code.startswith("payload_")


def test_every_good_text_is_taken_where_it_belongs():
    for _, value in corpus.good():
        (evidence_link if value.startswith("http") else plain_text)(value)


CARD = "4111 1111 1111 1111"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (CARD, "a card number"),
        ("order 12 " + CARD, "a card number"),
        ("4111 1111 1111 1112", ""),
        ("GB82 WEST 1234 5698 7654 32", "a bank account number"),
        ("gb82west12345698765432 is theirs", "a bank account number"),
        ("GB83 WEST 1234 5698 7654 32", ""),
        ("123-45-6789", "a national identity number"),
        ("OPS-123-45-6789", ""),
        ("12345678Z", "a national identity number"),
        ("12345678A", ""),
        ("529.982.247-25", "a national identity number"),
        ("529.982.247-26", ""),
        ("2341 2341 2346", "a national identity number"),
        ("2341 2341 2345", ""),
        ("id,name,amount\n1,a,2\n2,b,3", "a table"),
        ("first, second\nthird, fourth\nfifth, sixth", ""),
        ("[1, 2, 3]", ""),
        ('[{"a": 1}]', "a data object"),
        ("word " * 281, "text as long as a document"),
        ("word " * 280, ""),
        ("password: rotated every 90 days", ""),
        ("token: vault:kv/app#7", ""),
        ("x" * 8193, "text of that length"),
    ],
)
def test_kinds_are_told_apart(text, kind):
    assert kind_of(text) == kind


@pytest.mark.parametrize("link", ["https://x.example.org/a?token=abcd1234", "https://x.example.org/a#access_token=abcd1234"])
def test_a_link_carries_no_credential_among_its_parameters(link):
    assert kind_in_link(link) == "a credential"
    assert kind_in_link(link.replace("=", "%3D")) == "a credential"
    assert kind_in_link(link.partition("oken")[0].replace("access_t", "t") + "opic=abcd1234") == ""


def test_a_made_up_key_is_repeated_only_if_it_holds_nothing():
    assert shown_key("external_reference") == "external_reference"
    assert shown_key("k" * 200) == "k" * 80
    assert shown_key(CARD) == "…"


# --- cost ---------------------------------------------------------------------------------------------------------------------------

BAITS = [
    "<", "&amp;", "&lt;", "a", "1", "1 ", "-", "%25", "%", "eyJ", "A1b", "DE", "DE89 ", "GB82WEST", "http://a:", '"kty"',
    '"d":"kty"', "password", "password=", "client_secret:", "a.", "a.b-", "[", "{", '{"a":', ",", "\n,,\n", "patient ", "basic ",
    "bearer ", "QUFB", "4111 ", "4111-1111-", "123-45-", "SK", "\t", "MSH|", "diagnosed ", "\u0430a", "AKC", "ssn ", "a:b@", "://",
    "?token", "/", "_", "=", "token ", "\u0301", "is ", "\xdf",
]  # fmt: skip


@pytest.mark.parametrize("bait", BAITS)
def test_H11_a_megabyte_of_anything_costs_less_than_a_second(bait):
    for check in (plain_text, comment_text, name_text, evidence_link):
        started = time.perf_counter()
        for value in (bait * (2**20 // len(bait)), (bait * 8192)[:8192]):
            with suppress(ValidationError):
                check(value)
        assert time.perf_counter() - started < 1


def test_the_texts_of_a_plan_cost_less_than_5_ms():
    texts = [sentence for sentence in corpus.SENTENCES if sentence.isascii()][:6]
    started = time.process_time()
    for _ in range(20):
        for text in texts:
            plain_text(text)
    assert (time.process_time() - started) / 20 < 0.005
