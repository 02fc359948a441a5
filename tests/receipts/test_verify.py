import json
from datetime import timedelta

import pytest

import receipts.verify
from receipts.canonical import b64, canonical_bytes, unb64
from receipts.signing import public_jwk
from receipts.verify import MEMBERS, Keys, NotVerifiable, is_small_order, is_well_formed, load_keys, parse, thumbprint, verify
from tests.receipts.samples import ISSUER, JWKS, NOW, OTHER_SIGNER, SHA, SIGNER, as_bytes, flips, payload, sealed

L = 2**252 + 27742317777372353535851937790883648493  # order of the base point, RFC 8032 section 5.1
P = 2**255 - 19
Y8 = 2707385501144840649318225287225658788936804267575313519463743609750303402022


def report(document, jwks=JWKS, **demands):
    return verify(document, jwks, now=demands.pop("now", NOW), **demands)


def reasons(document, jwks=JWKS, **demands):
    found = report(document, jwks, **demands)
    assert not found.verified
    return list(found.reasons)


def with_inner(**changes) -> dict:
    document = sealed(payload())
    document["receipt"] = {name: value for name, value in (document["receipt"] | changes).items() if value is not ...}
    return document


def test_S01_a_good_receipt_is_verified():
    found = report(as_bytes(sealed(payload())), issuer=ISSUER, environment="production", subject=f"sha256:{SHA}")

    assert (found.verified, found.signature_valid, found.reasons, found.kid) == (True, True, (), SIGNER.kid)
    assert found.signed_payload == payload()


def test_S01_keys_prepared_once_give_the_same_report():
    document = sealed(payload())

    assert report(document, load_keys(JWKS)) == report(as_bytes(document))


@pytest.mark.parametrize("member", ["payload_b64", "signature"])
def test_S01_every_bit_of_payload_and_signature_counts(member):
    document, keys = sealed(payload()), load_keys(JWKS)
    for _, changed in flips(unb64(document["receipt"][member])):
        altered = {**document, "receipt": {**document["receipt"], member: b64(changed)}}
        assert report(altered, keys).reasons == ("signature_invalid",)


def test_S01_every_bit_of_the_file_counts():
    good, keys = as_bytes(sealed(payload())), load_keys(JWKS)
    survivors = [place for place, changed in flips(good) if report(changed, keys).verified]

    assert report(good, keys).verified
    assert survivors == []


def test_S01_a_receipt_cut_short_or_made_longer_is_refused():
    good = as_bytes(sealed(payload()))

    assert not any(report(good[:end]).verified for end in range(len(good)))
    assert reasons(good + b"}") == ["malformed_receipt"]


@pytest.mark.parametrize(
    "word", ["none", "HS256", "ES256", "EdDSA", "Ed25519", "ED25519", "ed25519 ", "", ["ed25519"], {"ed25519": 1}, None, ..., 1]
)
def test_S02_ed25519_is_the_only_word(word):
    assert reasons(with_inner(sig_alg=word)) == ["unsupported_algorithm"]


@pytest.mark.parametrize("name", ["jwk", "jku", "x5u", "x5c", "public_key_b64", "alg"])
def test_S03_key_material_in_the_receipt_is_refused(name):
    document = with_inner(kid=OTHER_SIGNER.kid, **{name: public_jwk(OTHER_SIGNER.public_key)})

    assert reasons(document) == ["malformed_receipt"]
    assert reasons({**sealed(payload()), name: "https://keys.example/"}) == ["malformed_receipt"]


@pytest.mark.parametrize("kid", ["../../etc/passwd", "' OR 1=1 --", "", "\0", "keys", SIGNER.kid + "\n", OTHER_SIGNER.kid])
def test_S03_kid_is_a_name_in_the_pinned_set_and_nothing_else(kid):
    assert reasons(with_inner(kid=kid)) == ["unknown_kid"]


def test_S03_another_signer_under_our_kid_is_refused():
    forged = sealed(payload(), signer=OTHER_SIGNER)
    forged["receipt"]["kid"] = SIGNER.kid

    assert reasons(forged) == ["signature_invalid"]


def test_S03_a_key_under_a_name_of_its_own_is_no_key():
    entry = {**public_jwk(OTHER_SIGNER.public_key), "kid": "deploy-key"}
    document = sealed(payload(), signer=OTHER_SIGNER)
    document["receipt"]["kid"] = "deploy-key"

    assert reasons(document, {"keys": [entry]}) == ["unknown_kid"]
    assert reasons(sealed(payload(), signer=OTHER_SIGNER), {"keys": [entry]}) == ["unknown_kid"]


