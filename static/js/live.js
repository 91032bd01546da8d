// One stream of ids. Elements that name a topic fetch their own fragment again, so rights are checked at the fetch.
import { announce } from "./announce.js";
import { LiveStream } from "./live_stream.js";
import { moment } from "./time.js";

const SETTLE = 400; // several messages of one change arrive together
const REST = 1000; // no element fetches more often
const AGAIN = 100; // an answer is on its way and may be older than the message
const MOST_NEW = 500; // ids kept for the question which of them fit

let stream = null;
let lostAt = null;
let isSignedOut = false;
const due = new Set();
const flying = new Map();
const fetched = new Map();
const asking = new Set();

function stateOf() {
  return document.getElementById("live-state");
}

function showState(word, css) {
  const state = stateOf();
  state?.classList.remove("waiting", "stale");
  if (css) state?.classList.add(css);
  const label = state?.querySelector("[data-live-word]");
  if (label) label.textContent = word;
  const button = document.querySelector("[data-live-retry]");
  if (!button) return;
  button.hidden = css !== "stale";
  button.querySelector("[data-live-verb]").textContent = isSignedOut ? "Sign in" : "Retry";
}

function opened() {
  isSignedOut = false;
  showState("Live", "");
  if (lostAt) {
    announce("Connection is back");
    // What happened meanwhile was missed, so every live part looks again.
    document.querySelectorAll("[data-live]").forEach(schedule);
  }
  lostAt = null;
}

function lost() {
  if (!lostAt) {
    lostAt = new Date();
    announce("No connection for live updates");
  }
  isSignedOut = false;
  showState(`No connection since ${moment(lostAt)}`, "stale");
}

function refused() {
  lostAt ??= new Date();
  if (!isSignedOut) announce("You are signed out");
  isSignedOut = true;
  showState("Signed out", "stale");
}

// Signing in comes back to this page.
function retry() {
  if (isSignedOut) location.reload();
  else stream.retry();
}

function receive(data) {
  let message;
  try {
    message = JSON.parse(data);
  } catch {
    return;
  }
  if (!message.topic) return;
  document.dispatchEvent(new CustomEvent("live:message", { detail: message }));
  const names = new Set([message.topic, `${message.topic}:${message.id}`]);
  for (const element of document.querySelectorAll("[data-live]")) {
    if (element.dataset.live.split(/\s+/).some((name) => names.has(name))) schedule(element);
  }
  for (const element of document.querySelectorAll("[data-live-new]")) {
    if (element.dataset.liveNew.split(/\s+/).some((name) => names.has(name))) countNew(element, message.id);
  }
}

// A fragment puts a new element in the place of the old one: what is due is due to whoever bears the id then.
function keyOf(element) {
  return element.id || element;
}

function bearer(key) {
  if (typeof key === "string") return document.getElementById(key);
  return key.isConnected ? key : null;
}

function schedule(element) {
  const key = keyOf(element);
  if (due.has(key)) return;
  due.add(key);
  const rest = (fetched.get(key) ?? 0) + REST - Date.now();
  setTimeout(refresh, Math.max(SETTLE, rest), key);
}

// Told by the request, because the element that asked may be gone by now.
function landed(xhr) {
  for (const [key, one] of flying) if (one === xhr) flying.delete(key);
}

function refresh(key) {
  if (flying.has(key)) {
    setTimeout(refresh, AGAIN, key);
    return;
  }
  due.delete(key);
  const element = bearer(key);
  if (!element) fetched.delete(key);
  if (!element || isHeld(element)) return;
  fetched.set(key, Date.now());
  window.htmx.trigger(element, "live");
}

// Text under the pointer stays, and so does a field somebody is writing in.
function isHeld(element) {
  const active = document.activeElement;
  const writing = element.contains(active) && active.matches("input:not([type=checkbox], [type=radio]), textarea, select");
  const selecting = String(getSelection()) && element.contains(getSelection().anchorNode);
  if (writing || selecting) setTimeout(() => schedule(element), 3000);
  return writing || selecting;
}

function countNew(element, id) {
  const seen = new Set((element.dataset.seen ?? "").split(" ").filter(Boolean)).add(String(id));
  element.dataset.seen = [...seen].slice(-MOST_NEW).join(" ");
  if (!element.dataset.liveFits) {
    showNew(element, seen.size);
  } else if (!asking.has(element)) {
    asking.add(element);
    setTimeout(askFitting, SETTLE, element);
  }
}

// A filtered list does not promise rows that it would not show.
async function askFitting(element) {
  asking.delete(element);
  if (!element.isConnected) return;
  const url = new URL(element.dataset.liveFits, location.href);
  url.searchParams.set("ids", element.dataset.seen.replaceAll(" ", ","));
  const answer = await fetch(url, { headers: { Accept: "application/json", "X-Unattended": "1" } }).catch(() => null);
  if (answer?.ok) showNew(element, (await answer.json()).count);
}

function showNew(element, count) {
  const label = element.querySelector("[data-live-count]");
  if (label && label.textContent === String(count)) return;
  if (label) label.textContent = String(count);
  element.hidden = count === 0;
  if (count) announce(`${count} new since you looked`);
}

export function startLive() {
  if (!stateOf()?.dataset.liveUrl) return;
  showState("Connecting", "waiting");
  stream = new LiveStream(stateOf().dataset.liveUrl);
  stream.addEventListener("open", opened);
  stream.addEventListener("lost", lost);
  stream.addEventListener("refused", refused);
  stream.addEventListener("message", (event) => receive(event.data));
  stream.start();
  // What the page fetches by itself keeps nobody signed in.
  document.addEventListener("htmx:configRequest", ({ detail }) => {
    const cause = detail.triggeringEvent?.type;
    const byItself = cause === "live" || (!cause && /\bevery /.test(detail.elt.getAttribute("hx-trigger")));
    if (byItself) detail.headers["X-Unattended"] = "1";
  });
  document.addEventListener("htmx:beforeRequest", ({ detail }) => flying.set(keyOf(detail.elt), detail.xhr));
  document.addEventListener("htmx:afterRequest", ({ detail }) => landed(detail.xhr));
  document.addEventListener("click", (event) => event.target.closest("[data-live-retry]") && retry());
  window.addEventListener("online", () => stream.retry());
  window.addEventListener("pagehide", () => stream.stop());
  window.addEventListener("pageshow", (event) => event.persisted && stream.retry());
}
