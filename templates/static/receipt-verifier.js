// Verifies receipts and bundles with WebCrypto. The twin of receipts/verify.py: same checks, same order, same words; tests compare the two.

import {
  b64url, bytesOf, equal, has, hex, isCanonical, isCount, isHash, isObject, isSignedBy, isText, isTime, keyOf, moment, parse, refuse, refuseIf,
  Refusal, sha256, thumbprint, unb64, unb64url, unhex,
} from "./receipt-reading.js";

const PROTOCOL = "craton.receipt.protocol.v1";
const OBJECT = "readiness.deployment_review_receipt.v1";
const BUNDLE = "craton.receipt.verification_bundle";
const OURS = ["readiness.", "craton.receipt.operational_key", BUNDLE];
const VERDICTS = ["allow", "constrain", "reject"];
const INNER = ["payload_b64", "signature", "kid", "sig_alg"];
const PARTS = ["receipt", "key_bundle", "attestation", "log", "status", "status_attestation"];
const LOG_PARTS = ["leaf_b64", "leaf_index", "tree_size", "hashes", "checkpoint", "key"];
const COPIES = ["verdict", "commitment_id", "request_id"];
const FIVE_MINUTES = 5 * 60 * 1000;
const STATUS_KEEPS = 30 * 24 * 3600 * 1000;

// --- the file that is handed in -----------------------------------------------------------------------------------------------------

const within = (value, names) => Object.keys(value).every((name) => names.includes(name));
const isExactly = (value, names) => within(value, names) && names.every((name) => name in value);

function texts(inner) {
  if (!isObject(inner)) refuse("malformed_receipt");
  if (inner.sig_alg !== "ed25519") refuse("unsupported_algorithm");
  if (!isExactly(inner, INNER) || !INNER.every((name) => typeof inner[name] === "string")) refuse("malformed_receipt");
  return inner;
}

const textsAmongOthers = (inner) => texts(Object.fromEntries(Object.entries(inner).filter(([name]) => INNER.includes(name))));
const isInner = (value) => isObject(value) && ["payload_b64", "signature", "kid"].every((name) => name in value);

function isExactBundle(document) {
  const parts = PARTS.filter((name) => name in document).map((name) => document[name]);
  return (
    within(document, ["object", ...PARTS]) && "receipt" in document && "key_bundle" in document && parts.every(isObject) &&
    (!document.log || (within(document.log, [...LOG_PARTS, "attestation"]) && LOG_PARTS.every((name) => name in document.log)))
  );
}

function withAReceipt(document) {
  const found = isInner(document) ? [[document, {}]] : [];
  const waiting = [document];
  while (waiting.length) {
    const value = waiting.pop();
    if (isObject(value) && isInner(value.receipt)) found.push([value.receipt, value]);
    if (typeof value === "object" && value !== null) waiting.push(...Object.values(value));
  }
  return found;
}

function opened(document) {
  if (!isObject(document)) refuse("malformed_receipt");
  const isBundle = document.object === BUNDLE;
  const inner = document.receipt;
  if ((isBundle ? isExactBundle(document) : within(document, ["receipt", ...COPIES])) && isObject(inner) && isExactly(inner, INNER)) {
    return { inner: texts(inner), outer: isBundle ? {} : document, around: isBundle ? document : {}, isBundle, exact: true };
  }
  if (isBundle) {
    if (!isObject(inner)) refuse("malformed_bundle");
    return { inner: textsAmongOthers(inner), outer: {}, around: document, isBundle, exact: false };
  }
  const found = withAReceipt(document);
  if (found.length !== 1) refuse("malformed_receipt");
  return { inner: textsAmongOthers(found[0][0]), outer: found[0][1], around: document, isBundle, exact: false };
}

const part = (handed, name) => (handed.isBundle && handed.exact ? handed.around[name] : undefined);

// --- keys, root, attestation --------------------------------------------------------------------------------------------------------

