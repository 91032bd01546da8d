// The one dialog of the page opens when htmx fills it, and gives the focus back where it came from.
import { finder, isRefresh } from "./steady.js";

let origin = () => null;

export function openDialog(dialog, from = document.activeElement) {
  if (dialog.open) return;
  origin = finder(from);
  dialog.showModal();
  focusFirst(dialog);
}

function focusFirst(dialog) {
  const wrong = dialog.querySelector('[aria-invalid="true"]');
  const first = wrong ?? dialog.querySelector("[autofocus]") ?? inSight(dialog.querySelector('textarea[name="reason"]'))
    ?? dialog.querySelector('.body :is(input:not([type="hidden"]), select, textarea)') ?? dialog.querySelector(".btn");
  first?.focus();
}

// A reason far below what is chosen would scroll that out of sight.
function inSight(field) {
  const body = field?.closest(".body");
  return !body || field.getBoundingClientRect().bottom <= body.getBoundingClientRect().bottom ? field : null;
}

function closed(dialog) {
  if (dialog.id === "dialog") dialog.replaceChildren();
  const from = origin();
  // What lies in a closed menu takes no focus; the button of the menu does.
  const back = from?.closest("details:not([open])")?.querySelector("summary") ?? from;
  (back ?? document.getElementById("main"))?.focus({ preventScroll: true });
  origin = () => null;
}

export function startDialogs() {
  let asker = null;
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.target?.id !== "dialog" || event.target.closest("dialog")) return;
    // A key presses a control from afar: the focus goes back to where the reader was, not to the control.
    const reader = document.activeElement;
    asker = reader && reader !== document.body && !reader.closest("dialog") ? reader : event.detail.elt;
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target?.id !== "dialog") return;
    const dialog = event.detail.target;
    if (!dialog.querySelector("*")) dialog.close();
    else if (dialog.open) focusFirst(dialog);
    else openDialog(dialog, asker ?? document.activeElement);
  });
  document.addEventListener("close", (event) => event.target.matches?.("dialog") && closed(event.target), true);
  document.addEventListener("dialog:close", () => document.querySelector("dialog[open]")?.close());
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-open-dialog]");
    if (opener) openDialog(document.getElementById(opener.dataset.openDialog), opener);
    const closer = event.target.closest("[data-close-dialog]");
    const dialog = closer?.closest("dialog");
    if (dialog) {
      event.preventDefault();
      dialog.close();
    } else if (event.target.matches?.("dialog[open]") && !written(event.target)) {
      closeWhenOutside(event);
    }
  });
  document.addEventListener("htmx:responseError", tellFailure);
  document.addEventListener("htmx:sendError", tellFailure);
}

// A click beside the dialog closes it, unless something was written in it.
function written(dialog) {
  return [...dialog.querySelectorAll("textarea, input:not([type=hidden])")].some((field) => field.value !== field.defaultValue);
}

function closeWhenOutside(event) {
  const box = event.target.getBoundingClientRect();
  const inside = event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
  if (!inside) event.target.close();
}

// A failed request is said where the reader looks: in the dialog, else as an urgent message.
const REASONS = {
  0: "The portal did not answer. Nothing was changed; try again.",
  403: "Your role does not allow this.",
  404: "This is gone, or outside your device groups.",
  409: "Somebody was faster: the state has changed. Reload to see it.",
  429: "Too many requests. Wait a moment.",
};

function tellFailure(event) {
  // A part that could not look again says nothing: the dot at the top tells of a lost connection.
  if (isRefresh(event)) return;
  const code = event.detail.xhr?.status ?? 0;
  const text = REASONS[code] ?? `The portal answered with an error (${code}). It is in the log.`;
  const dialog = document.querySelector("dialog[open]");
  const host = dialog?.querySelector(".body") ?? document.getElementById("main");
  host?.querySelector(":scope > .banner.failure")?.remove();
  const banner = document.createElement("div");
  banner.className = "banner disrupt failure";
  banner.setAttribute("role", "alert");
  banner.append(icon("warn"), text);
  host?.prepend(banner);
  if (!dialog) setTimeout(() => banner.remove(), 20_000);
}

function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("class", "i");
  svg.setAttribute("aria-hidden", "true");
  svg.append(document.createElementNS(space, "use"));
  svg.firstChild.setAttribute("href", `${document.body.dataset.icons}#${name}`);
  return svg;
}
