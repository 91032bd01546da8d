// The side pane: opening is not checking, so the focus stays in the list; closing gives it back.
import { announce } from "./announce.js";
import { finder, isRefresh } from "./steady.js";

let origin = () => null;

export function pane() {
  return document.getElementById("pane");
}

export function paneIsOpen() {
  return Boolean(pane()?.firstElementChild);
}

export function openPane(url, from) {
  origin = finder(from ?? document.activeElement);
  pane().setAttribute("aria-busy", "true");
  return window.htmx.ajax("GET", url, { target: "#pane", swap: "innerHTML", source: pane() });
}

export function closePane() {
  const host = pane();
  if (!host || !paneIsOpen()) return false;
  const inside = host.contains(document.activeElement);
  host.replaceChildren();
  document.dispatchEvent(new CustomEvent("pane:closed"));
  if (inside || document.activeElement === document.body) {
    const back = origin() ?? document.querySelector("[data-rows] tr[aria-current] .name");
    (back ?? document.getElementById("main"))?.focus({ preventScroll: true });
  }
  origin = () => null;
  return true;
}

export function focusPane() {
  const heading = pane()?.querySelector("#pane-title");
  const body = pane()?.querySelector(".body[tabindex]");
  (body ?? heading)?.focus();
}

export function startPane() {
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-pane-close]")) closePane();
  });
  document.addEventListener("pane:close", () => closePane());
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.target?.id === "pane" && !event.detail.elt?.closest("#pane")) origin = finder(event.detail.elt);
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target?.id !== "pane") return;
    const host = pane();
    host.removeAttribute("aria-busy");
    const title = host.querySelector("#pane-title")?.textContent.trim();
    if (title && !isRefresh(event)) {
      host.setAttribute("aria-label", title);
      announce(`Pane: ${title}`);
    }
  });
}
