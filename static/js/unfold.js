// Rows that unfold: htmx fetches what is inside at the first click, this opens and closes it.
export function startUnfolding() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-unfold]");
    const part = button && document.getElementById(button.dataset.unfold);
    if (!part) return;
    part.hidden = !part.hidden;
    button.setAttribute("aria-expanded", String(!part.hidden));
  });  // A row that was swapped says again whether what is under it is open.
  document.addEventListener("htmx:afterSwap", () => {
    for (const button of document.querySelectorAll("[data-unfold]")) {
      button.setAttribute("aria-expanded", String(document.getElementById(button.dataset.unfold)?.hidden === false));
    }
  });
}
