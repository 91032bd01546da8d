// Reads a chosen file into a text field, because no page takes an upload.
const LARGEST = { text: 1_000_000, certificate: 64_000 };

// A certificate may be binary (DER): it is shown and sent as the lines of base64 that PEM is.
async function readCertificate(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  if (text.includes("-----BEGIN")) return text;
  const lines = btoa(text).match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

for (const host of document.querySelectorAll("[data-file-into]")) {
  const input = host.querySelector("input[type=file]");
  const field = document.querySelector(host.dataset.fileInto);
  if (!input || !field) continue;
  const as = host.dataset.fileAs ?? "text";
  host.hidden = false;
  input.addEventListener("change", async () => {
    const file = input.files[0];
    if (!file) return;
    const fits = file.size <= LARGEST[as];
    input.setCustomValidity(fits ? "" : `The file is larger than ${LARGEST[as] / 1000} kB.`);
    input.reportValidity();
    if (fits) field.value = as === "certificate" ? await readCertificate(file) : await file.text();
  });
}