function publicBytes(entry) {
  if (!isObject(entry)) return null;
  if (typeof entry.public_key_b64 === "string") return unb64(entry.public_key_b64);
  const jwk = isObject(entry.public_key_jwk) ? entry.public_key_jwk : entry;
  if (jwk.kty !== "OKP" || jwk.crv !== "Ed25519" || ("use" in jwk && jwk.use !== "sig")) return null;
  if (typeof jwk.x !== "string") refuse("malformed_jwks");
  return unb64url(jwk.x);
}

function loadKeys(jwks) {
  if (!isObject(jwks) || !Array.isArray(jwks.keys)) refuse("malformed_jwks");
  const keys = new Map();
  for (const entry of jwks.keys) {
    const raw = publicBytes(entry);
    if (raw === null) continue;
    keyOf(raw, "malformed_jwks");
    if (typeof entry.kid !== "string") continue;
    if (keys.has(entry.kid) && !equal(keys.get(entry.kid), raw)) refuse("malformed_jwks");
    keys.set(entry.kid, raw);
  }
  return keys;
}

async function loadRoot(anchor) {
  if (!isObject(anchor) || anchor.sig_alg !== "ed25519") refuse("malformed_root");
  if (!isText(anchor.root_key_id) || typeof anchor.public_key_b64 !== "string") refuse("malformed_root");
  const raw = keyOf(unb64(anchor.public_key_b64), "malformed_root");
  const fingerprint = hex(await sha256(raw));
  if (anchor.public_key_fingerprint_sha256 !== fingerprint) refuse("pinned_root_fingerprint_mismatch");
  return { name: anchor.root_key_id, fingerprint, raw };
}

async function loadLogKey(text) {
  const found = typeof text === "string" && text.match(/^([^+]+)\+([^+]*)\+(.*)$/s);
  if (!found) refuse("log_key_unknown");
  const [, name, hint, encoded] = found;
  const raw = unb64(encoded);
  const expected = hex((await sha256(bytesOf(`${name}\n`), raw)).slice(0, 4));
  if (raw[0] !== 1 || hint !== expected) refuse("log_key_unknown");
  return { name, hint, raw: keyOf(raw.slice(1), "log_key_unknown") };
}

async function attested(attestation, root, { kid, use, bundled, now }) {
  if (!isObject(attestation) || attestation.object !== "craton.receipt.operational_key_attestation.v1") refuse("unsupported_attestation_object");
  refuseIf({
    unknown_root_key_id: attestation.root_key_id !== root.name,
    attestation_root_fingerprint_mismatch: attestation.root_public_key_fingerprint_sha256 !== root.fingerprint,
    root_signature_verification_failed: typeof attestation.payload_b64 !== "string" || typeof attestation.signature !== "string",
  });
  const bytes = unb64(attestation.payload_b64);
  if (!(await isSignedBy(root.raw, bytes, unb64(attestation.signature)))) refuse("root_signature_verification_failed");
  const payload = parse(bytes, { fractions: true });
  if (!isObject(payload)) refuse("unsupported_attestation_payload_object");
  refuseIf({
    unsupported_attestation_payload_object: payload.object !== "craton.receipt.operational_key_attestation_payload.v1",
    unsupported_attestation_protocol: payload.protocol !== PROTOCOL,
    root_key_id_payload_mismatch: payload.root_key_id !== root.name,
    root_fingerprint_payload_mismatch: payload.root_public_key_fingerprint_sha256 !== root.fingerprint,
    missing_subject: !isObject(payload.subject),
  });
  const raw = await subjectKey(payload.subject, { kid, use, bundled });
  const [begins, ends] = [moment(payload.not_before || payload.issued_at), moment(payload.not_after)];
  if (begins === null || ends === null) refuse("malformed_attestation");
  refuseIf({ attestation_not_yet_valid: now < begins, attestation_expired: now >= ends });
  return raw;
}

async function subjectKey(subject, { kid, use, bundled }) {
  refuseIf({
    subject_kid_mismatch: subject.kid !== kid,
    [`subject_use_not_${use}`]: subject.allowed_use !== use,
    subject_sig_alg_not_ed25519: subject.sig_alg !== "ed25519",
  });
  const raw = typeof subject.public_key_b64 === "string" ? unb64(subject.public_key_b64) : bundled;
  if (!raw || (bundled && !equal(bundled, raw))) refuse("subject_public_key_mismatch");
  if (subject.public_key_fingerprint_sha256 !== hex(await sha256(raw))) refuse("subject_public_key_fingerprint_mismatch");
  return keyOf(raw, "subject_public_key_mismatch");
}

