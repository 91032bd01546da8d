// Single keys. Off in fields, with modifiers and in dialogs; a person may switch them off altogether.
import { checkRow } from "./bulk.js";
import { openDialog } from "./dialog.js";
import { closePane } from "./pane.js";
import { currentRow, moveTo, openCurrentPage, openCurrentPane } from "./rows.js";
import { stepTab } from "./tabs.js";

const PLACES = { i: "/incidents/", a: "/actions/", r: "/reviews/", o: "/overview/", w: "/waiting/" };
const FIELD = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]";
let goes = 0;

const KEYS = {
  "/": () => focusSearch(),
  "?": () => openDialog(document.getElementById("keys-help")),
  j: () => moveTo(1),
  k: () => moveTo(-1),
  x: () => checkRow(currentRow()),
  o: () => openCurrentPane(),
  Enter: () => document.activeElement === document.body && openCurrentPage(),
  m: () => press("m"),
  a: () => press("a"),
  "[": () => stepTab(-1),
  "]": () => stepTab(1),
  " ": () => playStory(),
  ".": () => focusResponse(),
};

function focusSearch() {
  const field = document.getElementById("search");
  field?.focus();
  field?.select();
  return Boolean(field);
}

// The first thing that can be done about what is open: in the pane, else on the page of a device or account.
function focusResponse() {
  const places = ["#pane .act .btn", "#pane > footer .btn", "#respond .act .btn", "main .approval .btn.primary"];
  const act = places.map((place) => document.querySelector(place)).find(Boolean);
  act?.focus();
  act?.scrollIntoView({ block: "nearest" });
  return Boolean(act);
}

// On a control the space bar belongs to the control.
function playStory() {
  const button = document.querySelector("[data-player]:not([hidden]) [data-player-run]");
  if (!button || !document.activeElement?.matches("body, main, [data-player-run]")) return false;
  button.click();
  return true;
}

// The pane is nearer to the reader than the page, so its control wins.
function press(key) {
  const control = document.querySelector(`#pane [data-key="${key}"]`) ?? document.querySelector(`[data-key="${key}"]`);
  if (!control || control.getAttribute("aria-disabled") === "true") return false;
  control.click();
  return true;
}

function escape(event) {
  if (document.querySelector("dialog[open], :popover-open")) return;
  const drop = document.querySelector("details.drop[open]");
  if (drop) {
    drop.open = false;
    drop.querySelector("summary").focus();
  } else if (event.target.matches?.(FIELD)) event.target.blur();
  else closePane();
}

function pressed(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.key === "Escape") {
    escape(event);
    return;
  }
  if (document.documentElement.dataset.keys === "off") return;
  if (event.target.matches?.(FIELD) || document.querySelector("dialog[open]")) return;
  if (goes && Date.now() - goes < 1200) {
    goes = 0;
    if (PLACES[event.key]) {
      event.preventDefault();
      location.assign(PLACES[event.key]);
      return;
    }
  }
  if (event.key === "g") {
    goes = Date.now();
    return;
  }
  if (KEYS[event.key]?.()) event.preventDefault();
  else if (event.key === "?") event.preventDefault();
}

export function startKeys() {
  document.addEventListener("keydown", pressed);
}
