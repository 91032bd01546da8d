// The page never jumps: a part that refreshes itself keeps its scroll places, open folds and the focus.
const REFRESHES = new Set(["live", "refresh"]);
const SCROLLERS = ".tablewrap, .body, ol, ul, pre, .scroll";
const TELLING = ["href", "hx-get", "name", "value", "data-copy", "data-key", "data-nodes", "aria-label"];

/** A way to find an element, or the one that took its place. */
export function finder(element) {
  const host = element?.parentElement?.closest("[id]");
  const own = element ? selectorOf(element) : "";
  return () => {
    if (!element || element === document.body) return null;
    if (element.isConnected) return element;
    if (element.id) return document.getElementById(element.id);
    const again = host && (host.isConnected ? host : document.getElementById(host.id));
    return again?.querySelector(own) ?? (element.getAttribute("href") ? document.querySelector(own) : null);
  };
}

function selectorOf(element) {
  const parts = TELLING.filter((name) => element.hasAttribute(name))
    .map((name) => `[${name}="${CSS.escape(element.getAttribute(name))}"]`);
  const css = parts.length ? "" : [...element.classList].map((name) => `.${CSS.escape(name)}`).join("");
  return element.localName + css + parts.join("");
}

function state(target) {
  const within = (selector) => [...target.querySelectorAll(selector)];
  return {
    id: target.id,
    places: [target, ...within(SCROLLERS)].map((element) => [element.scrollTop, element.scrollLeft]),
    folds: within("details").map((fold) => fold.open),
    focus: target.contains(document.activeElement) ? finder(document.activeElement) : null,
  };
}

function restore(before, target) {
  const within = (selector) => [...target.querySelectorAll(selector)];
  [target, ...within(SCROLLERS)].forEach((element, at) => {
    if (before.places[at]) [element.scrollTop, element.scrollLeft] = before.places[at];
  });
  within("details").forEach((fold, at) => before.folds[at] && (fold.open = true));
  // What had the focus may be gone for good, as an approval that was given: then the page has it, not nobody.
  const heir = before.focus && document.activeElement === document.body && (before.focus() ?? document.getElementById("main"));
  if (heir) heir.focus({ preventScroll: true });
}

/** Whether this swap is a part looking again, not something the reader asked for. */
export function isRefresh(event) {
  return REFRESHES.has(event.detail.requestConfig?.triggeringEvent?.type);
}

export function startSteady() {
  let before = null;
  document.addEventListener("htmx:beforeSwap", (event) => {
    before = isRefresh(event) && event.detail.target ? state(event.detail.target) : null;
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    const target = before && (before.id ? document.getElementById(before.id) : event.detail.target);
    if (target) restore(before, target);
    before = null;
  });
}
