// The page /verify: what is pasted or dropped is verified here, in the browser, and leaves it never.

import { canVerify, parse } from "./receipt-reading.js";
import { verify } from "./receipt-verifier.js";

const LIMIT = 1024 * 1024;
const form = document.querySelector("#verify-form");
const field = (name) => form.querySelector(`[name=${name}]`);
const result = document.querySelector("#result");
const words = document.querySelector("#words");

const says = (kind, word) => words.querySelector(`[data-${kind}="${word}"]`)?.textContent ?? word;

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function failedStep(report) {
  const order = [...words.querySelectorAll("[data-step]")].map((each) => each.dataset.step);
  const failed = report.reasons.map((word) => words.querySelector(`[data-reason="${word}"]`)?.dataset.of);
  return order.find((step) => failed.includes(step));
}

function who(report) {
  if (!report.signature_valid) return says("who", "nobody");
  return says("who", report.issuer_identity_verified ? "attested" : "pinned");
}

function standing({ state, revoked_at, as_of }) {
  return says("standing", state).replace("{}", state === "revoked" ? revoked_at : as_of);
}

function signed(report) {
  const facts = element("dl", undefined, "facts");
  for (const { dataset } of words.querySelectorAll("[data-shown]")) {
    if (!report.signed_payload || !(dataset.shown in report.signed_payload)) continue;
    const value = report.signed_payload[dataset.shown];
    const fact = element("div");
    const code = element("dd");
    code.append(element("code", typeof value === "string" ? value : JSON.stringify(value)));
    fact.append(element("dt", dataset.shown), code);
    facts.append(fact);
  }
  return facts;
}

function show(report) {
  const lines = element("ul", undefined, "reasons");
  const step = failedStep(report);
  const verdict = report.verified ? says("verdict", "verified") : says("verdict", "refused").replace("{}", says("step", step));
  for (const line of [verdict, who(report), standing(report.status)]) lines.append(element("li", line));
  const heading = element("h2");
  heading.append(element("span", says("heading", report.verified), `state state-${report.verified ? "pass" : "block"}`));
  const parts = [heading, lines];
  if (report.reasons.length) {
    parts.push(element("h3", says("heading", "why")), list(report.reasons.map((word) => `${word}: ${says("reason", word)}`)));
  }
  if (report.signed_payload) parts.push(element("h3", says("heading", "signed")), signed(report));
  if (report.notes.length) parts.push(element("h3", says("heading", "open")), list(report.notes.map((word) => says("note", word))));
  box(report.verified ? "note" : "refused", parts);
}

function list(texts) {
  const made = element("ul", undefined, "reasons");
  made.append(...texts.map((text) => element("li", text)));
  return made;
}

// The section is a live region that was there before: what is put into it is read out.
function box(className, parts) {
  const made = element("div", undefined, className);
  made.append(...parts);
  result.replaceChildren(made);
}

async function ownKeys() {
  const answer = await fetch(form.dataset.jwks, { credentials: "omit" });
  if (!answer.ok) throw new Error("no keys");
  return parse(new Uint8Array(await answer.arrayBuffer()));
}

async function verifyHere(event) {
  event.preventDefault();
  const text = field("document").value;
  if (!text.trim()) {
    box("refused", [element("p", says("heading", "empty"))]);
    field("document").focus();
    return;
  }
  try {
    const pinned = field("pinned").value;
    show(await verify(text, pinned.trim() ? pinned : await ownKeys()));
  } catch {
    box("refused", [element("p", says("heading", "failed"))]);
  }
}

async function take(event) {
  event.preventDefault();
  const file = event.dataTransfer?.files[0];
  if (!file || file.size > LIMIT) return;
  event.currentTarget.value = await file.text();
}

if (form && (await canVerify())) {
  form.addEventListener("submit", verifyHere);
  for (const name of ["document", "pinned"]) {
    field(name).removeAttribute("maxlength");
    field(name).addEventListener("dragover", (event) => event.preventDefault());
    field(name).addEventListener("drop", take);
  }
  document.querySelector("#where").textContent = says("where", "here");
}