@pytest.mark.parametrize(
    "copies", [{"verdict": "constrain"}, {"commitment_id": "rdc1_other"}, {"request_id": None}, {"verdict": ["allow"]}]
)
def test_S04_an_outer_copy_that_differs_is_an_error(copies):
    found = report(sealed(payload(), **copies))

    assert (found.verified, found.signature_valid, found.reasons) == (False, True, ("outer_copy_mismatch",))
    assert found.signed_payload["verdict"] == "allow"


def test_S04_outer_copies_may_be_left_out():
    assert report({"receipt": sealed(payload())["receipt"]}).verified


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'{"receipt":', b'{"receipt":{},"receipt":'),
        (b'"sig_alg":', b'"sig_alg":"none","sig_alg":'),
        (b'"verdict":', b'"verdict":1,"verdict":'),
    ],
)
def test_S04_duplicate_keys_in_the_file_are_refused(old, new):
    assert reasons(as_bytes(sealed(payload())).replace(old, new)) == ["duplicate_json_key"]


def test_S04_duplicate_keys_in_the_payload_are_refused():
    doubled = canonical_bytes(payload()).replace(b'"verdict":', b'"verdict":"reject","verdict":')

    found = report(sealed(doubled))

    assert (found.signature_valid, found.reasons, found.signed_payload) == (True, ("duplicate_json_key",), None)


@pytest.mark.parametrize("odd", [b"NaN", b"Infinity", b"1e999", b"2.0", b"1" * 40, b"-0"])
def test_S04_numbers_that_are_no_whole_numbers_are_refused(odd):
    spoiled = canonical_bytes(payload()).replace(b'"revision":2', b'"revision":' + odd)

    assert reasons(sealed(spoiled)) == ["malformed_receipt"]


@pytest.mark.parametrize("odd", [b"NaN", b"Infinity", b"1e999", b"2.0", b"1" * 40])
def test_S04_nan_in_the_file_is_refused(odd):
    document = as_bytes(sealed(payload(), verdict="#")).replace(b'"#"', odd)

    assert reasons(document) == ["malformed_receipt"]


@pytest.mark.parametrize(
    "change", [lambda text: text + "\n", lambda text: " " + text, lambda text: text.rstrip("=") + "====", lambda text: "_" + text]
)
@pytest.mark.parametrize("member", ["payload_b64", "signature"])
def test_S04_base64_in_another_spelling_is_refused(member, change):
    text = sealed(payload())["receipt"][member]

    assert reasons(with_inner(**{member: change(text)})) == ["noncanonical_base64"]


def test_S04_trailing_bits_of_base64_are_refused():
    text = sealed(payload())["receipt"]["signature"]  # 64 bytes: two padding signs, four bits without a meaning
    twin = text[:-3] + chr(ord(text[-3]) + 1) + "=="

    assert reasons(with_inner(signature=twin)) == ["noncanonical_base64"]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff\xfe{\0}\0",
        b"\xef\xbb\xbf{}",
        b'{"receipt":null}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"9" * 9999,
    ],
)
def test_anything_else_is_malformed(text):
    assert reasons(text) == ["malformed_receipt"]


@pytest.mark.parametrize("member", ["payload_b64", "signature", "kid"])
@pytest.mark.parametrize("value", [None, 1, [], {}, ...])
def test_every_member_of_the_receipt_is_a_text(member, value):
    assert reasons(with_inner(**{member: value})) == ["malformed_receipt"]


WRONG = {"null": None, "empty": "", "zero": 0, "fraction": 1.5, "true": True, "list": [1], "object": {"id": 1}, "text": "\u0000"}
ALLOWED = {"issuer": ["text"], "environment": ["text"], "conditions_digest": ["null"], "supersedes": ["null"]}


@pytest.mark.parametrize("name", MEMBERS)
def test_every_member_of_the_payload_is_demanded(name):
    without = {key: value for key, value in payload().items() if key != name}

    assert reasons(sealed(without)) == ["malformed_receipt"]


@pytest.mark.parametrize("name", MEMBERS)
def test_every_member_of_the_payload_has_its_type(name):
    taken = [word for word, wrong in WRONG.items() if report(sealed({**payload(), name: wrong})).signed_payload]

    assert taken == ALLOWED.get(name, [])


def test_a_true_production_write_is_malformed():
    assert reasons(sealed({**payload(), "production_write": True})) == ["malformed_receipt"]


@pytest.mark.parametrize(
    "time",
    ["2026-13-01T00:00:00Z", "2026-11-23T09:30:00+00:00", "2026-11-23T09:30:00.5Z", "2026-11-23 09:30:00Z", "\uff12026-11-23T09:30:00Z"],
)
def test_a_time_has_one_spelling(time):
    assert reasons(sealed({**payload(), "issued_at": time})) == ["malformed_receipt"]


def test_further_members_of_the_payload_are_let_be():
    assert report(sealed({**payload(), "x_later": "something"})).verified


