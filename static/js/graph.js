// The attack story as a graph. The list beside it is the complete form; this is the picture of it.
import cytoscape from "../vendor/cytoscape/cytoscape.esm.min.js";
import { palette } from "./colours.js";
import { folded } from "./graph_fold.js";
import { layOut } from "./graph_layout.js";
import { loadIcons, Marks } from "./graph_marks.js";
import { Things } from "./graph_things.js";
import { openPane } from "./pane.js";

const DEVICES = new Set(["device", "server"]);
const still = matchMedia("(prefers-reduced-motion: reduce)");

// Any element with this id keeps the library from inserting a <style>, which the content policy would refuse.
function forbidInlineStyle() {
  const id = "__________cytoscape_stylesheet";
  if (document.getElementById(id)) return;
  const mark = document.createElement("meta");
  mark.id = id;
  document.head.append(mark);
}

function styleOf(colours) {
  const node = (fill, line, width) => ({ "background-color": fill, "border-color": line, "border-width": width });
  const edge = (colour, width) => ({ "line-color": colour, "target-arrow-color": colour, width });
  return [
    { selector: "node", style: { width: 42, height: 42, shape: "ellipse", ...node(colours.surface, colours.line, 1.5), "overlay-opacity": 0 } },
    { selector: "node[?square]", style: { width: 44, height: 44, shape: "round-rectangle" } },
    { selector: "node[look = 'bad']", style: node(colours.badFill, colours.bad, 2) },
    { selector: "node[look = 'warn']", style: node(colours.warnFill, colours.warn, 2) },
    { selector: "node[look = 'safe']", style: node(colours.safeFill, colours.safe, 2) },
    { selector: "node:selected", style: { "outline-width": 2.5, "outline-color": colours.accent, "outline-offset": 4 } },
    { selector: "node.hover", style: { "outline-width": 1.5, "outline-color": colours.line, "outline-offset": 4 } },
    { selector: "edge", style: {
      "curve-style": "bezier", "target-arrow-shape": "triangle", "arrow-scale": 0.9, ...edge(colours.line, 1.5),
      "overlay-opacity": 0,
      "target-distance-from-node": 3, "source-distance-from-node": 3,
    } },
    // Between things that lie above each other a straight line would run through the names: it goes round them.
    { selector: "edge[bend]", style: {
      "curve-style": "unbundled-bezier", "control-point-distances": "data(bend)", "control-point-weights": "0.08 0.92",
      "source-endpoint": "270deg", "target-endpoint": "270deg",
    } },
    { selector: "edge[look = 'way']", style: { "line-style": "dashed", "line-dash-pattern": [6, 4] } },
    { selector: "edge[look = 'hot']", style: edge(colours.bad, 2) },
    { selector: "edge[look = 'stop']", style: { ...edge(colours.safe, 2), "line-style": "dashed", "line-dash-pattern": [4, 4] } },
    { selector: ".later", style: { opacity: 0.35 } },
  ];
}

function elementsOf(story, room) {
  const positions = layOut(story.nodes, story.edges, room);
  const known = new Set(story.nodes.map((node) => node.id));
  return [
    ...story.nodes.map((node) => ({ group: "nodes", data: { ...node, square: DEVICES.has(node.kind) }, position: positions.get(node.id) })),
    ...story.edges.filter((edge) => known.has(edge.source) && known.has(edge.target))
      .map((edge, at) => ({ group: "edges", data: { label: "", ...edge, ...bent(edge, positions), id: edge.id ?? `edge-${at}` } })),
  ];
}

/** How far a line between things of one column swings to the left, more the further they are apart. */
function bent({ source, target }, positions) {
  const [from, to] = [positions.get(source), positions.get(target)];
  if (source === target || Math.abs(from.x - to.x) > 1) return {};
  const far = Math.min(92, 44 + Math.abs(from.y - to.y) / 8) * Math.sign(to.y - from.y);
  return { bend: `${far} ${far}` };
}

