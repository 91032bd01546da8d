// Sends a chosen file as it is, and puts the ticket that comes back into the form.
const LARGEST = 250 * 1024 * 1024;
const DONE = 200;
const host = document.querySelector("[data-library-upload]");
const chosen = host?.querySelector("input");
const said = host?.querySelector("[data-file-said]");
const bar = host?.querySelector("progress");
const ticket = document.getElementById("id_content");
const name = document.getElementById("id_name");
const button = host?.closest("form").querySelector("button[type=submit]");
let sending = null;

function say(text, isWrong = false) {
  said.textContent = text;
  chosen.setCustomValidity(isWrong ? text : "");
  if (isWrong) chosen.reportValidity();
}

function ended(text, isWrong) {
  bar.hidden = true;
  button.disabled = false;
  say(text, isWrong);
}

function answered(request, file) {
  let told = {};
  try {
    told = JSON.parse(request.responseText);
  } catch {
    // What stands before the portal answers in its own words.
  }
  if (request.status !== DONE || !told.ticket) {
    ended(told.message ?? "The portal did not take the file; load this page anew.", true);
    return;
  }
  ticket.value = told.ticket;
  ended(`${file.name}, ${told.size.toLocaleString("en")} bytes, SHA-256 ${told.sha256}`, false);
}

function send(file) {
  sending?.abort();
  const request = new XMLHttpRequest();
  sending = request;
  request.open("POST", host.dataset.libraryUpload);
  const headers = { ...JSON.parse(document.body.getAttribute("hx-headers") || "{}"), "Content-Type": "application/octet-stream" };
  for (const [key, value] of Object.entries(headers)) request.setRequestHeader(key, value);
  request.upload.addEventListener("progress", (event) => { bar.value = (100 * event.loaded) / Math.max(1, event.total); });
  request.addEventListener("load", () => answered(request, file));
  request.addEventListener("error", () => ended("The file broke off; choose it once more.", true));
  bar.hidden = false;
  bar.value = 0;
  button.disabled = true;
  say(`${file.name} is being sent`);
  request.send(file);
}

chosen?.addEventListener("change", () => {
  const file = chosen.files[0];
  ticket.value = "";
  if (!file) return;
  if (!file.size || file.size > LARGEST) {
    say("A file has 1 byte to 250 MiB.", true);
    return;
  }
  if (!name.value) name.value = file.name.replaceAll(/[^A-Za-z0-9._-]/g, "_");
  send(file);
});
