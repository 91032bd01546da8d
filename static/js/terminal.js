// A terminal that draws what came from a device: never as markup, without links, and within the policy of the page.
import { Terminal } from "../vendor/xterm/xterm.js";

const COLOURS = { background: "#171a21", foreground: "#d9dde5", cursor: "#7fd6a4", selectionBackground: "#3d4c78" };
const LINK = 8; // OSC 8: what a program calls a link stays text
const TITLE = [0, 1, 2];

// Its style elements carry the page's nonce, and colours of single letters go the way that needs none.
function within(nonce) {
  const make = document.createElement.bind(document);
  document.createElement = (name, options) => {
    const made = make(name, options);
    if (name === "style") made.nonce = nonce;
    if (name === "span") {
      made.setAttribute = (key, value) => (key === "style" ? (made.style.cssText = value) : Element.prototype.setAttribute.call(made, key, value));
    }
    return made;
  };
}

const MOST_CELLS = 500;
let isWithin = false;

// As the recording names a size: 120x36.
export function resize(screen, text) {
  const [columns, rows] = text.split("x").map(Number);
  if (columns > 0 && rows > 0 && Math.max(columns, rows) <= MOST_CELLS) screen.resize(columns, rows);
}

export function terminal(screen, nonce, { columns = 120, rows = 36, isWatched = false, linesKept = 5000 } = {}) {
  if (!isWithin) within(nonce);
  isWithin = true;
  const made = new Terminal({
    cols: columns, rows, disableStdin: isWatched, scrollback: linesKept, theme: COLOURS, fontSize: 13,
    fontFamily: "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace", cursorBlink: !isWatched, screenReaderMode: true,
  });
  for (const code of [LINK, ...TITLE]) made.parser.registerOscHandler(code, () => true);
  made.open(screen);
  return made;
}