class AttackGraph {
  constructor(host) {
    this.host = host;
    this.section = host.closest(".graph") ?? host;
    this.together = true;
    this.unfolded = new Set();
    this.cy = cytoscape({ container: host, style: [], minZoom: 0.3, maxZoom: 2.2, boxSelectionEnabled: false, selectionType: "single" });
    this.marks = new Marks(this.cy, host);
    this.things = new Things(this);
    this.#listen();
  }

  async load() {
    const answer = await fetch(this.host.dataset.graph, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(`graph: ${answer.status}`);
    this.story = await answer.json();
    await loadIcons();
    this.show();
    this.things.show(this.story);
    const step = document.querySelector("[data-nodes][aria-current=true]");
    if (step) this.choose(thingsOf(step)); // it was chosen while the graph was on its way
  }

  show() {
    const before = this.cy.nodes().length;
    const chosen = this.cy.$("node:selected").id();
    const story = this.together ? folded(this.story, this.unfolded) : this.story;
    this.#button();
    this.cy.elements().remove();
    this.cy.add(elementsOf(story, { width: this.cy.width(), height: this.cy.height() }));
    if (chosen) this.cy.getElementById(chosen).select();
    this.colour();
    if (before !== story.nodes.length) this.fit(false);
    this.#note(story.nodes.length ? "" : "Nothing to draw yet. The list names what is known.");
  }

  colour() {
    const colours = palette();
    this.cy.style().fromJson(styleOf(colours)).update();
    this.marks.colour(colours);
  }

  /** Everything in view, with room for the names under the lowest nodes; two things are not blown up to fill the pane. */
  fit(move = true) {
    if (!this.cy.nodes().length) return;
    const box = this.cy.elements().boundingBox({ includeLabels: false, includeOverlays: false });
    const [width, height] = [this.cy.width(), this.cy.height()];
    const zoom = Math.min(1.15, Math.max(0.3, Math.min((width - 110) / Math.max(box.w, 1), (height - 110) / Math.max(box.h, 1))));
    const pan = { x: width / 2 - zoom * (box.x1 + box.w / 2), y: (height - 24) / 2 - zoom * (box.y1 + box.h / 2) };
    if (move && !still.matches) this.cy.animate({ zoom, pan, duration: 220 });
    else this.cy.viewport({ zoom, pan });
  }

  zoom(factor) {
    const level = Math.min(2.2, Math.max(0.3, this.cy.zoom() * factor));
    this.cy.zoom({ level, renderedPosition: { x: this.cy.width() / 2, y: this.cy.height() / 2 } });
  }

  choose(ids, { pane = false } = {}) {
    this.cy.$(":selected").unselect();
    const nodes = ids.map((id) => this.nodeOf(id)).filter((node) => node.length);
    for (const node of nodes) node.select();
    const url = pane && this.story?.nodes.find((node) => ids.includes(node.id) && node.url)?.url;
    if (url) openPane(url, document.activeElement);
  }

  /** Where a thing is drawn: by itself, or in the group that it is folded into. */
  nodeOf(id) {
    const own = this.cy.getElementById(id ?? "");
    return own.length ? own : this.cy.nodes().filter((node) => node.data("members")?.includes(id)).first();
  }

  /** Picks a thing out without opening it; none with `null`. */
  point(id) {
    this.cy.nodes(".hover").removeClass("hover");
    const node = id ? this.nodeOf(id) : null;
    node?.addClass("hover");
    this.things.point(node, this.story?.nodes.find((one) => one.id === id));
    this.marks.paint();
  }

  /** Shows what had happened until then; the rest is pale. */
  until(moment) {
    const later = (at) => Boolean(at) && new Date(at) > moment;
    for (const element of this.cy.elements()) element.toggleClass("later", later(element.data("first") ?? element.data("at")));
    this.marks.paint();
  }

  #listen() {
    this.cy.on("tap", "node", (event) => {
      const { id, members, url } = event.target.data();
      if (url) openPane(url, document.activeElement);
      else if (members) this.#unfold(id);
    });
    this.cy.on("mouseover", "node", (event) => this.point(event.target.id()));
    this.cy.on("mouseout", "node", () => this.point(null));
    this.cy.on("viewport", () => this.things.point(null));
    this.section.addEventListener("click", (event) => {
      const { graphZoom } = event.target.closest("[data-graph-zoom]")?.dataset ?? {};
      if (graphZoom === "fit") this.fit();
      else if (graphZoom) this.zoom(graphZoom === "in" ? 1.25 : 0.8);
      if (event.target.closest("[data-graph-group]")) {
        this.together = !this.together;
        this.unfolded.clear();
        this.show();
      }
    });
    this.host.addEventListener("live", () => this.load().catch(() => {}));
    new ResizeObserver(() => this.#resized()).observe(this.host);
  }

  #unfold(id) {
    this.point(null);
    this.unfolded.add(id);
    this.show();
  }

