// Boot: every behaviour is a small module that listens on the document, so parts that htmx swaps in need no set-up.
import { startAnnouncing } from "./announce.js";
import { startAppearance } from "./appearance.js";
import { startBulk } from "./bulk.js";
import { startColumns } from "./columns.js";
import { startCopy } from "./copy.js";
import { startDialogs } from "./dialog.js";
import { startKeys } from "./keys.js";
import { startLive } from "./live.js";
import { startMentions } from "./mention.js";
import { startOrder } from "./order.js";
import { startPane } from "./pane.js";
import "./passkeys.js";
import { startRows } from "./rows.js";
import { startSteady } from "./steady.js";
import { startTabs } from "./tabs.js";
import { startTimes } from "./time.js";
import { startToasts } from "./toast.js";
import { startUnfolding } from "./unfold.js";

startAppearance();
startTimes();
startSteady();
startToasts();
startAnnouncing();
startDialogs();
startOrder();
startPane();
startRows();
startBulk();
startColumns();
startMentions();
startCopy();
startTabs();
startUnfolding();
startKeys();
startLive();

// The graph library is large: it is fetched when the first graph comes.
let drawing = null;
function drawGraphs() {
  if (!document.querySelector("[data-graph]")) return;
  drawing ??= Promise.all([import("./graph.js"), import("./player.js")]);
  drawing.then(([graph, player]) => {
    graph.drawGraphs();
    player.startPlayers();
  });
}
drawGraphs();
document.addEventListener("htmx:afterSettle", drawGraphs);

// `HX-Trigger: {"refresh": "#pane"}`: the named elements fetch themselves again.
document.addEventListener("refresh", (event) => {
  const selectors = [event.detail?.value ?? []].flat();
  for (const selector of selectors) {
    for (const element of document.querySelectorAll(selector)) window.htmx.trigger(element, "refresh");
  }
});

// Error pages offer the way back only where there is one.
for (const button of document.querySelectorAll("[data-back]")) {
  button.hidden = history.length < 2;
  button.addEventListener("click", () => history.back());
}