@pytest.mark.parametrize("spelling", [{"indent": 1}, {"sort_keys": False}, {"ensure_ascii": True}])
def test_a_payload_that_is_not_canonical_is_malformed(spelling):
    style = {"sort_keys": True, "separators": (",", ":"), "ensure_ascii": False} | spelling
    text = json.dumps(dict(reversed(payload().items())), **style).encode()

    assert reasons(sealed(text)) == ["malformed_receipt"]


def test_canonical_check_agrees_with_the_library_on_odd_texts():
    name = "".join(map(chr, (*range(1, 0x20), 0x22, 0x5C, 0x7F, 0x2028, 0xFFFD, 0x1F600)))

    assert report(sealed(payload(environment=name))).verified


def test_S13_issuer_environment_and_subject_are_bound():
    document = sealed(payload(environment="staging", issuer="https://staging.example"))

    found = reasons(document, issuer=ISSUER, environment="production", subject="sha256:" + "00" * 32)

    assert found == ["issuer_mismatch", "environment_mismatch", "subject_mismatch"]


@pytest.mark.parametrize("name", ["protocol", "object"])
def test_S13_another_protocol_or_object_is_refused(name):
    assert reasons(sealed({**payload(), name: payload()[name] + "x"})) == ["malformed_receipt"]


@pytest.mark.parametrize("subject", ["", "sha256:", "sha256", f"sha512:{SHA}", f"sha256:{SHA.upper()}", SHA, ":"])
def test_a_subject_is_matched_by_algorithm_and_digest(subject):
    assert reasons(sealed(payload()), subject=subject) == ["subject_mismatch"]


def test_a_subject_may_be_a_commit():
    document = sealed(payload(subject=[{"name": "a", "digest": {"sha256": SHA}}, {"name": "b", "digest": {"gitCommit": "c0" * 20}}]))

    assert report(document, subject="gitCommit:" + "c0" * 20).verified


@pytest.mark.parametrize(("second", "expected"), [(-1, ()), (0, ("receipt_expired",)), (1, ("receipt_expired",))])
def test_W14_a_receipt_ends_at_its_second(second, expected):
    end = NOW + timedelta(hours=72, seconds=second)

    assert report(sealed(payload()), now=end).reasons == expected


def test_this_machines_clock_is_asked_when_no_time_is_given():
    assert verify(sealed(payload(expires_at=NOW + timedelta(days=36500))), JWKS).verified
    assert verify(sealed(payload(expires_at=NOW - timedelta(days=9000))), JWKS).reasons == ("receipt_expired",)


def test_a_rejection_permits_nothing():
    found = report(sealed(payload(verdict="reject", expires_at=None)))

    assert (found.signature_valid, found.reasons) == (True, ("verdict_reject",))


def test_conditions_pass_only_where_they_are_accepted():
    document = sealed(payload(verdict="constrain", conditions=["watch it"]))

    assert report(document).verified
    assert reasons(document, accept_conditions=False) == ["verdict_constrain"]


def small_order_keys() -> list[bytes]:
    """Every 32 bytes that decode to one of the eight points, spelled canonically or not, with either sign."""
    ys = {y + extra * P for y in (0, 1, P - 1, Y8, P - Y8) for extra in (0, 1) if y + extra * P < 2**255}
    return [(y | sign << 255).to_bytes(32, "little") for y in sorted(ys) for sign in (0, 1)]


def test_small_order_list_is_complete():
    of_order_8 = ["26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"]
    of_order_8 += ["c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"]

    assert set(map(bytes.fromhex, of_order_8)) < set(small_order_keys())
    assert len(small_order_keys()) == 14
    assert not is_small_order(SIGNER.public_key)


@pytest.mark.parametrize("raw", small_order_keys(), ids=bytes.hex)
def test_small_order_key_is_refused(raw):
    entry = public_jwk(raw)
    document = with_inner(kid=entry["kid"], signature=b64((1).to_bytes(32, "little") + bytes(32)))

    assert reasons(document, {"keys": [entry]}) == ["small_order_key"]
    assert reasons(sealed(payload()), {"keys": [*JWKS["keys"], entry]}) == ["small_order_key"]


def test_malleable_signature_is_refused():
    signature = unb64(sealed(payload())["receipt"]["signature"])
    twin = signature[:32] + (int.from_bytes(signature[32:], "little") + L).to_bytes(32, "little")

    assert reasons(with_inner(signature=b64(twin))) == ["signature_invalid"]


@pytest.mark.parametrize("size", [0, 32, 63, 65, 128])
def test_signature_of_another_length_is_refused(size):
    assert reasons(with_inner(signature=b64(bytes(size)))) == ["signature_invalid"]


