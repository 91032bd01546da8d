// The console of live response: earlier lines, completion, and cancelling by the keyboard. What is typed goes to the
// portal as a form; what comes back is drawn there.
import { announce } from "./announce.js";

const host = document.querySelector("[data-console]");
const log = host?.querySelector("[data-console-log]");
const words = (host?.dataset.words ?? "").split(" ").filter(Boolean);
const MOST_LINES = 500;
const KEY = `console:${location.pathname}`;

let lines = [...(log?.querySelectorAll(".typed[data-command] .typed-line") ?? [])].map((one) => one.textContent.trim());
lines = lines.filter((line) => line !== "connect");
let place = lines.length;
let draft = "";

const input = () => document.getElementById("live-input");

function toEnd() {
  if (log) log.scrollTop = log.scrollHeight;
}

function say(text) {
  const said = document.querySelector("[data-console-said]");
  if (said) said.textContent = text;
}

// Up and down walk through what was typed; what is being typed waits at the end.
function walk(by) {
  const field = input();
  if (place === lines.length) draft = field.value;
  place = Math.min(lines.length, Math.max(0, place + by));
  field.value = place === lines.length ? draft : lines[place];
  field.setSelectionRange(field.value.length, field.value.length);
}

function common(found) {
  let shared = found[0];
  for (const word of found) while (!word.startsWith(shared)) shared = shared.slice(0, -1);
  return shared;
}

// Tab completes the name of a command, and behind `help` too. With nothing to complete it leaves the field as ever.
function complete(event) {
  const field = input();
  const match = /^(help +)?([a-z]*)$/i.exec(field.value);
  if (!match || !field.value) return;
  const found = words.filter((word) => word.startsWith(match[2].toLowerCase()));
  if (!found.length || (found.length === 1 && found[0] === match[2])) return;
  event.preventDefault();
  field.value = `${match[1] ?? ""}${found.length === 1 ? `${found[0]} ` : common(found)}`;
  say(found.length > 1 ? found.join("  ") : "");
}

function running() {
  const open = [...log.querySelectorAll(".typed[data-live]")].filter((one) => !one.dataset.background);
  return open.at(-1);
}

// Ctrl+C with nothing selected ends the last command that runs in the foreground, on the device itself.
function cancel(event) {
  if (String(getSelection()) || input()?.selectionStart !== input()?.selectionEnd) return;
  const last = running();
  if (last) {
    event.preventDefault();
    window.htmx.ajax("POST", last.dataset.cancel, { target: last, swap: "outerHTML" });
    announce(`Cancelling command ${last.dataset.command}`, { now: true });
  } else if (event.target === input()) {
    input().value = "";
    place = lines.length;
  }
}

function typed(event) {
  const line = input().value.trim();
  if (!line) {
    event.preventDefault();
    event.stopImmediatePropagation();
    return;
  }
  if (lines.at(-1) !== line) lines.push(line);
  lines = lines.slice(-MOST_LINES);
  place = lines.length;
  draft = "";
  say("");
}

host?.addEventListener("keydown", (event) => {
  const writing = event.target === input();
  if (event.ctrlKey && event.key === "c") cancel(event);
  else if (writing && event.key === "ArrowUp") { event.preventDefault(); walk(-1); }
  else if (writing && event.key === "ArrowDown") { event.preventDefault(); walk(1); }
  else if (writing && event.key === "Tab" && !event.shiftKey) complete(event);
  else if (writing && event.ctrlKey && event.key === "l") { event.preventDefault(); log.replaceChildren(); }
});
host?.addEventListener("submit", (event) => event.target.matches("[data-console-form]") && typed(event), true);

// A fresh command: the field is empty again, the log shows its end, `cls` clears, `cd` changes the prompt.
document.addEventListener("htmx:afterSettle", (event) => {
  if (!host) return;
  const form = event.detail.requestConfig?.elt?.matches?.("[data-console-form]");
  if (form && input()) input().value = "";
  const last = [...log.querySelectorAll(".typed")].at(-1);
  if (last?.matches("[data-clear]")) log.replaceChildren();
  const folder = [...log.querySelectorAll("[data-folder]")].at(-1)?.dataset.folder;
  const prompt = document.querySelector("[data-console-folder]");
  if (folder && prompt) prompt.textContent = folder;
  if (form || log.contains(event.target)) toEnd();
});

// A file of the library is put into the line, not run.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-console-insert]");
  if (!button || !input()) return;
  input().value = button.dataset.consoleInsert;
  input().focus();
});

// A line that was begun survives a reload of the page.
window.addEventListener("pagehide", () => input() && sessionStorage.setItem(KEY, input().value));
if (input()) input().value = sessionStorage.getItem(KEY) ?? "";
toEnd();
