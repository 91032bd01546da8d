// Reads a chosen file into the form as base64, because no page takes an upload. `data-file-field="plain"` makes its name
// one of letters, digits and few signs.
const LARGEST = 15 * 1024 * 1024;
const host = document.querySelector("[data-file-field]");
const field = document.getElementById("id_content");
const name = document.getElementById("id_name");

function base64(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(reader.result.slice(reader.result.indexOf(",") + 1)));
    reader.addEventListener("error", () => reject(reader.error));
    reader.readAsDataURL(file);
  });
}

host?.querySelector("input").addEventListener("change", async (event) => {
  const file = event.target.files[0];
  if (!file) return;
  const fits = file.size > 0 && file.size <= LARGEST;
  event.target.setCustomValidity(fits ? "" : "A file has 1 byte to 15 MiB.");
  event.target.reportValidity();
  field.value = fits ? await base64(file) : "";
  const plain = host.dataset.fileField === "plain";
  if (fits && !name.value) name.value = plain ? file.name.replaceAll(/[^A-Za-z0-9._-]/g, "_") : file.name;
  host.querySelector("[data-file-said]").textContent = fits ? `${file.name}, ${file.size.toLocaleString("en")} bytes` : "It is too large, or empty.";
});
