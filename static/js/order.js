// A list whose entries a person puts in order: with the arrows of each entry, or with Alt and the arrow keys.
import { announce } from "./announce.js";

function step(entry, by) {
  const other = by < 0 ? entry.previousElementSibling : entry.nextElementSibling;
  if (!other) return false;
  if (by < 0) other.before(entry);
  else other.after(entry);
  const all = [...entry.parentElement.children];
  announce(`${entry.textContent.trim()}, place ${all.indexOf(entry) + 1} of ${all.length}`);
  return true;
}

export function startOrder() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-order-step]");
    if (!button) return;
    step(button.closest("[data-order] > li"), Number(button.dataset.orderStep));
    button.focus();
  });
  document.addEventListener("keydown", (event) => {
    const entry = event.altKey && event.target.closest?.("[data-order] > li");
    if (!entry || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
    event.preventDefault();
    const focused = event.target;
    step(entry, event.key === "ArrowUp" ? -1 : 1);
    focused.focus();
  });
}
