// Where nodes lie: columns by how many steps they are from the start of the attack, rows so that few lines cross.
// The same data always gives the same picture, so a refresh moves nothing.
import { tangle } from "./graph_tangle.js";

// The most things of a column, fewer where the room is low: each needs this much with its names.
const MANY = { least: 3, most: 6, high: 80, edge: 60 };
const ROUNDS = 6;
const MOST_LINES = 160;
const clamp = (least, value, most) => Math.min(most, Math.max(least, value));

/**
 * Positions that fill a room of this size at natural scale where they can.
 * @returns {Map<string, {x: number, y: number}>}
 */
export function layOut(nodes, all, room = { width: 900, height: 600 }) {
  // A way between two things of one kind moves neither of them to another column.
  const edges = all.filter((edge) => !edge.beside);
  const columns = splitTall(byDepth(nodes, edges), clamp(MANY.least, Math.floor((room.height - MANY.edge) / MANY.high), MANY.most));
  const after = neighbours(edges, "target", "source");
  const before = neighbours(edges, "source", "target");
  for (let round = 0; round < 4; round += 1) {
    for (let at = 1; at < columns.length; at += 1) order(columns[at], columns.slice(0, at).flat(), after);
    for (let at = columns.length - 2; at >= 0; at -= 1) order(columns[at], columns.slice(at + 1).flat(), before);
  }
  untangle(columns, all, room);
  return place(columns, room);
}

function byDepth(nodes, edges) {
  const depth = new Map();
  const targets = new Set(edges.filter((edge) => edge.source !== edge.target).map((edge) => edge.target));
  const starts = nodes.filter((node) => !targets.has(node.id)).map((node) => node.id);
  let front = starts.length ? starts : nodes.slice(0, 1).map((node) => node.id);
  const outgoing = neighbours(edges, "source", "target");
  for (let level = 0; front.length; level += 1) {
    for (const id of front) depth.set(id, level);
    front = [...new Set(front.flatMap((id) => outgoing.get(id) ?? []))].filter((id) => !depth.has(id));
    if (!front.length) {
      // A ring without a beginning: start it at its first node.
      const rest = nodes.find((node) => !depth.has(node.id));
      if (rest) {
        front = [rest.id];
        level = -1;
      }
    }
  }
  const columns = [];
  const touched = new Set(edges.flatMap((edge) => [edge.source, edge.target]));
  const last = Math.max(0, ...[...depth.values()]);
  for (const node of nodes) {
    // Things without any line stand apart, behind the last column.
    const column = touched.has(node.id) || nodes.length === 1 ? depth.get(node.id) ?? 0 : last + 1;
    (columns[column] ??= []).push(node.id);
  }
  return columns.filter(Boolean);
}

function splitTall(columns, many) {
  return columns.flatMap((column, depth) => {
    const parts = Math.ceil(column.length / many);
    const size = Math.ceil(column.length / parts);
    return Array.from({ length: parts }, (_, part) => Object.assign(column.slice(part * size, (part + 1) * size), { depth }));
  });
}

function neighbours(edges, from, to) {
  const found = new Map();
  for (const edge of edges) {
    if (!found.has(edge[from])) found.set(edge[from], []);
    found.get(edge[from]).push(edge[to]);
  }
  return found;
}

function order(column, others, near) {
  const rank = new Map(others.map((id, at) => [id, at]));
  const middle = (id) => {
    const ranks = (near.get(id) ?? []).map((other) => rank.get(other)).filter((value) => value !== undefined);
    return ranks.length ? ranks.reduce((sum, value) => sum + value, 0) / ranks.length : column.indexOf(id);
  };
  const weights = new Map(column.map((id) => [id, middle(id)]));
  column.sort((a, b) => weights.get(a) - weights.get(b));
}

// Things of one depth change places as long as that makes the picture plainer.
function untangle(columns, edges, room) {
  if (edges.length > MOST_LINES) return;
  let best = tangle(place(columns, room), edges);
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = best;
    for (const pair of pairsOf(columns)) {
      swap(...pair);
      const found = tangle(place(columns, room), edges);
      if (found < best - 1e-6) best = found;
      else swap(...pair);
    }
    if (best === before) return;
  }
}

function pairsOf(columns) {
  const spots = columns.flatMap((column) => column.map((_, at) => ({ column, at })));
  return spots.flatMap((one, at) => spots.slice(at + 1).filter((other) => other.column.depth === one.column.depth).map((other) => [one, other]));
}

function swap(one, other) {
  [one.column[one.at], other.column[other.at]] = [other.column[other.at], one.column[one.at]];
}

function place(columns, room) {
  const positions = new Map();
  const tallest = Math.max(...columns.map((column) => column.length));
  const across = clamp(112, (room.width - 130) / Math.max(1, columns.length - 1), 210);
  const down = clamp(96, (room.height - 150) / Math.max(1, tallest - 1), 150);
  columns.forEach((column, x) => {
    const gap = column.length > 1 ? Math.max(down, ((tallest - 1) * down) / (column.length + 0.6)) : down;
    const top = (-(column.length - 1) * gap) / 2;
    // Things of one row in neighbouring columns would share a line: their names would meet, and lines that skip a
    // column would hide behind them. Every other column lies half a row lower.
    const shift = columns.length > 2 && tallest > 1 ? (x % 2 ? 0.25 : -0.25) * gap : column.length === 1 && columns.length > 3 ? (x % 2 ? 0.45 : -0.45) * down : 0;
    column.forEach((id, y) => positions.set(id, { x: x * across, y: top + y * gap + shift }));
  });
  return positions;
}