// Whom to believe about this one file. `pinned`: a parsed root, JWKS or offline key bundle; nothing in the file itself.
async function trustFor(handed, pinned, now) {
  const kid = handed.inner.kid;
  const attestation = "attestation" in handed.around ? handed.around.attestation : handed.around.operational_key_attestation;
  if (isObject(pinned) && "root_key_id" in pinned) {
    const root = await loadRoot(pinned);
    if (attestation === undefined || attestation === null) return { keys: new Map(), root, attestation: "missing", missing: "attestation_missing" };
    const bundled = (handed.around.key_bundle ?? null) === null ? undefined : loadKeys(handed.around.key_bundle).get(kid);
    const raw = await attested(attestation, root, { kid, use: "receipt_signing", bundled, now });
    return { keys: new Map([[kid, raw]]), root, attestation: "verified" };
  }
  const keys = loadKeys(pinned);
  const root = pinned.root ? await loadRoot(pinned.root) : null;
  const logKey = pinned.log_key ? await loadLogKey(pinned.log_key) : null;
  if (attestation === undefined || attestation === null || !root) return { keys, root, logKey, attestation: attestation ? "not_checked" : "missing" };
  await attested(attestation, root, { kid, use: "receipt_signing", bundled: keys.get(kid), now });
  return { keys, root, logKey, attestation: "verified" };
}

// --- the payload --------------------------------------------------------------------------------------------------------------------

const matches = (pattern) => (value) => typeof value === "string" && pattern.test(value);
const orNull = (check) => (value) => value === null || check(value);
const exactly = (word) => (value) => value === word;
const isUuid = matches(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/);
const isDigests = (value) => isObject(value) && Object.keys(value).length > 0 && Object.values(value).every(isText);
const isSubject = (value) => Array.isArray(value) && value.every((each) => isObject(each) && isText(each.name) && isDigests(each.digest));
const isPolicy = (value) => isObject(value) && isText(value.id) && isCount(value.version) && isHash(value.digest);

export const MEMBERS = {
  protocol: exactly(PROTOCOL),
  object: exactly(OBJECT),
  issuer: isText,
  receipt_id: isUuid,
  request_id: isUuid,
  revision: isCount,
  verdict: (value) => VERDICTS.includes(value),
  commitment_id: matches(/^rdc1_[A-Za-z0-9_-]{43}$/),
  commitment_alg: exactly("hmac-sha256"),
  decision_type: exactly("deployment_approval_request"),
  gate_type: exactly("deployment_approval_gate"),
  environment: isText,
  subject: isSubject,
  policy: isPolicy,
  conditions_digest: orNull(isHash),
  issued_at: isTime,
  expires_at: orNull(isTime),
  supersedes: orNull(isUuid),
  production_write: exactly(false),
};

async function signedPayload(bytes, handed, raw) {
  const loose = parse(bytes, { fractions: true });
  if (!isObject(loose) || loose.protocol !== PROTOCOL) refuse("malformed_receipt");
  const isOurs = "object" in loose && (typeof loose.object !== "string" || OURS.some((word) => loose.object.startsWith(word)));
  if (!isOurs) return loose;
  const payload = parse(bytes);
  const isWellFormed = has(MEMBERS, payload) && (payload.expires_at !== null || payload.verdict === "reject");
  if (!handed.exact || !isWellFormed || !isCanonical(payload, bytes)) refuse(handed.isBundle && !handed.exact ? "malformed_bundle" : "malformed_receipt");
  if (handed.inner.kid !== (await thumbprint(raw))) refuse("unknown_kid");
  if (part(handed, "key_bundle")) await checkKeyBundle(handed);
  return payload;
}

