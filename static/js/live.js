// One stream of ids. Elements that name a topic fetch their own fragment again, so rights are checked at the fetch.
import { announce } from "./announce.js";
import { LiveStream } from "./live_stream.js";
import { moment } from "./time.js";

const SETTLE = 400; // several messages of one change arrive together
const REST = 1000; // no element fetches more often

let stream = null;
let lostAt = null;
const due = new Map();
const fetched = new WeakMap();

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
  if (button) button.hidden = css !== "stale";
}

function opened() {
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
  showState(`No connection since ${moment(lostAt)}`, "stale");
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

function schedule(element) {
  if (due.has(element)) return;
  const rest = (fetched.get(element) ?? 0) + REST - Date.now();
  const timer = setTimeout(() => {
    due.delete(element);
    if (!element.isConnected || isHeld(element)) return;
    fetched.set(element, Date.now());
    window.htmx.trigger(element, "live");
  }, Math.max(SETTLE, rest));
  due.set(element, timer);
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
  element.dataset.seen = [...seen].join(" ");
  const count = element.querySelector("[data-live-count]");
  if (count) count.textContent = String(seen.size);
  element.hidden = false;
  announce(`${seen.size} new since you looked`);
}

export function startLive() {
  if (!stateOf()?.dataset.liveUrl) return;
  showState("Connecting", "waiting");
  stream = new LiveStream(stateOf().dataset.liveUrl);
  stream.addEventListener("open", opened);
  stream.addEventListener("lost", lost);
  stream.addEventListener("message", (event) => receive(event.data));
  stream.start();
  document.addEventListener("click", (event) => event.target.closest("[data-live-retry]") && stream.retry());
  window.addEventListener("online", () => stream.retry());
  window.addEventListener("pagehide", () => stream.stop());
  window.addEventListener("pageshow", (event) => event.persisted && stream.retry());
}
