// The outcome of the reader's own act. It leaves after eight seconds unless somebody is reading it.
const STAY = 8000;

function arm(toast) {
  if (toast.dataset.armed) return;
  toast.dataset.armed = "yes";
  let timer = 0;
  const start = () => (timer = setTimeout(() => toast.remove(), STAY));
  const stop = () => clearTimeout(timer);
  for (const name of ["pointerenter", "focusin"]) toast.addEventListener(name, stop);
  for (const name of ["pointerleave", "focusout"]) toast.addEventListener(name, start);
  toast.querySelector("[data-toast-close]")?.addEventListener("click", () => toast.remove());
  start();
}

export function toast({ title = "", detail = "", kind = "ok" }) {
  const template = document.getElementById("toast-template");
  const region = document.getElementById("toasts");
  if (!template || !region) return;
  const element = template.content.firstElementChild.cloneNode(true);
  element.classList.add(kind);
  element.querySelector("[data-toast-title]").textContent = title;
  element.querySelector("[data-toast-detail]").textContent = detail;
  region.append(element);
  while (region.children.length > 3) region.firstElementChild.remove();
  arm(element);
}

export function startToasts() {
  document.querySelectorAll("#toasts [data-toast]").forEach(arm);
  document.addEventListener("toast", (event) => {
    const detail = event.detail ?? {};
    toast(typeof detail.value === "string" ? { title: detail.value } : detail);
  });
}