async function checkKeyBundle(handed) {
  const bundled = handed.around.key_bundle;
  if (!isExactly(bundled, ["keys"]) || !Array.isArray(bundled.keys)) refuse("malformed_bundle");
  for (const entry of bundled.keys) {
    if (!isObject(entry) || typeof entry.x !== "string") refuse("malformed_bundle");
    const expected = { kty: "OKP", crv: "Ed25519", use: "sig", kid: await thumbprint(unb64url(entry.x)), x: entry.x };
    if (!isExactly(entry, Object.keys(expected)) || !Object.keys(expected).every((name) => entry[name] === expected[name])) refuse("malformed_bundle");
  }
  // A key that was revoked has left the set that its receipts are bundled with.
  if (!loadKeys(bundled).has(handed.inner.kid)) refuse("unknown_kid");
}

// --- status and log -----------------------------------------------------------------------------------------------------------------

const REVOKED = { receipt_sha256: isHash, commitment_id: isText, revoked_at: isTime, reason: isText, superseded_by: orNull(isHash) };
const STATUS = {
  object: exactly("readiness.receipt_status.v1"),
  protocol: exactly(PROTOCOL),
  issuer: isText,
  seq: isCount,
  issued_at: isTime,
  next_update: isTime,
  revoked: (value) => Array.isArray(value) && value.every((each) => has(REVOKED, each)),
};

async function statusDocument(handed, trust, now) {
  let keys = trust.keys;
  const attestation = part(handed, "status_attestation");
  if (attestation && trust.root) {
    const kid = texts(part(handed, "status")).kid;
    keys = new Map([...keys, [kid, await attested(attestation, trust.root, { kid, use: "receipt_signing", now })]]);
  }
  try {
    const inner = texts(part(handed, "status"));
    const bytes = unb64(inner.payload_b64);
    if (!keys.has(inner.kid) || !(await isSignedBy(keys.get(inner.kid), bytes, unb64(inner.signature)))) refuse("signature_invalid");
    const found = parse(bytes);
    if (!has(STATUS, found) || !isCanonical(found, bytes)) refuse("malformed_receipt");
    const revokedKeys = found.revoked_keys ?? [];
    if (("revoked_keys" in found && found.revoked_keys === null) || !Array.isArray(revokedKeys)) refuse("malformed_receipt");
    if (!revokedKeys.every((each) => has({ kid: isText, revoked_at: isTime }, each))) refuse("malformed_receipt");
    return found;
  } catch (error) {
    if (error instanceof Refusal) refuse("status_invalid");
    throw error;
  }
}

const isRevoked = (kid, found) => (found.revoked_keys ?? []).some((each) => each.kid === kid);

async function judgeStatus(report, handed, trust, now, demands) {
  if (!part(handed, "status")) {
    if (demands.require_status) report.reasons.push("status_missing");
    return;
  }
  const found = await statusDocument(handed, trust, now);
  if (found.issuer !== report.signed_payload.issuer) refuse("status_invalid");
  const entry = found.revoked.find((each) => each.receipt_sha256 === report.payload_sha256);
  const end = moment(report.signed_payload.expires_at);
  const isSilent = !entry && end !== null && moment(found.issued_at) - end > STATUS_KEEPS;
  report.status = { state: entry ? "revoked" : isSilent ? "unknown" : "not_revoked", as_of: found.issued_at, next_update: found.next_update };
  if (entry) {
    report.status.revoked_at = entry.revoked_at;
    report.reasons.push("receipt_revoked");
  }
  if (entry?.reason === "key_compromised" || isRevoked(report.kid, found)) report.reasons.push("key_revoked");
  if (!demands.require_status) return;
  const issued = moment(found.issued_at);
  const limit = demands.max_status_age;
  const isStale = now >= moment(found.next_update) || issued > now + FIVE_MINUTES || (limit !== undefined && now - issued > limit * 1000);
  if (isStale) report.reasons.push("status_stale");
  else if (isSilent) report.reasons.push("status_missing");
}

// RFC 9162 section 2.1.3.2. Division instead of shifts: a log may be larger than 32 bits can say.
async function rootFromInclusion(leaf, index, size, path) {
  let [place, last, found] = [index, size - 1, await sha256(new Uint8Array([0]), leaf)];
  const half = (number) => Math.floor(number / 2);
  for (const each of path) {
    if (last === 0) return null;
    if (place % 2 === 1 || place === last) {
      found = await sha256(new Uint8Array([1]), each, found);
      while (place !== 0 && place % 2 === 0) [place, last] = [half(place), half(last)];
    } else {
      found = await sha256(new Uint8Array([1]), found, each);
    }
    [place, last] = [half(place), half(last)];
  }
  return last === 0 ? found : null;
}

