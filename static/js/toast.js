// The outcome of the reader's own act. It leaves after eight seconds unless somebody is reading it.
const STAY = 8000;

function arm(toast) {
  if (toast.dataset.armed) return;
  toast.dataset.armed = "yes";
  let timer = 0;
  const start = () => {
    clearTimeout(timer); // the pointer and the focus may leave it one after the other
    timer = setTimeout(() => toast.remove(), STAY);
  };
  const stop = () => clearTimeout(timer);
  for (const name of ["pointerenter", "focusin"]) toast.addEventListener(name, stop);
  for (const name of ["pointerleave", "focusout"]) toast.addEventListener(name, start);
  toast.querySelector("[data-toast-close]")?.addEventListener("click", () => toast.remove());
  start();
}

/** `about` names what it tells of: what was said of that before holds no longer and goes. */
export function toast({ title = "", detail = "", kind = "ok", about = "" }) {
  const template = document.getElementById("toast-template");
  const region = document.getElementById("toasts");
  if (!template || !region) return;
  const element = template.content.firstElementChild.cloneNode(true);
  element.classList.add(kind);
  element.querySelector("[data-toast-title]").textContent = title;
  element.querySelector("[data-toast-detail]").textContent = detail;
  if (about) {
    element.dataset.about = about;
    for (const other of [...region.children]) if (other !== element && other.dataset.about === about) other.remove();
  }
  region.append(element);
  while (region.children.length > 3) region.firstElementChild.remove();
  arm(element);
}

export function startToasts() {
  document.querySelectorAll("#toasts [data-toast]").forEach(arm);
  // A page that comes back out of the history brings its messages along, without what would end them.
  document.addEventListener("htmx:historyRestore", () => document.getElementById("toasts")?.replaceChildren());
  document.addEventListener("toast", (event) => {
    const detail = event.detail ?? {};
    toast(typeof detail.value === "string" ? { title: detail.value } : detail);
  });
}
