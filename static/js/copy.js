// Copies the whole value of a cut one.
import { announce } from "./announce.js";

export function startCopy() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const text = button.dataset.copy || location.href;
    const done = await put(text);
    announce(done ? "Copied" : "The browser refused to copy", { now: true });
    if (!done) return;
    button.classList.add("copied");
    const use = button.querySelector("use");
    const symbol = use?.getAttribute("href");
    use?.setAttribute("href", symbol.replace(/#.*/, "#check"));
    setTimeout(() => {
      button.classList.remove("copied");
      use?.setAttribute("href", symbol);
    }, 1500);
  });
}

async function put(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

// Plain http on another host than localhost has no clipboard.
function copyBySelection(text) {
  const area = document.createElement("textarea");
  area.className = "sr";
  area.value = text;
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}