async function checkpoint(note, key) {
  const cut = typeof note === "string" ? note.indexOf("\n\n") : -1;
  const lines = cut < 0 ? [] : note.slice(0, cut).split("\n");
  if (lines.length !== 3 || lines[0] !== key.name || !/^[1-9][0-9]{0,14}$/.test(lines[1])) refuse("log_checkpoint_invalid");
  const mark = `— ${key.name} `;
  const signed = bytesOf(note.slice(0, cut + 1));
  const ours = note.slice(cut + 2).split("\n").filter((line) => line.startsWith(mark)).map((line) => unb64(line.slice(mark.length)));
  for (const each of ours) {
    if (hex(each.slice(0, 4)) === key.hint && (await isSignedBy(key.raw, signed, each.slice(4)))) return { size: Number(lines[1]), root: unb64(lines[2]) };
  }
  return refuse("log_checkpoint_invalid");
}

async function logKeyFor(trust, proof, now) {
  const isAttested = trust.root && "attestation" in proof && proof.attestation !== null;
  if (!trust.logKey && !isAttested) return null;
  const bundled = await loadLogKey(proof.key);
  if (trust.logKey && !(trust.logKey.name === bundled.name && equal(trust.logKey.raw, bundled.raw))) refuse("log_key_unknown");
  if (isAttested) {
    await attested(proof.attestation, trust.root, { kid: `${bundled.name}+${bundled.hint}`, use: "log_signing", bundled: bundled.raw, now });
  }
  return bundled;
}

async function judgeLog(report, handed, trust, now, demands) {
  const proof = part(handed, "log");
  const key = proof && (await logKeyFor(trust, proof, now));
  if (!proof || !key) {
    if (demands.require_log) report.reasons.push(proof ? "log_key_unknown" : "log_missing");
    return;
  }
  const { size, root } = await checkpoint(proof.checkpoint, key);
  const isForm = typeof proof.leaf_b64 === "string" && Array.isArray(proof.hashes) && proof.hashes.every(isHash) && Number.isInteger(proof.leaf_index);
  if (!isForm) refuse("log_inclusion_failed");
  const bytes = unb64(proof.leaf_b64);
  const isInside = proof.leaf_index >= 0 && proof.leaf_index < size;
  const found = isInside ? await rootFromInclusion(bytes, proof.leaf_index, size, proof.hashes.map(unhex)) : null;
  refuseIf({ log_inconsistent: proof.tree_size !== size, log_inclusion_failed: !found || !equal(found, root) });
  const leaf = parse(bytes);
  const payload = report.signed_payload;
  if (!isObject(leaf) || leaf.object !== "readiness.log_leaf.v1" || leaf.receipt_sha256 !== report.payload_sha256) refuse("log_inclusion_failed");
  const contradicts = ["request_id", "revision", "verdict", "commitment_id"].some((name) => name in leaf && leaf[name] !== payload[name]);
  const origin = typeof payload.issuer === "string" && payload.issuer.split("://").slice(1).join("://").replace(/\/+$/, "");
  if (contradicts || !["decision", "receipt"].includes(leaf.kind) || origin !== key.name.replace(/\/+$/, "")) refuse("log_inconsistent");
  report.log = { origin: key.name, tree_size: size, leaf_index: proof.leaf_index };
}

// --- verification -------------------------------------------------------------------------------------------------------------------

