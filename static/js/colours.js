// Colours of the style sheet for a canvas: the tokens are oklch and light-dark(), which only the browser resolves.
const probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });

function resolve(token, element) {
  element.style.color = `var(${token})`;
  probe.clearRect(0, 0, 1, 1);
  probe.fillStyle = getComputedStyle(element).color;
  probe.fillRect(0, 0, 1, 1);
  const [red, green, blue] = probe.getImageData(0, 0, 1, 1).data;
  return `rgb(${red}, ${green}, ${blue})`;
}

const TOKENS = {
  surface: "--surface", line: "--line-strong", text: "--text", text2: "--text-2", text3: "--text-3",
  bad: "--sev-high-mark", badText: "--sev-high", badFill: "--danger-bg", badSolid: "--danger-solid",
  warn: "--warn-mark", warnText: "--warn", warnFill: "--warn-bg",
  safe: "--ok-mark", safeText: "--ok", safeFill: "--ok-bg", accent: "--accent-solid", onSolid: "--on-solid",
};

/** The palette as rgb() strings, read anew at every call because the theme may have changed. */
export function palette() {
  const element = document.createElement("span");
  element.hidden = true;
  document.body.append(element);
  const colours = Object.fromEntries(Object.entries(TOKENS).map(([name, token]) => [name, resolve(token, element)]));
  element.remove();
  return colours;
}
