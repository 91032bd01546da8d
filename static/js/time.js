// Times in the reader's zone, in the words of the product: today 09:41, this year 10 Nov 09:53, else 10 Nov 2025.
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const NAMES_OF_TODAY = { day: "Today ", said: "today " };
const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;

const zone = document.documentElement.dataset.zone || undefined;
let format;
try {
  format = new Intl.DateTimeFormat("en-GB", formatOptions(zone));
} catch {
  format = new Intl.DateTimeFormat("en-GB", formatOptions());
}

function formatOptions(timeZone) {
  const two = "2-digit";
  return { timeZone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: two, minute: two, second: two };
}

export const zoneName = format.resolvedOptions().timeZone;

function parts(date) {
  return Object.fromEntries(format.formatToParts(date).map((part) => [part.type, part.value]));
}

export function moment(date, style = "short", now = new Date()) {
  const at = parts(date);
  const today = parts(now);
  const clock = style === "seconds" ? `${at.hour}:${at.minute}:${at.second}` : `${at.hour}:${at.minute}`;
  const day = `${Number(at.day)} ${MONTHS[at.month - 1]}`;
  if (at.year !== today.year) return style === "seconds" || style === "full" ? `${day} ${at.year} ${clock}` : `${day} ${at.year}`;
  if (style === "date") return day;
  if (at.month === today.month && at.day === today.day) return `${NAMES_OF_TODAY[style] ?? ""}${clock}`;
  return `${day} ${clock}`;
}

export function duration(seconds) {
  for (const [size, name, smaller, smallerName] of [[DAY, "d", HOUR, "h"], [HOUR, "h", MINUTE, "min"], [MINUTE, "min", 1, "s"]]) {
    if (seconds >= size) {
      const rest = Math.floor((seconds % size) / smaller);
      return `${Math.floor(seconds / size)} ${name}${rest ? ` ${rest} ${smallerName}` : ""}`;
    }
  }
  return `${Math.max(0, Math.floor(seconds))} s`;
}

export function remaining(seconds) {
  if (seconds <= 0) return "0 min";
  if (seconds < HOUR) return `${Math.max(1, Math.floor(seconds / MINUTE))} min`;
  return duration(Math.floor(seconds / MINUTE) * MINUTE);
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function show(element) {
  const date = new Date(element.dateTime);
  if (Number.isNaN(date.valueOf())) return;
  const { when, left } = element.dataset;
  if (when !== undefined) write(element, moment(date, when));
  else if (left !== undefined) write(element, `${remaining((date - Date.now()) / 1000)} ${left}`.trim());
  else if (element.dataset.since !== undefined) write(element, duration((Date.now() - date) / 1000));
}

export function showTimes(within = document) {
  for (const element of within.querySelectorAll("time[data-when], time[data-left], time[data-since]")) show(element);
  for (const element of within.querySelectorAll("[data-zone-name]")) {
    if (element.matches("input")) element.value = zoneName;
    else write(element, zoneName);
  }
}

function tick() {
  for (const element of document.querySelectorAll("time[data-since]")) show(element);
  for (const element of document.querySelectorAll("[data-clock]")) write(element, moment(new Date(), "seconds"));
}

export function startTimes() {
  showTimes();
  tick();
  setInterval(tick, 1000);
  setInterval(showTimes, 20_000);
  document.addEventListener("htmx:afterSettle", (event) => showTimes(event.target.parentElement ?? document));
}
