// How tangled a drawing is: lines that cross, lines that run over things and their names, and long ways.
const COST = { cross: 1, thing: 1.5, name: 0.6, apart: 0.012, long: 0.0004 };
const NEAR = 27;
const NAME_BELOW = 37;
const NAME_NEAR = 15;
const NAME_WIDE = 44;

/** The less the plainer. `positions` by id; lines of one column go round it and are to be short. */
export function tangle(positions, edges) {
  const lines = [];
  let cost = 0;
  for (const { source, target } of edges) {
    const [from, to] = [positions.get(source), positions.get(target)];
    if (!from || !to || source === target) continue;
    if (Math.abs(from.x - to.x) < 1) cost += Math.abs(from.y - to.y) * COST.apart;
    else lines.push({ source, target, from, to });
  }
  lines.forEach((line, at) => {
    cost += Math.hypot(line.to.x - line.from.x, line.to.y - line.from.y) * COST.long;
    for (let other = at + 1; other < lines.length; other += 1) if (cross(line, lines[other])) cost += COST.cross;
    for (const [id, thing] of positions) if (id !== line.source && id !== line.target) cost += hides(line, thing);
  });
  return cost;
}

function cross(one, other) {
  if (one.source === other.source || one.target === other.target || one.source === other.target || one.target === other.source) return false;
  return side(one, other.from) !== side(one, other.to) && side(other, one.from) !== side(other, one.to);
}

function side({ from, to }, point) {
  return (to.x - from.x) * (point.y - from.y) - (to.y - from.y) * (point.x - from.x) > 0;
}

function hides({ from, to }, thing) {
  if (thing.x < Math.min(from.x, to.x) - NAME_WIDE || thing.x > Math.max(from.x, to.x) + NAME_WIDE) return 0;
  const share = (thing.x - from.x) / (to.x - from.x);
  if (share <= 0 || share >= 1) return 0;
  const y = from.y + (to.y - from.y) * share;
  if (Math.abs(y - thing.y) < NEAR) return COST.thing;
  return Math.abs(y - (thing.y + NAME_BELOW)) < NAME_NEAR ? COST.name : 0;
}
