// The things of the graph as a list that the keyboard and a screen reader reach: the arrows go from one to the next,
// the picture shows which it is, and its whole name stands beside it.
const STEP = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };

export class Things {
  constructor(graph) {
    this.graph = graph;
    this.list = Object.assign(document.createElement("ul"), { className: "sr" });
    this.list.setAttribute("aria-label", "Things of the attack story");
    this.tip = Object.assign(document.createElement("div"), { className: "graph-tip", hidden: true });
    this.tip.setAttribute("aria-hidden", "true");
    graph.host.after(this.list);
    graph.host.append(this.tip);
    this.#listen();
  }

  show(story) {
    const at = this.list.contains(document.activeElement) ? document.activeElement.dataset.thing : null;
    const names = new Map(story.nodes.map((node) => [node.id, node.name ?? node.label]));
    this.list.replaceChildren(...story.nodes.map((node, place) => {
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: wordsOf(node, story.edges, names) });
      button.dataset.thing = node.id;
      button.tabIndex = place ? -1 : 0;
      const item = document.createElement("li");
      item.append(button);
      return item;
    }));
    if (at) this.#button(at)?.focus({ preventScroll: true });
  }

  /** The whole name beside a node; `own` is the thing that was meant, of a group that it is folded into. */
  point(node, own) {
    this.tip.hidden = !node?.length;
    if (!node?.length) return;
    const { name, label, state } = own ?? node.data();
    const rows = [name ?? label, state].filter(Boolean).map((text, at) => Object.assign(document.createElement("div"), { className: at ? "t2" : "full", textContent: text }));
    this.tip.replaceChildren(...rows);
    const { x, y } = node.renderedPosition();
    const [width, height] = [this.graph.cy.width(), this.graph.cy.height()];
    const half = (node.height() / 2) * this.graph.cy.zoom() + 8;
    const below = y + half + this.tip.offsetHeight < height;
    this.tip.style.left = `${Math.max(4, Math.min(x - this.tip.offsetWidth / 2, width - this.tip.offsetWidth - 4))}px`;
    this.tip.style.top = `${Math.max(4, below ? y + half : y - half - this.tip.offsetHeight)}px`;
  }

  #button(id) {
    return [...this.list.querySelectorAll("button")].find((one) => one.dataset.thing === id);
  }

  #listen() {
    this.list.addEventListener("focusin", (event) => {
      for (const other of this.list.querySelectorAll("button")) other.tabIndex = other === event.target ? 0 : -1;
      this.graph.point(event.target.dataset.thing);
    });
    this.list.addEventListener("focusout", () => this.graph.point(null));
    this.list.addEventListener("click", (event) => {
      const id = event.target.closest("button")?.dataset.thing;
      if (id) this.graph.choose([id], { pane: true });
    });
    this.list.addEventListener("keydown", (event) => {
      if (!(event.key in STEP)) return;
      event.preventDefault();
      event.stopPropagation();
      const all = [...this.list.querySelectorAll("button")];
      const next = all.indexOf(document.activeElement) + STEP[event.key];
      all[Math.max(0, Math.min(all.length - 1, next))]?.focus({ preventScroll: true });
    });
  }
}

function wordsOf(node, edges, names) {
  const deeds = edges.filter((edge) => edge.source === node.id && names.has(edge.target)).map((edge) => `${edge.label || "to"} ${names.get(edge.target)}`);
  return [node.name ?? node.label, node.state, ...deeds.slice(0, 12)].filter(Boolean).join(", ");
}
