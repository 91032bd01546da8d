// Replays the story: the slider says until when, the list and the graph show what had happened by then.
import { graphOf } from "./graph.js";
import { moment } from "./time.js";

const WHOLE_STORY = 12_000; // however long the attack took, its replay takes this long
const END = 1000;
const FRESH = 60_000; // what is younger than this is happening now
const NS = "http://www.w3.org/2000/svg";
const COLOURS = ["high", "medium", "low", "info"];

class Player {
  constructor(host) {
    this.host = host;
    this.range = host.querySelector("input");
    this.attack = host.closest(".attack");
    this.range.addEventListener("input", () => this.show());
    host.querySelector("[data-player-run]").addEventListener("click", () => this.toggle());
    this.read();
  }

  read() {
    const at = (step) => new Date(step.dataset.at).valueOf();
    this.steps = [...this.attack.querySelectorAll("[data-at]")].filter((step) => !Number.isNaN(at(step)));
    const times = this.steps.map(at);
    this.host.hidden = times.length < 2;
    this.first = Math.min(...times);
    this.last = Math.max(...times);
    const margin = Math.max(1000, (this.last - this.first) * 0.03);
    this.start = this.first - margin;
    this.length = this.last + margin - this.start;
    this.ticks(times);
    this.show();
  }

  ticks(times) {
    const svg = this.host.querySelector("[data-player-ticks]");
    svg.setAttribute("viewBox", "0 0 1000 12");
    svg.setAttribute("preserveAspectRatio", "none");
    svg.replaceChildren(...times.map((time, at) => {
      const tick = document.createElementNS(NS, "rect");
      const mark = this.steps[at].querySelector("svg.m");
      tick.setAttribute("class", `tk ${COLOURS.find((colour) => mark?.classList.contains(colour)) ?? "info"}`);
      for (const [name, value] of Object.entries({ x: ((time - this.start) / this.length) * 1000 - 2, y: 1, width: 4, height: 10 })) tick.setAttribute(name, value);
      return tick;
    }));
  }

  show() {
    const value = Number(this.range.value);
    const now = new Date(value >= END ? this.last : this.start + (value / END) * this.length);
    let shown = 0;
    for (const step of this.steps) {
      const later = new Date(step.dataset.at) > now;
      step.classList.toggle("later", later);
      if (!later) shown += 1;
    }
    const end = Date.now() - this.last < FRESH ? "now" : "last event";
    const words = value >= END ? `${moment(now)}, ${end}` : moment(now);
    this.host.querySelector("[data-player-time]").textContent = words;
    this.range.setAttribute("aria-valuetext", `${words}, ${shown} of ${this.steps.length} steps shown`);
    graphOf(this.attack.querySelector("[data-graph]"))?.until(value >= END ? new Date(8.64e15) : now);
  }

  toggle() {
    if (this.timer) {
      this.stop();
      return;
    }
    if (Number(this.range.value) >= END) this.range.value = "0";
    const begun = performance.now() - (Number(this.range.value) / END) * WHOLE_STORY;
    this.symbol("pause", "Pause");
    const step = () => {
      if (!this.host.isConnected) return;
      this.range.value = String(Math.min(END, ((performance.now() - begun) / WHOLE_STORY) * END));
      this.show();
      if (Number(this.range.value) >= END) this.stop();
      else this.timer = setTimeout(step, 80);
    };
    step();
  }

  stop() {
    clearTimeout(this.timer);
    this.timer = 0;
    this.symbol("play", "Play from here");
  }

  symbol(name, label) {
    const button = this.host.querySelector("[data-player-run]");
    const use = button.querySelector("use");
    use.setAttribute("href", use.getAttribute("href").replace(/#.*/, `#${name}`));
    button.setAttribute("aria-label", label);
  }
}

const players = new WeakMap();

export function startPlayers() {
  for (const host of document.querySelectorAll("[data-player]")) {
    if (players.has(host)) players.get(host).read();
    else players.set(host, new Player(host));
  }
}
