// Tabs are links; htmx swaps the panel, this marks where we are, also after going back.
const TABS = "[data-tabs] a";
// The tab that was asked for and is not here yet, by its address: a strip may be drawn anew in the meantime.
let wanted = "";

const address = (place) => place.pathname + place.search;

function mark() {
  const place = wanted || address(location);
  for (const strip of document.querySelectorAll("[data-tabs]")) {
    const links = [...strip.querySelectorAll("a")];
    if (!links.some((link) => address(link) === place)) continue;
    for (const link of links) {
      if (address(link) === place) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  }
}

export function stepTab(step) {
  const strip = document.querySelector("nav.tabs"); // of parts that are swapped, or of pages of their own
  const links = strip ? [...strip.querySelectorAll("a")] : [];
  const at = links.findIndex((link) => link.hasAttribute("aria-current"));
  const next = links[(at + step + links.length) % links.length];
  if (!next) return false;
  next.focus();
  next.click();
  return true;
}

// Marked at once, so that the key pressed twice goes two tabs on.
function asked(event) {
  const link = event.target.closest?.(TABS);
  if (!link?.hasAttribute("hx-get") || event.ctrlKey || event.metaKey || event.shiftKey) return;
  wanted = address(link);
  mark();
}

// An answer to an earlier wish ends nothing: only the last one counts.
function settled() {
  if (wanted === address(location)) wanted = "";
  mark();
}

function failed(event) {
  const link = event.target.closest?.(TABS);
  if (link && address(link) === wanted) wanted = "";
  mark();
}

export function startTabs() {
  document.addEventListener("click", asked, true);
  document.addEventListener("htmx:afterSettle", settled);
  for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) document.addEventListener(name, failed);
  addEventListener("popstate", () => {
    wanted = "";
    mark();
  });
}