@pytest.mark.parametrize(
    "jwks",
    [{}, {"keys": None}, {"keys": {}}, [], None, {"keys": [{**JWKS["keys"][0], "x": 1}]}, {"keys": [{**JWKS["keys"][0], "x": "QQ"}]}],
)
def test_a_key_set_of_another_form_is_refused(jwks):
    assert reasons(sealed(payload()), jwks) == ["malformed_jwks"]


def test_a_key_set_may_hold_keys_for_other_things():
    others = [
        {"kty": "RSA", "n": "AQAB"},
        {**public_jwk(SIGNER.public_key), "use": "enc"},
        "text",
        {"kty": "OKP", "crv": "X25519", "x": "AA"},
    ]

    assert load_keys({"keys": others}) == Keys()
    assert report(sealed(payload()), {"keys": others + JWKS["keys"]}).verified


def test_a_plain_dict_of_keys_is_not_taken_for_prepared_keys():
    assert reasons(sealed(payload()), dict(load_keys(JWKS))) == ["malformed_jwks"]


def test_S12_thumbprint_follows_the_published_vector():
    # RFC 8037 appendix A.3
    raw = receipts.verify.unb64url("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")

    assert thumbprint(raw) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


# --- the short way ----------------------------------------------------------------------------------------------------------------


def _the_long_way(payload_bytes: bytes) -> dict | None:
    try:
        value = parse(payload_bytes)
    except NotVerifiable:
        return None
    return value if is_well_formed(value) and canonical_bytes(value) == payload_bytes else None


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"subject": []},
        {"subject": [{"name": "api", "digest": {"sha256": "a" * 64}}, {"name": "a b/c~", "digest": {"gitCommit": "b" * 40}}]},
        {"subject": [{"name": "operations-consolé \U0001f680", "digest": {"sha256": SHA}}], "environment": "prod-ü"},
        {"conditions_digest": "c" * 64, "verdict": "constrain", "supersedes": "3090c578-dd8a-47ad-bfd3-e5e0317c95f7"},
    ],
)
def test_what_the_short_way_takes_the_long_way_takes_with_every_byte_changed(said):
    usual = canonical_bytes(payload(subject=[{"name": "operations-console", "digest": {"sha256": SHA}}]) | said)
    assert receipts.verify._usual_payload(usual) is not None
    assert receipts.verify._usual_payload(usual) == _the_long_way(usual)
    taken = 0
    for place in range(len(usual)):
        for letter in b'"\\{}[],:0129aAzZ-_ \x00\x1f\x7f\x80\xbf\xc3\xed\xff':
            changed = usual[:place] + bytes([letter]) + usual[place + 1 :]
            if (found := receipts.verify._usual_payload(changed)) is not None:
                taken += 1
                assert found == _the_long_way(changed), changed
    assert taken > 100


@pytest.mark.parametrize("moment", ["2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-01-01T25:00:00Z"])
def test_a_time_that_does_not_exist_is_refused_by_both_ways(moment):
    for name in ("issued_at", "expires_at"):
        wrong = canonical_bytes(payload() | {name: moment})
        assert (receipts.verify._usual_payload(wrong), _the_long_way(wrong)) == (None, None)


def _opened_at_length(envelope: bytes) -> receipts.verify.Handed | None:
    try:
        return receipts.verify._opened(parse(envelope), legacy=False)
    except NotVerifiable:
        return None


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")], ids=["compact", "spaced"])
def test_what_the_short_way_takes_of_an_envelope_the_long_way_takes_with_every_byte_changed(separators):
    usual = json.dumps(sealed(payload()), separators=separators).encode()
    found = receipts.verify._usual_envelope(usual)
    assert (found.inner, found.exact) == (_opened_at_length(usual).inner, True)
    taken = 0
    for place in range(len(usual)):
        for letter in b'"\\{}[],:019aAzZ-_=+/ \x00\x1f\n\x7f\xc3':
            changed = usual[:place] + bytes([letter]) + usual[place + 1 :]
            found, long = receipts.verify._usual_envelope(changed), _opened_at_length(changed)
            if found is None:
                continue
            taken += 1
            copies = {name: long.outer[name] for name in receipts.verify.COPIES} if long else None
            # A control character within the base64 is no JSON, and no base64 either: it is refused one step later.
            assert (found.inner, found.outer) == (long.inner, copies) if long else reasons(changed) == ["noncanonical_base64"], changed
    assert taken > 1000


def test_prepared_keys_are_trusted_by_their_names_only_where_these_were_compared():
    document = sealed(payload())
    key = load_keys(JWKS)[SIGNER.kid]
    renamed = with_inner(kid="a-name")

    assert reasons(renamed, Keys({"a-name": key})) == ["unknown_kid"]
    assert report(document, Keys({SIGNER.kid: key})).verified
