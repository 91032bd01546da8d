// What the graph library cannot draw without data: images: icons, two-line names, badges. Painted on a canvas above it.
const icons = new Map();

/** The paths of the icon sheet, fetched once. */
export async function loadIcons() {
  if (icons.size) return;
  const text = await (await fetch(document.body.dataset.icons)).text();
  for (const symbol of new DOMParser().parseFromString(text, "image/svg+xml").querySelectorAll("symbol")) {
    icons.set(symbol.id, [...symbol.querySelectorAll("path")].map((path) => new Path2D(path.getAttribute("d"))));
  }
}

export const ICON_OF = {
  device: "laptop", server: "server", user: "user", identity: "user", account: "user", mailbox: "mail", mail: "mail",
  message: "mail", mail_message: "mail", file: "file", process: "proc", ip: "globe", url: "globe", domain: "globe",
  group: "group", application: "box", registry_key: "key", cloud_resource: "cloud",
};

export class Marks {
  constructor(cy, host) {
    this.cy = cy;
    this.canvas = document.createElement("canvas");
    this.canvas.className = "marks";
    this.canvas.setAttribute("aria-hidden", "true");
    host.append(this.canvas);
    this.font = getComputedStyle(document.body).fontFamily;
    cy.on("render", () => this.paint());
  }

  colour(colours) {
    this.colours = colours;
    this.paint();
  }

  paint() {
    if (!this.colours) return;
    const ratio = devicePixelRatio || 1;
    const [width, height] = [this.cy.width(), this.cy.height()];
    if (this.canvas.width !== Math.round(width * ratio) || this.canvas.height !== Math.round(height * ratio)) {
      this.canvas.width = Math.round(width * ratio);
      this.canvas.height = Math.round(height * ratio);
    }
    const pen = this.canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    const zoom = this.cy.zoom();
    this.fits = roomFor(this.cy, zoom, width);
    this.taken = this.cy.nodes().map((node) => this.#room(pen, node, zoom)).flat();
    for (const edge of this.cy.edges("[label]")) this.#way(pen, edge, zoom);
    for (const node of this.cy.nodes()) this.#node(pen, node, node.renderedPosition(), zoom);
  }

  // The boxes of a node and of its two lines of words.
  #room(pen, node, zoom) {
    const { x, y } = node.renderedPosition();
    const half = (node.width() / 2) * zoom;
    const scale = Math.max(zoom, 0.82);
    pen.font = `500 ${12 * scale}px ${this.font}`;
    const most = this.fits.get(node.id());
    const words = Math.min(most, Math.max(pen.measureText(node.data("label") ?? "").width, pen.measureText(node.data("state") ?? "").width * 0.92));
    return [[x - half, y - half, x + half, y + half], [x - words / 2, y + half, x + words / 2, y + half + 33 * scale]];
  }

