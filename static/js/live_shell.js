// A raw shell in the console: what is typed goes out in numbered parts, one at a time, and what comes back is drawn as it
// is numbered by the recording. It shows itself when a shell of this session is open, also to who only watches.
import { FitAddon } from "../vendor/xterm_fit/addon_fit.js";
import { resize, terminal } from "./terminal.js";

const SHOWN = "o";
const LONGEST_PART = 4096;
const AGAIN = 1000;
const LOOK = 5000; // without a word of the stream it looks by itself
const host = document.querySelector("[data-shell]");

class Shell {
  constructor() {
    this.screen = host.querySelector("[data-shell-screen]");
    this.said = host.querySelector("[data-shell-said]");
    this.number = 0;
    this.after = 0;
    this.seq = 0;
    this.waiting = "";
    this.size = null;
    this.isSending = this.isAsking = this.isDue = false;
    host.querySelector("[data-shell-end]").addEventListener("click", () => this.end());
    document.addEventListener("live:message", ({ detail }) => {
      const ours = detail.id === host.dataset.session;
      if (ours && ["live_shell.said", "live_commands.changed"].includes(detail.topic)) this.look();
    });
    setInterval(() => this.look(), LOOK);
    new ResizeObserver(() => this.fit()).observe(this.screen);
    this.look();
  }

  async look() {
    if (this.isAsking) { this.isDue = true; return; }
    this.isAsking = true;
    this.isDue = false;
    const query = this.number ? `?number=${this.number}&after=${this.after}` : "";
    const answer = await fetch(host.dataset.shell + query, { headers: { "X-Unattended": "1" } }).catch(() => null);
    const told = answer?.ok ? await answer.json() : null;
    this.isAsking = false;
    if (told) this.take(told);
    if (told?.more || this.isDue) this.look();
  }

  take(told) {
    if (!told.number) return;
    if (told.number !== this.number && told.open) this.open(told);
    if (told.number !== this.number) return;
    for (const [seq, kind, text] of told.events) {
      if (seq <= this.after) continue;
      this.after = seq;
      // Who watches sees it in the size of the typist's screen.
      if (kind === SHOWN) this.terminal.write(text);
      else if (!told.mine) resize(this.terminal, text);
    }
    if (!told.open && !told.more) this.close(told.detail);
  }

  open(told) {
    host.hidden = false;
    host.parentElement.classList.add("has-shell");
    this.number = told.number;
    this.after = 0;
    this.seq = told.typed;
    this.terminal?.dispose();
    this.terminal = terminal(this.screen, host.dataset.nonce, { isWatched: !told.mine });
    this.fitted = new FitAddon();
    this.terminal.loadAddon(this.fitted);
    const until = new Date(told.until).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    this.said.textContent = `approved by ${told.by}, until ${until}${told.mine ? "" : "; you are watching"}`;
    this.label("End the shell");
    if (!told.mine) return;
    this.terminal.attachCustomKeyEventHandler((event) => !(event.key === "Tab" && event.shiftKey));
    this.terminal.onData((data) => this.type(data));
    this.terminal.onResize(({ cols, rows }) => { this.size = { columns: cols, rows }; this.send(); });
    this.fit();
    this.terminal.focus();
  }

  fit() {
    if (this.number && this.screen.clientWidth && !this.terminal.options.disableStdin) this.fitted?.fit();
  }

  type(data) {
    this.waiting += data;
    this.send();
  }

  async send() {
    if (this.isSending || !this.number || !(this.waiting || this.size)) return;
    this.isSending = true;
    const data = this.waiting.slice(0, LONGEST_PART);
    const size = data ? null : this.size;
    const answer = await this.post(`${host.dataset.shell}${this.number}/type/`, { seq: this.seq + 1, ...(size ?? { data }) });
    const told = await answer?.json().catch(() => null);
    if (answer?.ok) {
      this.seq = told.typed;
      if (size === this.size) this.size = null;
      this.waiting = this.waiting.slice(data.length);
    } else if (told?.code === "bad_line" && told.typed !== this.seq) {
      this.seq = told.typed; // somebody types in another window as well
    } else if (told && told.code !== "too_many") {
      this.waiting = "";
      this.size = null;
      this.said.textContent = told.message ?? "What was typed was not taken.";
    } else {
      await new Promise((resolve) => { setTimeout(resolve, AGAIN); });
    }
    this.isSending = false;
    this.send();
  }

  async end() {
    if (!this.number) {
      host.hidden = true;
      host.parentElement.classList.remove("has-shell");
      return;
    }
    await this.post(`${host.dataset.cancel}${this.number}/cancel/`, {});
    this.said.textContent = "is being ended";
    this.look();
  }

  post(url, fields) {
    const headers = JSON.parse(document.body.getAttribute("hx-headers") || "{}");
    return fetch(url, { method: "POST", headers, body: new URLSearchParams(fields) }).catch(() => null);
  }

  label(text) {
    host.querySelector("[data-shell-verb]").textContent = text;
  }

  close(detail) {
    this.number = 0;
    this.waiting = "";
    this.size = null;
    this.terminal.options.disableStdin = true;
    this.terminal.options.cursorBlink = false;
    this.said.textContent = `has ended${detail ? `: ${detail}` : ""}`;
    this.label("Close");
    document.getElementById("live-input")?.focus();
  }
}

if (host) new Shell();
