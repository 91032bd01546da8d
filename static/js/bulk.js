// Checking rows: all, one, a range with Shift; the foot shows what can be done with them.
const BOX = "[data-rows] td.box input[type=checkbox], input[type=checkbox][data-check]";
let lastBox = null;

function boxes() {
  return [...document.querySelectorAll(BOX)];
}

function show() {
  const all = boxes();
  const checked = all.filter((box) => box.checked).length;
  for (const bar of document.querySelectorAll("[data-bulk]")) {
    bar.hidden = checked === 0;
    const count = bar.querySelector("[data-bulk-count]");
    if (count) count.textContent = String(checked);
  }
  for (const head of document.querySelectorAll("[data-check-all]")) {
    head.checked = checked > 0 && checked === all.length;
    head.indeterminate = checked > 0 && checked < all.length;
  }
}

export function checkRow(row) {
  const box = row?.querySelector("td.box input[type=checkbox]");
  if (!box) return false;
  box.checked = !box.checked;
  box.dispatchEvent(new Event("change", { bubbles: true }));
  return true;
}

export function startBulk() {
  show();
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-check-all]")) {
      for (const box of boxes()) box.checked = event.target.checked;
      show();
    } else if (event.target.matches(BOX)) show();
  });
  document.addEventListener("click", (event) => {
    if (!event.target.matches(BOX)) return;
    if (event.shiftKey && lastBox?.isConnected) checkRange(lastBox, event.target);
    lastBox = event.target;
  });
  // What was checked stays checked when the list refreshes itself.
  let kept = new Set();
  document.addEventListener("htmx:beforeSwap", () => (kept = new Set(boxes().filter((box) => box.checked).map((box) => box.value))));
  document.addEventListener("htmx:afterSwap", () => {
    for (const box of boxes()) if (kept.has(box.value)) box.checked = true;
    show();
  });
}

function checkRange(from, to) {
  const all = boxes();
  const [first, last] = [all.indexOf(from), all.indexOf(to)].sort((a, b) => a - b);
  for (const box of all.slice(first, last + 1)) box.checked = to.checked;
  show();
}
