// Completes @names while a comment is written: a listbox under the text, worked by keys or by the pointer. The text keeps
// the focus; the chosen line is told by aria-activedescendant.
import { announce } from "./announce.js";

const BEGUN = /(^|\s)@([\w.+-]{0,40})$/;
const WAIT_MS = 150;
let area = null;
let list = null;
let at = 0;
let timer = 0;
let asked = 0;

export function startMentions() {
  document.addEventListener("input", (event) => {
    if (!event.target.matches?.("textarea[data-mentions]")) return;
    area = event.target;
    clearTimeout(timer);
    if (begun() === null) close();
    else timer = setTimeout(ask, WAIT_MS);
  });
  document.addEventListener("keydown", press, true);
  document.addEventListener("focusout", (event) => {
    if (event.target === area) close();
  });
}

function begun() {
  const found = BEGUN.exec(area.value.slice(0, area.selectionStart));
  return found ? found[2] : null;
}

async function ask() {
  const mine = ++asked;
  const text = begun();
  if (text === null) return;
  const answer = await fetch(`${area.dataset.mentions}?q=${encodeURIComponent(text)}`, {
    headers: { "X-Unattended": "1" },
  }).catch(() => null);
  if (!answer?.ok) return;
  const { people } = await answer.json();
  if (mine === asked && document.activeElement === area && begun() !== null) show(people);
}

function show(people) {
  close();
  if (!people.length) return;
  list = document.createElement("ul");
  list.className = "mentions";
  list.id = "mentions";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "People");
  for (const [index, person] of people.entries()) list.append(line(person, index));
  area.after(list);
  area.setAttribute("aria-controls", "mentions");
  mark(0);
  announce(`${people.length} ${people.length === 1 ? "person" : "people"}`);
}

function line(person, index) {
  const item = document.createElement("li");
  item.id = `mention-${index}`;
  item.dataset.name = person.name;
  item.setAttribute("role", "option");
  const name = document.createElement("b");
  name.textContent = `@${person.name}`;
  item.append(name, ` ${person.label}`);
  item.addEventListener("mousedown", (event) => {
    event.preventDefault();
    mark(index);
    take();
  });
  return item;
}

function mark(index) {
  at = (index + list.children.length) % list.children.length;
  for (const [number, item] of [...list.children].entries()) item.setAttribute("aria-selected", String(number === at));
  list.children[at].scrollIntoView({ block: "nearest" });
  area.setAttribute("aria-activedescendant", `mention-${at}`);
}

function press(event) {
  if (!list || event.target !== area) return;
  const acts = {
    ArrowDown: () => mark(at + 1),
    ArrowUp: () => mark(at - 1),
    Enter: take,
    Tab: take,
    Escape: close,
  };
  const act = acts[event.key];
  if (!act) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  act();
}

function take() {
  const { name } = list.children[at].dataset;
  const start = area.selectionStart - begun().length;
  area.setRangeText(`${name} `, start, area.selectionStart, "end");
  close();
}

function close() {
  list?.remove();
  list = null;
  area?.removeAttribute("aria-controls");
  area?.removeAttribute("aria-activedescendant");
}
