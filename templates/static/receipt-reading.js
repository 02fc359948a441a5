// Strict reading for receipt-verifier.js: JSON, base64, times, keys. It answers as receipts/verify.py does, word for word.

export class Refusal extends Error {}

export function refuse(word) {
  throw new Refusal(word);
}

export function refuseIf(found) {
  for (const [word, holds] of Object.entries(found)) if (holds) refuse(word);
}

const MOST_DEEP = 400;
const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?/y;
const TEXT = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const BLANK = /[ \t\n\r]*/y;

class Reader {
  constructor(text, fractions) {
    Object.assign(this, { text, fractions, at: 0, deep: 0 });
  }

  match(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (!found) refuse("malformed_receipt");
    this.at = pattern.lastIndex;
    return found;
  }

  takes(sign) {
    this.match(BLANK);
    if (!this.text.startsWith(sign, this.at)) return false;
    this.at += sign.length;
    return true;
  }

  expects(sign) {
    if (!this.takes(sign)) refuse("malformed_receipt");
  }

  value() {
    this.deep += 1;
    if (this.deep > MOST_DEEP) refuse("malformed_receipt");
    const found = this.oneValue();
    this.deep -= 1;
    return found;
  }

  oneValue() {
    if (this.takes("{")) return this.object();
    if (this.takes("[")) return this.list();
    if (this.text[this.at] === '"') return JSON.parse(this.match(TEXT)[0]);
    for (const [word, value] of [["true", true], ["false", false], ["null", null]]) if (this.takes(word)) return value;
    return this.number();
  }

  number() {
    const [digits, fraction, exponent] = this.match(NUMBER);
    if (!this.fractions && (fraction || exponent || digits.length > 15)) refuse("malformed_receipt");
    if (!Number.isFinite(Number(digits))) refuse("malformed_receipt");
    return Number(digits);
  }

  list() {
    const found = [];
    if (this.takes("]")) return found;
    do found.push(this.value()); while (this.takes(","));
    this.expects("]");
    return found;
  }

  object() {
    const found = Object.create(null);
    let twice = false;
    if (this.takes("}")) return found;
    do {
      this.match(BLANK);
      const name = JSON.parse(this.match(TEXT)[0]);
      this.expects(":");
      const value = this.value();
      twice ||= name in found;
      found[name] = value;
    } while (this.takes(","));
    this.expects("}");
    if (twice) refuse("duplicate_json_key");
    return found;
  }
}

// Strict JSON. `source`: a text, or bytes in UTF-8; `fractions`: other issuers may use them.
export function parse(source, { fractions = false } = {}) {
  const reader = new Reader(typeof source === "string" ? source : utf8(source), fractions);
  const found = reader.value();
  reader.match(BLANK);
  if (reader.at !== reader.text.length) refuse("malformed_receipt");
  return found;
}

function utf8(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return refuse("malformed_receipt");
  }
}

export const bytesOf = (text) => new TextEncoder().encode(text);

// RFC 8785 for what our documents hold: ASCII keys, texts, whole numbers, true, false, null.
export function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (!isObject(value)) return JSON.stringify(Object.is(value, -0) ? 0 : value);
  return `{${Object.keys(value).sort().map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(",")}}`;
}

export function isCanonical(value, bytes) {
  const text = canonical(value);
  return equal(bytesOf(text), bytes) && !/\\ud[89a-f]/.test(text.replaceAll("\\\\", ""));
}

export const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
export const isText = (value) => typeof value === "string" && value !== "";
export const isHash = (value) => typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
export const isCount = (value) => Number.isInteger(value) && value >= 1;
export const has = (members, value) => isObject(value) && Object.keys(members).every((name) => name in value && members[name](value[name]));

export function equal(one, other) {
  return one.length === other.length && one.every((byte, place) => byte === other[place]);
}

// Milliseconds of an RFC 3339 time; null for anything else.
export function moment(value) {
  if (typeof value !== "string" || !/^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[-+][0-9]{2}:[0-9]{2})$/.test(value)) return null;
  const found = Date.parse(value);
  return Number.isNaN(found) ? null : found;
}

export function isTime(value) {
  if (typeof value !== "string" || !/^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$/.test(value) || value.startsWith("0000")) return false;
  const found = moment(value);
  return found !== null && new Date(found).toISOString() === value.replace("Z", ".000Z");
}

// --- bytes and keys ---------------------------------------------------------------------------------------------------------------

const letters = (bytes) => Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
export const b64 = (bytes) => btoa(letters(bytes));
export const b64url = (bytes) => b64(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
export const unhex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));

// Standard base64 in its one canonical spelling: decoding is lenient, encoding has one answer.
export function unb64(text) {
  let found;
  try {
    found = atob(text);
  } catch {
    refuse("noncanonical_base64");
  }
  if (btoa(found) !== text) refuse("noncanonical_base64");
  return Uint8Array.from(found, (letter) => letter.charCodeAt(0));
}

export function unb64url(text) {
  if (!/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) refuse("noncanonical_base64");
  return unb64(text.replaceAll("-", "+").replaceAll("_", "/") + "=".repeat((4 - (text.length % 4)) % 4));
}

export async function sha256(...parts) {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", whole));
}

export async function thumbprint(raw) {
  return b64url(await sha256(bytesOf(`{"crv":"Ed25519","kty":"OKP","x":"${b64url(raw)}"}`)));
}

const P = 2n ** 255n - 19n;
const Y8 = 2707385501144840649318225287225658788936804267575313519463743609750303402022n;
const SMALL_ORDER_Y = new Set([0n, 1n, P - 1n, Y8, P - Y8]);
const y = (point) => BigInt(`0x${hex(point.toReversed())}`) & (2n ** 255n - 1n);
const isSmallOrder = (point) => SMALL_ORDER_Y.has(y(point) % P);

// The 32 bytes of a key that may verify something.
export function keyOf(raw, otherwise) {
  if (raw.length !== 32) refuse(otherwise);
  if (isSmallOrder(raw)) refuse("small_order_key");
  if (y(raw) >= P) refuse(otherwise);
  return raw;
}

export async function isSignedBy(raw, payload, signature) {
  if (signature.length !== 64 || isSmallOrder(signature.slice(0, 32))) return false;
  try {
    const key = await crypto.subtle.importKey("raw", raw, "Ed25519", false, ["verify"]);
    return await crypto.subtle.verify("Ed25519", key, signature, payload);
  } catch {
    return false;
  }
}

// Whether this browser knows Ed25519: asked with the first test of RFC 8032 section 7.1, and with the same signature changed.
export async function canVerify() {
  if (!globalThis.crypto?.subtle) return false;
  const raw = unhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  const signature = unhex(
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
  );
  const nothing = new Uint8Array();
  const holds = await isSignedBy(raw, nothing, signature);
  signature[0] ^= 1;
  return holds && !(await isSignedBy(raw, nothing, signature));
}
