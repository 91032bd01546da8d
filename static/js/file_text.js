// Reads a chosen file into a text field, because no page takes an upload.
const LARGEST = 1_000_000;

for (const host of document.querySelectorAll("[data-file-into]")) {
  const input = host.querySelector("input[type=file]");
  const field = document.querySelector(host.dataset.fileInto);
  if (!input || !field) continue;
  host.hidden = false;
  input.addEventListener("change", async () => {
    const file = input.files[0];
    if (!file) return;
    input.setCustomValidity(file.size > LARGEST ? "The file is larger than 1 MB." : "");
    input.reportValidity();
    if (file.size <= LARGEST) field.value = await file.text();
  });
}
