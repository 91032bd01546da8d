// Rows of a list: a click opens the pane, the keyboard walks them, the open row is marked.
import { closePane, focusPane, openPane, paneIsOpen } from "./pane.js";

const ROW = "[data-rows] tr[data-pane], [data-rows] tr.tap, [data-rows] > li.tap, [data-rows] > li[data-nodes]";
const OPERABLE = "a, button, input, select, textarea, label, summary, [role=button]";

export function rows() {
  return [...document.querySelectorAll(ROW)].filter((row) => row.offsetParent !== null);
}

function nameOf(row) {
  return row.querySelector(".name, .n, a");
}

export function currentRow() {
  return document.activeElement?.closest?.(ROW) ?? document.querySelector("[data-rows] [aria-current=true]");
}

export function moveTo(step) {
  const all = rows();
  if (!all.length) return false;
  const at = all.indexOf(currentRow());
  const row = all[Math.min(all.length - 1, Math.max(0, at < 0 ? 0 : at + step))];
  nameOf(row)?.focus();
  row.scrollIntoView({ block: "nearest" });
  if (paneIsOpen() && row.dataset.pane && row.getAttribute("aria-current") !== "true") openRow(row);
  return true;
}

let pending = 0;

// Walking fast through a list with an open pane fetches only where the reader rests.
function openRow(row, { wait = 120 } = {}) {
  mark(row);
  clearTimeout(pending);
  pending = setTimeout(() => openPane(row.dataset.pane, nameOf(row)), wait);
}

function mark(row) {
  for (const other of document.querySelectorAll("[data-rows] [aria-current=true]")) other.removeAttribute("aria-current");
  row?.setAttribute("aria-current", "true");
}

export function openCurrentPane() {
  const row = currentRow();
  if (!row?.dataset.pane) return pressIn(row);
  if (paneIsOpen() && row.getAttribute("aria-current") === "true") focusPane();
  else openRow(row, { wait: 0 });
  return true;
}

// A row that is a button fetches its pane itself.
function pressIn(row) {
  const button = row?.querySelector("button.n");
  button?.click();
  return Boolean(button);
}

export function openCurrentPage() {
  const row = currentRow();
  const link = row && nameOf(row);
  if (!link?.href) return false;
  link.click();
  return true;
}

export function startRows() {
  document.addEventListener("click", (event) => {
    const row = event.target.closest(ROW);
    if (row?.dataset.pane && !event.target.closest(OPERABLE) && !String(getSelection())) {
      if (row.getAttribute("aria-current") === "true" && paneIsOpen()) closePane();
      else {
        nameOf(row)?.focus({ preventScroll: true, focusVisible: false });
        openRow(row, { wait: 0 });
      }
    }
    const step = event.target.closest("[data-pane-step]");
    if (step) stepPane(Number(step.dataset.paneStep));
  });
  document.addEventListener("pane:closed", () => mark(null));
  // A refreshed list keeps its mark: rows are known by their id.
  let open = "";
  document.addEventListener("htmx:beforeSwap", () => (open = document.querySelector("[data-rows] [aria-current=true]")?.id ?? ""));
  document.addEventListener("htmx:afterSwap", () => open && paneIsOpen() && mark(document.getElementById(open)));
}

function stepPane(step) {
  const all = rows();
  const at = all.findIndex((row) => row.getAttribute("aria-current") === "true");
  const next = all[at + step];
  if (next?.dataset.pane) {
    openRow(next, { wait: 0 });
    next.scrollIntoView({ block: "nearest" });
  }
}
