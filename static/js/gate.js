// Pages before the frame: a form is sent once, and the first field that is wrong or empty has the focus.
for (const form of document.querySelectorAll("form[data-once]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  });
}
const fields = [...document.querySelectorAll('.card :is(input:not([type="hidden"], [type="checkbox"]), select, textarea)')];
(fields.find((field) => field.getAttribute("aria-invalid") === "true") ?? fields.find((field) => !field.value))?.focus();