  // A room of another shape gets another drawing: squeezed, the names would lie upon each other.
  #resized() {
    const before = this.cy.width() / this.cy.height();
    this.cy.resize();
    const shape = this.cy.width() / this.cy.height();
    if (this.story && Math.abs(Math.log(shape / before)) > 0.25) this.show();
    this.fit(false);
  }

  #button() {
    const button = this.section.querySelector("[data-graph-group]");
    if (!button) return;
    button.hidden = folded(this.story).nodes.length === this.story.nodes.length;
    button.setAttribute("aria-pressed", String(this.together));
  }

  #note(text) {
    this.host.querySelector(".graph-note")?.remove();
    if (!text) return;
    const note = Object.assign(document.createElement("p"), { className: "graph-note", textContent: text });
    this.host.append(note);
  }
}

const drawn = new WeakMap();

export function graphOf(element) {
  return drawn.get(element);
}

export function drawGraphs() {
  forbidInlineStyle();
  for (const host of document.querySelectorAll("[data-graph]")) {
    if (drawn.has(host)) continue;
    const graph = new AttackGraph(host);
    drawn.set(host, graph);
    graph.load().catch(() => {
      host.insertAdjacentElement("beforeend", Object.assign(document.createElement("p"), { className: "graph-note", textContent: "The graph could not be loaded. The list is complete." }));
    });
  }
}

function theGraph() {
  return graphOf(document.querySelector("[data-graph]"));
}

// In a narrow window graph and list share the room.
document.addEventListener("click", (event) => {
  const view = event.target.closest("[data-attack-view]")?.dataset.attackView;
  if (!view) return;
  const attack = event.target.closest(".attack");
  attack.dataset.view = view;
  for (const button of attack.querySelectorAll("[data-attack-view]")) button.setAttribute("aria-pressed", String(button.dataset.attackView === view));
});

document.addEventListener("appearance:changed", () => theGraph()?.colour());

// A step of the list picks out its things in the picture.
let chosenStep = "";

function nameOf(step) {
  return `${step.dataset.at ?? ""} ${step.dataset.nodes}`;
}

function markStep(step) {
  for (const other of document.querySelectorAll("[data-nodes][aria-current]")) other.removeAttribute("aria-current");
  step?.setAttribute("aria-current", "true");
}

function thingsOf(step) {
  return step.dataset.nodes.split(" ").filter(Boolean);
}

function pick(step, pane) {
  chosenStep = nameOf(step);
  markStep(step);
  theGraph()?.choose(thingsOf(step), { pane });
}

document.addEventListener("click", (event) => {
  const step = event.target.closest("[data-nodes]");
  if (step) pick(step, !event.target.closest("a, button"));
});

// Walked through by keyboard, each step shows its things too.
document.addEventListener("focusin", (event) => {
  const step = event.target.matches("button.n:focus-visible") ? event.target.closest("[data-nodes]") : null;
  if (step) pick(step, false);
});

document.addEventListener("htmx:afterSettle", () => {
  if (chosenStep) markStep([...document.querySelectorAll("[data-nodes]")].find((step) => nameOf(step) === chosenStep));
});