  // The word of a line stands where it hides nothing: the middle first, then towards the ends.
  #way(pen, edge, zoom) {
    const text = shorten(edge.data("label"), 24);
    const [from, to] = [edge.renderedSourceEndpoint(), edge.renderedTargetEndpoint()];
    if (!text || !from || !to || zoom < 0.45) return;
    const scale = Math.max(zoom, 0.82);
    const font = `400 ${11 * scale}px ${this.font}`;
    pen.font = font;
    const [wide, high] = [pen.measureText(text).width / 2 + 2, 8 * scale];
    const swing = edge.data("bend") ? edge.renderedMidpoint().x - (from.x + to.x) / 2 : 0;
    const spots = [0.5, 0.42, 0.58, 0.34, 0.66, 0.27, 0.73].map((share) => {
      const [x, y] = [from.x + (to.x - from.x) * share + swing, from.y + (to.y - from.y) * share];
      const box = [x - wide, y - high, x + wide, y + high];
      return { x, y, box, hidden: this.taken.reduce((sum, other) => sum + overlap(box, other), 0) };
    });
    const spot = spots.reduce((best, one) => (one.hidden < best.hidden - 1 ? one : best));
    // A word that would hide another is left out until somebody points at what it is about.
    if (spot.hidden > 1 && !edge.connectedNodes(".hover").length) return;
    this.taken.push(spot.box);
    pen.globalAlpha = edge.hasClass("later") ? 0.35 : 1;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.lineJoin = "round";
    pen.lineWidth = 5;
    pen.strokeStyle = this.colours.surface;
    this.#line(pen, text, font, this.colours.text2, spot.x, spot.y);
    pen.globalAlpha = 1;
  }

  #node(pen, node, { x, y }, zoom) {
    const data = node.data();
    const half = (node.width() / 2) * zoom;
    pen.globalAlpha = node.hasClass("later") ? 0.35 : 1;
    this.#icon(pen, data, x, y, zoom);
    if (data.look === "safe") this.#check(pen, x + half - 2 * zoom, y - half + 2 * zoom, zoom);
    else if (data.count > 1) this.#count(pen, data, x + half - 2 * zoom, y - half + 2 * zoom, zoom);
    this.#words(pen, data, x, y + half, zoom, this.fits.get(node.id()));
    pen.globalAlpha = 1;
  }

  #icon(pen, data, x, y, zoom) {
    const paths = icons.get(data.icon || ICON_OF[data.kind] || "box") ?? [];
    const size = 1.25 * zoom;
    pen.save();
    pen.translate(x - 8 * size, y - 8 * size);
    pen.scale(size, size);
    pen.lineWidth = 1.5;
    pen.lineCap = pen.lineJoin = "round";
    pen.strokeStyle = data.look === "bad" ? this.colours.badText : data.look === "warn" ? this.colours.warnText : data.look === "safe" ? this.colours.safeText : this.colours.text2;
    for (const path of paths) pen.stroke(path);
    pen.restore();
  }

  #disc(pen, x, y, radius, fill) {
    pen.beginPath();
    pen.arc(x, y, radius, 0, 7);
    pen.fillStyle = fill;
    pen.fill();
  }

  #check(pen, x, y, zoom) {
    this.#disc(pen, x, y, 8 * zoom, this.colours.safe);
    pen.beginPath();
    pen.moveTo(x - 4 * zoom, y);
    pen.lineTo(x - 1 * zoom, y + 3 * zoom);
    pen.lineTo(x + 4 * zoom, y - 3 * zoom);
    pen.lineWidth = 2 * zoom;
    pen.strokeStyle = this.colours.surface;
    pen.stroke();
  }

  // Red is kept for what is open or malicious.
  #count(pen, { count, look }, x, y, zoom) {
    const text = count > 99 ? "99+" : String(count);
    const bad = look === "bad";
    this.#disc(pen, x, y, (text.length > 2 ? 11 : 8) * zoom, bad ? this.colours.badSolid : this.colours.text2);
    pen.font = `600 ${10 * zoom}px ${this.font}`;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.fillStyle = bad ? this.colours.onSolid : this.colours.surface;
    pen.fillText(text, x, y + 0.5 * zoom);
  }

  // Names stay readable when the picture shrinks.
  #words(pen, data, x, y, zoom, most) {
    const scale = Math.max(zoom, 0.82);
    pen.textAlign = "center";
    pen.textBaseline = "alphabetic";
    pen.lineJoin = "round";
    pen.strokeStyle = this.colours.surface;
    pen.lineWidth = 4;
    this.#name(pen, data.label, most, `500 ${12 * scale}px ${this.font}`, this.colours.text, x, y + 15 * scale);
    this.#name(pen, data.state, most, `400 ${11 * scale}px ${this.font}`, this.colours.text2, x, y + 29 * scale);
  }

  #name(pen, text, most, font, fill, x, y) {
    pen.font = font;
    this.#line(pen, cutToFit(pen, String(text ?? ""), most), font, fill, x, y);
  }

  #line(pen, text, font, fill, x, y) {
    if (!text) return;
    pen.font = font;
    pen.fillStyle = fill;
    pen.strokeText(text, x, y);
    pen.fillText(text, x, y);
  }
}

function overlap(a, b) {
  return Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0])) * Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));
}

function shorten(text, most) {
  const all = String(text ?? "");
  return all.length > most ? `${all.slice(0, most - 9)}…${all.slice(-8)}` : all;
}

// The ends tell names apart, the ending of a file above all, so the middle goes.
function cutToFit(pen, text, most) {
  const wide = pen.measureText(text).width;
  if (wide <= most) return text;
  for (let left = Math.floor((text.length * most) / wide); left > 4; left -= 1) {
    const tail = Math.floor(left / 2);
    const cut = `${text.slice(0, left - tail - 1)}…${text.slice(-tail)}`;
    if (pen.measureText(cut).width <= most) return cut;
  }
  return `${text.slice(0, 2)}…${text.slice(-2)}`;
}

const NAME = { least: 44, most: 220, high: 33, gap: 5, many: 120 };

/** How wide the words under each node may be so that they meet neither those of others nor the nodes beside them. */
function roomFor(cy, zoom, width) {
  const nodes = cy.nodes().map((node) => ({ id: node.id(), half: (node.width() / 2) * zoom, ...node.renderedPosition() }));
  const high = NAME.high * Math.max(zoom, 0.82);
  const wide = new Map(nodes.map(({ id }) => [id, NAME.most]));
  if (nodes.length > NAME.many) return wide;
  for (const one of nodes) {
    const top = one.y + one.half;
    let most = Math.min(NAME.most, 2 * (one.x - 2), 2 * (width - one.x - 2));
    for (const other of nodes) {
      const apart = Math.abs(other.x - one.x);
      if (other === one || apart < 1) continue;
      const beside = other.y - other.half < top + high && other.y + other.half > top;
      const words = other.y + other.half < top + high && other.y + other.half + high > top;
      if (words) most = Math.min(most, apart - NAME.gap);
      if (beside) most = Math.min(most, 2 * (apart - other.half - NAME.gap));
    }
    wide.set(one.id, Math.max(NAME.least * Math.max(zoom, 0.82), most));
  }
  return wide;
}
