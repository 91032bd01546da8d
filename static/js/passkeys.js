// Passkeys: a button asks the browser for one, and the answer goes with the form that the button stands in.
const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (sign) => sign.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const withBytes = (known) => (known ?? []).map((one) => ({ ...one, id: bytes(one.id) }));

function make(options) {
  const user = { ...options.user, id: bytes(options.user.id) };
  const excludeCredentials = withBytes(options.excludeCredentials);
  return navigator.credentials.create({ publicKey: { ...options, challenge: bytes(options.challenge), user, excludeCredentials } });
}

function use(options) {
  const allowCredentials = withBytes(options.allowCredentials);
  return navigator.credentials.get({ publicKey: { ...options, challenge: bytes(options.challenge), allowCredentials } });
}

function plain(credential) {
  const { response } = credential;
  const parts = { clientDataJSON: text(response.clientDataJSON) };
  for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (response[name]) parts[name] = text(response[name]);
  }
  const { id, type, authenticatorAttachment } = credential;
  return { id, rawId: id, type, authenticatorAttachment, clientExtensionResults: {}, response: parts };
}

async function optionsOf(button) {
  if (button.dataset.options) return JSON.parse(button.dataset.options);
  const answer = await fetch(button.dataset.optionsUrl, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`The portal answered ${answer.status}.`);
  return answer.json();
}

function tell(form, words) {
  const place = form.querySelector("[data-passkey-words]");
  if (!place) return;
  place.hidden = !words;
  place.textContent = words;
}

const WORDS = {
  NotAllowedError: "No passkey was given. Try again, or use another way.",
  InvalidStateError: "This device holds a passkey for this account already.",
  SecurityError: "This address does not fit the passkeys of the portal.",
};

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-passkey]");
  if (!button) return;
  event.preventDefault();
  const { form } = button;
  tell(form, "");
  button.disabled = true;
  try {
    const options = await optionsOf(button);
    const credential = await (button.dataset.passkey === "make" ? make(options) : use(options));
    form.elements.answer.value = JSON.stringify(plain(credential));
    form.requestSubmit();
  } catch (error) {
    tell(form, WORDS[error.name] ?? "The browser gave no passkey.");
  }
  button.disabled = false;
});

export const available = Boolean(window.PublicKeyCredential);
if (!available) {
  for (const part of document.querySelectorAll("[data-passkey-part]")) part.hidden = true;
}
