"""What a name may look like, and when two are one (W17)."""

import pytest
from django.core.exceptions import ValidationError

from config.custody import comment_text, evidence_link, fold_key, folded, name_text, plain_text, slug_text

GOOD = ["Operations console", "Größe 3", "数据 平台", "Платежи", "host-request-1", "a/b:c#d@e", "l'équipe", "100 % ready 👍", "Straße"]


@pytest.mark.parametrize("value", GOOD)
def test_names_that_are_taken(value):
    name_text(value)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("pаyments", "mixed_scripts"),
        ("payments сор", "mixed_scripts"),
        ("Αlpha", "mixed_scripts"),
        ("\u202epayments", "invisible_character"),
        ("pay\u200bments", "invisible_character"),
        ("pay\u00adments", "invisible_character"),
        ("pay\u034fments", "invisible_character"),
        ("pay\u3164ments", "invisible_character"),
        ("pay\ufe0fments", "invisible_character"),
        ("pay\u2800ments", "invisible_character"),
        ("pay\ufffdments", "unreadable_character"),
        ("e\u0301quipe", "not_normalized"),
        ("ｐayments", "letter_variant"),
        ("𝐩ayments", "letter_variant"),
        ("ﬁnance", "letter_variant"),
        ("payments ", "stray_space"),
        (" payments", "stray_space"),
        ("pay  ments", "stray_space"),
        ("pay\u00a0ments", "stray_space"),
        ("pay\u3000ments", "stray_space"),
        ("4111 1111 1111 1111", "payload_card_number"),
    ],
)
def test_W17_names_that_are_refused(value, code):
    with pytest.raises(ValidationError) as caught:
        name_text(value)
    assert caught.value.code == code
    assert value not in str(caught.value)


def test_W17_in_a_sentence_only_a_mixed_word_is_refused():
    plain_text("Платежи of the team")
    for check in (plain_text, comment_text):
        with pytest.raises(ValidationError) as caught:
            check("the pаyments team")
        assert caught.value.code == "mixed_scripts"


@pytest.mark.parametrize(
    "pair", [("OPS-1", "ops-1"), ("ｏps-1", "OPS-1"), ("Straße", "STRASSE"), ("e\u0301", "É"), ("a  b ", "A b"), ("ﬁ", "FI")]
)
def test_W17_names_that_people_take_for_one_fold_to_one(pair):
    assert folded(pair[0]) == folded(pair[1])
    assert fold_key(pair[0]) == fold_key(pair[1])
    assert fold_key(pair[0]) != fold_key("other")


@pytest.mark.parametrize("value", ["", "A", "a b", "-a", "ä", "a" * 65, "a\n"])
def test_slugs_that_are_refused(value):
    with pytest.raises(ValidationError):
        slug_text(value)


def test_links_keep_any_id_in_their_path_and_no_credential():
    evidence_link("https://docs.example.org/document/d/1AbCdEfGhIjKlMnOpQrStUvWxYz0123456789abcdefg/edit?tab=t.0")
    with pytest.raises(ValidationError) as caught:
        evidence_link("https://files.example.org/x?sig=0123456789abcdef")
    assert caught.value.code == "payload_credential"