function unmet(payload, outer, now, demands) {
  const [issued, end] = [moment(payload.issued_at), moment(payload.expires_at)];
  const [algorithm, ...rest] = (demands.subject ?? "").split(":");
  const isNamed = isSubject(payload.subject) && payload.subject.some((each) => each.digest[algorithm] === rest.join(":"));
  const hasEnd = payload.expires_at !== undefined && payload.expires_at !== null;
  const found = {
    outer_copy_mismatch: COPIES.some((name) => name in outer && name in payload && outer[name] !== payload[name]),
    issuer_mismatch: demands.issuer !== undefined && payload.issuer !== demands.issuer,
    environment_mismatch: demands.environment !== undefined && payload.environment !== demands.environment,
    subject_mismatch: demands.subject !== undefined && !isNamed,
    receipt_not_yet_valid: issued !== null && issued > now + FIVE_MINUTES,
    receipt_expired: hasEnd && (end === null || now >= end),
    receipt_too_old: demands.max_age !== undefined && (issued === null || now - issued > demands.max_age * 1000),
    verdict_reject: payload.verdict === "reject",
    verdict_constrain: payload.verdict === "constrain" && !demands.accept_conditions,
    verdict_unknown: "verdict" in payload && !VERDICTS.includes(payload.verdict),
  };
  return Object.keys(found).filter((word) => found[word]);
}

function notesOn(report, now) {
  const notes = [];
  if (report.signed_payload.object !== OBJECT) notes.push("another_issuers_form");
  if (!report.issuer_identity_verified) notes.push("keys_as_pinned");
  if (report.attestation_status === "not_checked") notes.push("attestation_not_checked");
  if (report.status.state === "unknown") notes.push("revocation_unknown");
  else if (now >= moment(report.status.next_update)) notes.push("status_not_current");
  if (!report.log) notes.push("log_not_checked");
  return notes;
}

const nothing = (...reasons) => ({
  verified: false, signature_valid: false, issuer_identity_verified: false, reasons, kid: null, signed_payload: null, attestation_status: "missing",
  status: { state: "unknown" }, log: null, notes: [],
});

async function attempt(judge, report, ...more) {
  try {
    await judge(report, ...more);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    report.reasons.push(error.message);
  }
}

// Nobody vouches for a key that was revoked, and it has left the key sets. A status that is trusted here says so.
async function whyGone(handed, trust, now) {
  if (!part(handed, "status")) return [];
  try {
    return isRevoked(handed.inner.kid, await statusDocument(handed, trust, now)) ? ["key_revoked"] : [];
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return [];
  }
}

async function authenticated(handed, trust, now) {
  const [bytes, signature] = [unb64(handed.inner.payload_b64), unb64(handed.inner.signature)];
  const report = { ...nothing(), payload_sha256: hex(await sha256(bytes)) };
  const raw = trust.keys.get(handed.inner.kid);
  if (!raw) return { ...report, reasons: [trust.missing ?? "unknown_kid", ...(await whyGone(handed, trust, now))] };
  report.kid = handed.inner.kid;
  if (!(await isSignedBy(raw, bytes, signature))) return { ...report, reasons: ["signature_invalid"] };
  Object.assign(report, { signature_valid: true, attestation_status: trust.attestation, issuer_identity_verified: trust.attestation === "verified" });
  await attempt(async () => {
    report.signed_payload = await signedPayload(bytes, handed, raw);
  }, report);
  if (report.reasons.includes("unknown_kid")) report.reasons.push(...(await whyGone(handed, trust, now)));
  return report;
}

// `text`: a receipt or a bundle; `pinned`: a root, a JWKS or an offline key bundle, as text or parsed; `now`: milliseconds; `demands`: as the command's.
export async function verify(text, pinned, { now = Date.now(), ...demands } = {}) {
  let [handed, trust, report] = [];
  try {
    const document = parse(text, { fractions: true });
    handed = opened(document);
    trust = await trustFor(handed, typeof pinned === "string" ? parsePinned(pinned) : pinned, now);
    report = await authenticated(handed, trust, now);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return nothing(error.message);
  }
  if (!report.signed_payload) return report;
  report.reasons.push(...unmet(report.signed_payload, handed.outer, now, demands));
  await attempt(judgeStatus, report, handed, trust, now, demands);
  await attempt(judgeLog, report, handed, trust, now, demands);
  return { ...report, verified: report.reasons.length === 0, notes: notesOn(report, now) };
}

function parsePinned(text) {
  try {
    return parse(text, { fractions: true });
  } catch {
    return refuse("malformed_jwks");
  }
}

export { b64url };
