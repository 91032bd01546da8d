// Fewer nodes for a fuller story: loose ends of one kind that hang on the same thing become one node that names how
// many they are, and past the limit all things of one kind and state do.
export const MOST = 40;
const ROOMY = 14;
const FIRST = 2;
const ASSETS = new Set(["device", "server", "identity", "account", "user", "mailbox"]);

const WORDS = { identity: "accounts", account: "accounts", user: "accounts", mailbox: "mailboxes", process: "processes", ip: "addresses" };

function manyOf(kind) {
  return WORDS[kind] ?? `${kind.replaceAll("_", " ")}s`;
}

/** `{nodes, edges}` with few enough nodes to be read; `unfolded` are the keys of groups that a person opened. */
export function folded(story, unfolded = new Set()) {
  if (story.nodes.length <= ROOMY) return story;
  const ends = together(story, looseEnds(story), unfolded);
  return ends.nodes.length > MOST ? together(story, ofOneKind(story), unfolded) : ends;
}

function kindOf(node) {
  return `${node.group || node.kind}/${node.look || ""}`;
}

function ofOneKind(story) {
  return new Map(story.nodes.map((node) => [node.id, node.look === "bad" ? node.id : kindOf(node)]));
}

// A thing with one neighbour only is at home with the others of its kind there. Assets stay by themselves, for it is
// they that something is done to, and so does what is open.
function looseEnds(story) {
  const near = new Map(story.nodes.map((node) => [node.id, new Set()]));
  for (const { source, target } of story.edges) {
    near.get(source)?.add(`>${target}`);
    near.get(target)?.add(`<${source}`);
  }
  const home = (node) => `${kindOf(node)}${[...near.get(node.id)][0]}`;
  const isLoose = (node) => near.get(node.id).size === 1 && node.look !== "bad" && !ASSETS.has(node.kind);
  return new Map(story.nodes.map((node) => [node.id, isLoose(node) ? home(node) : node.id]));
}

function together(story, homes, unfolded) {
  const members = new Map();
  for (const node of story.nodes) {
    const key = unfolded.has(homes.get(node.id)) ? node.id : homes.get(node.id);
    members.set(key, [...(members.get(key) ?? []), node]);
  }
  const home = new Map();
  const nodes = [...members].map(([key, list]) => {
    for (const node of list) home.set(node.id, list.length > 1 ? key : node.id);
    return list.length > 1 ? groupOf(key, list) : list[0];
  });
  return { nodes, edges: edgesBetween(story.edges, home) };
}

function groupOf(key, list) {
  const [first] = list;
  const names = list.map((node) => node.label);
  const more = list.length > FIRST ? " …" : "";
  return {
    ...first, id: key, label: `${list.length} ${first.group || manyOf(first.kind)}`, name: names.join("\n"),
    state: `${names.slice(0, FIRST).join(", ")}${more}`, count: 0, url: "", icon: "group", members: list.map((node) => node.id),
  };
}

function edgesBetween(edges, home) {
  const found = new Map();
  for (const edge of edges) {
    const [source, target] = [home.get(edge.source), home.get(edge.target)];
    const key = `${source}>${target}`;
    if (!source || !target || source === target) continue;
    const other = found.get(key);
    found.set(key, other ? { ...other, look: other.look || edge.look, label: other.label === edge.label ? edge.label : "" } : { ...edge, source, target });
  }
  return [...found.values()];
}
