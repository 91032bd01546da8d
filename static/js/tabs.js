// Tabs are links; htmx swaps the panel, this marks where we are, also after going back.
function mark(strip, link) {
  for (const other of strip.querySelectorAll("a[aria-current]")) other.removeAttribute("aria-current");
  link.setAttribute("aria-current", "page");
}

export function stepTab(step) {
  const strip = document.querySelector("nav.tabs"); // of parts that are swapped, or of pages of their own
  const links = strip ? [...strip.querySelectorAll("a")] : [];
  const at = links.findIndex((link) => link.hasAttribute("aria-current"));
  const next = links[(at + step + links.length) % links.length];
  if (!next) return false;
  next.focus();
  // Marked at once, so that the key pressed twice goes two tabs on.
  if (next.hasAttribute("hx-get")) mark(strip, next);
  next.click();
  return true;
}

// A strip that looked again knows the tab it was made with, the address knows where we are.
function markPlace() {
  for (const strip of document.querySelectorAll("[data-tabs]")) {
    const here = [...strip.querySelectorAll("a")].find((link) => link.pathname === location.pathname && link.search === location.search);
    if (here && !here.hasAttribute("aria-current")) mark(strip, here);
  }
}

export function startTabs() {
  document.addEventListener("htmx:afterSettle", markPlace);
  document.addEventListener("htmx:afterOnLoad", (event) => {
    const link = event.target.closest?.("[data-tabs] a");
    if (link && event.detail.successful !== false) mark(link.closest("[data-tabs]"), link);
  });
}
