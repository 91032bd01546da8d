// What a screen reader hears: counts politely and at most every ten seconds, urgent things at once.
const PAUSE = 10_000;
let waiting = "";
let timer = 0;
let last = 0;

export function announce(text, { now = false } = {}) {
  if (!text) return;
  if (now) {
    say("announce-now", text);
    return;
  }
  waiting = text;
  if (timer) return;
  const delay = Math.max(150, last + PAUSE - Date.now());
  timer = setTimeout(() => {
    timer = 0;
    last = Date.now();
    say("announce", waiting);
  }, delay);
}

function say(id, text) {
  const region = document.getElementById(id);
  if (!region) return;
  region.textContent = "";
  // A region speaks on change, so the same words need an empty moment between.
  requestAnimationFrame(() => (region.textContent = text));
}

const heard = new Map();

function hearCounts({ quiet = false } = {}) {
  for (const element of document.querySelectorAll("[data-announce]")) {
    const key = element.id || element.dataset.announce || "count";
    const text = element.textContent.replace(/\s+/g, " ").trim();
    if (!quiet && heard.has(key) && heard.get(key) !== text) announce(text);
    heard.set(key, text);
  }
}

export function startAnnouncing() {
  hearCounts({ quiet: true });
  document.addEventListener("htmx:afterSettle", () => hearCounts());
  document.addEventListener("announce", (event) => announce(event.detail?.value));
  document.addEventListener("announce-now", (event) => announce(event.detail?.value, { now: true }));
}
