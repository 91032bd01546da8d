// Plays the recording of a session: events of asciicast v2 as text, with long pauses cut to two seconds.
import { announce } from "./announce.js";

const LONGEST_PAUSE = 2;
const END = 1000;
const TYPED = "i";
const SHOWN = "o";
const SIZE = "r";

class Replay {
  constructor(host) {
    this.screen = host.querySelector("[data-replay-screen]");
    this.bar = host.querySelector("[data-replay-bar]");
    this.place = host.querySelector("[data-replay-place]");
    this.time = host.querySelector("[data-replay-time]");
    this.button = host.querySelector("[data-replay-run]");
    this.speed = host.querySelector("[data-replay-speed]");
    this.events = [];
    this.length = 0;
    this.last = 0;
    this.add(JSON.parse(document.getElementById("live-events").textContent));
    this.drawn = 0;
    this.terminal = null;
    const held = host.querySelector("[data-replay-terminal]");
    if (held) this.load(held);
    this.now = this.length;
    this.timer = 0;
    this.bar.hidden = this.events.length < 2;
    this.place.value = END;
    this.place.addEventListener("input", () => this.to((Number(this.place.value) / END) * this.length));
    this.button.addEventListener("click", () => this.toggle());
    host.addEventListener("keydown", (event) => {
      if (event.key !== " " || event.target.matches("button, select")) return;
      event.preventDefault();
      this.toggle();
    });
    this.show();
    this.loadMore(host.dataset.more);
  }

  add(events) {
    for (const [at, kind, data, isShell] of events) {
      this.length += Math.min(LONGEST_PAUSE, Math.max(0, at - this.last));
      this.last = at;
      this.events.push({ now: this.length, at, kind, data, isShell });
    }
  }

  // A long recording comes in parts, while the first of them is looked at.
  async loadMore(more) {
    while (more) {
      const answer = await fetch(`?after=${more}`, { headers: { Accept: "application/json", "X-Unattended": "1" } }).catch(() => null);
      if (!answer?.ok) {
        announce("The rest of the recording did not come; load the page again.", { now: true });
        return;
      }
      const part = await answer.json();
      const atEnd = !this.timer && Number(this.place.value) === END;
      this.add(part.events);
      if (atEnd) this.now = this.length;
      else this.place.value = (this.now / this.length) * END;
      this.bar.hidden = this.events.length < 2;
      this.show();
      more = part.more;
    }
  }

  // What a shell printed needs a terminal; everything else is text.
  async load(held) {
    const { resize, terminal } = await import("./terminal.js");
    this.resize = (text) => resize(this.terminal, text);
    this.terminal = terminal(held, held.dataset.nonce, { isWatched: true });
    this.show();
  }

  draw(due) {
    if (due.length < this.drawn) {
      this.terminal.reset();
      this.drawn = 0;
    }
    for (const event of due.slice(this.drawn)) {
      if (event.kind === SIZE) this.resize(event.data);
      else if (event.kind === SHOWN) this.terminal.write(event.data);
      else if (event.kind === TYPED && !event.isShell) this.terminal.write(`> ${event.data}`);
    }
    this.drawn = due.length;
  }

  to(now) {
    this.now = now;
    this.show();
  }

  show() {
    const due = this.events.filter((event) => event.now <= this.now + 1e-6);
    if (this.terminal) this.draw(due);
    this.screen.textContent = due.filter((event) => !event.isShell && "io".includes(event.kind)).map((event) => (event.kind === "i" ? `> ${event.data}` : event.data)).join("").replaceAll("\r\n", "\n");
    this.screen.scrollTop = this.screen.scrollHeight;
    const at = Math.round(due.at(-1)?.at ?? 0);
    this.time.textContent = `${Math.floor(at / 60)}:${String(at % 60).padStart(2, "0")}`;
    this.place.setAttribute("aria-valuetext", `${this.time.textContent}, ${due.length} of ${this.events.length} events`);
  }

  toggle() {
    if (this.timer) { this.stop(); return; }
    if (this.now >= this.length) this.now = 0;
    let before = performance.now();
    const step = (moment) => {
      this.now += ((moment - before) / 1000) * Number(this.speed.value);
      before = moment;
      this.place.value = this.length ? Math.min(END, (this.now / this.length) * END) : END;
      this.show();
      if (this.now >= this.length) this.stop();
      else this.timer = requestAnimationFrame(step);
    };
    this.timer = requestAnimationFrame(step);
    this.button.setAttribute("aria-label", "Pause");
  }

  stop() {
    cancelAnimationFrame(this.timer);
    this.timer = 0;
    this.button.setAttribute("aria-label", "Play");
  }
}

for (const host of document.querySelectorAll("[data-replay]")) new Replay(host);
