// Which columns a table shows: chosen in a menu, remembered in this browser.
function key(name) {
  return `soc.columns.${name}`;
}

function hidden(name) {
  try {
    return new Set(JSON.parse(localStorage.getItem(key(name)) ?? "null") ?? []);
  } catch {
    return new Set();
  }
}

function apply(table) {
  const off = hidden(table.dataset.columns);
  for (const cell of table.querySelectorAll("[data-column]")) cell.classList.toggle("off-column", off.has(cell.dataset.column));
}

function fill(menu) {
  const table = document.querySelector(`table[data-columns="${menu.dataset.columnsFor}"]`);
  if (!table || menu.childElementCount) return;
  const off = hidden(menu.dataset.columnsFor);
  for (const head of table.querySelectorAll("th[data-column]")) {
    const label = document.createElement("label");
    const box = Object.assign(document.createElement("input"), { type: "checkbox", value: head.dataset.column });
    box.checked = !off.has(head.dataset.column);
    label.append(box, head.textContent.trim());
    menu.append(label);
  }
}

function refresh() {
  document.querySelectorAll("table[data-columns]").forEach(apply);
  document.querySelectorAll("[data-columns-for]").forEach(fill);
}

export function startColumns() {
  refresh();
  document.addEventListener("htmx:afterSwap", refresh);
  document.addEventListener("change", (event) => {
    const menu = event.target.closest?.("[data-columns-for]");
    if (!menu) return;
    const off = [...menu.querySelectorAll("input:not(:checked)")].map((box) => box.value);
    localStorage.setItem(key(menu.dataset.columnsFor), JSON.stringify(off));
    refresh();
  });
  // A menu below its button closes when the reader goes on elsewhere.
  document.addEventListener("click", (event) => {
    const asks = event.target.closest('.menu [hx-target="#dialog"]');
    for (const drop of document.querySelectorAll("details.drop[open]")) if (asks || !drop.contains(event.target)) drop.open = false;
  });
}
