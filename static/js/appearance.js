// Theme and density: applied at once, kept in the profile.
import { announce } from "./announce.js";

export const root = document.documentElement;

function apply(kind, value) {
  if (kind === "theme" && value === "system") delete root.dataset.theme;
  else root.dataset[kind] = value;
  document.dispatchEvent(new CustomEvent("appearance:changed", { detail: { kind, value } }));
}

async function keep(url, kind, value) {
  const headers = { ...JSON.parse(document.body.getAttribute("hx-headers") || "{}") };
  const answer = await fetch(url, { method: "POST", headers, body: new URLSearchParams({ [kind]: value }) });
  if (!answer.ok) announce("The choice could not be saved; it holds for this page only.");
}

export function startAppearance() {
  document.addEventListener("change", (event) => {
    const host = event.target.closest?.("[data-appearance]");
    if (!host) return;
    const kind = host.dataset.appearance;
    const value = event.target.value;
    apply(kind, value);
    for (const twin of document.querySelectorAll(`[data-appearance="${kind}"] input`)) twin.checked = twin.value === value;
    if (host.dataset.url) keep(host.dataset.url, kind, value).catch(() => {});
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    document.dispatchEvent(new CustomEvent("appearance:changed", { detail: { kind: "theme", value: "system" } }));
  });
}
