// Comfort only: every page works without this script, but for passkeys, which no page can use without one.
"use strict";

const all = (selector) => [...document.querySelectorAll(selector)];
const pause = (ms) => new Promise((done) => { setTimeout(done, ms); });
const send = (form) => HTMLFormElement.prototype.submit.call(form); // A field of it may be named "submit".

// Loads the page again, but never sends a form a second time, nor takes away what somebody typed.
const typed = () => all("input:not([type=hidden])").some((e) => e.value !== e.defaultValue || e.checked !== e.defaultChecked);
const again = () => { if (!typed() && !busy) location.replace(location.pathname + location.search); };

// Shows what needs a script.
for (const e of all("[data-copy], [data-reveal], [data-print]")) e.hidden = false;

// Copies a code without the gaps between its groups.
for (const button of all("[data-copy]")) {
  const source = document.getElementById(button.dataset.copy);
  const status = button.parentElement.querySelector("[role=status]");
  button.addEventListener("click", async () => {
    let copied = true;
    try {
      await navigator.clipboard.writeText(source.textContent.replace(/\s/g, ""));
    } catch {
      // Refused, or no clipboard on this connection: select it, and try the old way.
      getSelection().selectAllChildren(source);
      copied = document.execCommand("copy");
    }
    // Emptied first, so that a second time is announced too.
    status.textContent = "";
    requestAnimationFrame(() => { status.textContent = copied ? button.dataset.copied : button.dataset.failed; });
  });
}

for (const button of all("[data-print]")) button.addEventListener("click", () => print());

for (const button of all("[data-reveal]")) {
  const field = document.getElementById(button.dataset.reveal);
  const label = button.querySelector("span");
  const show = label.textContent;
  const set = (shown) => {
    field.type = shown ? "text" : "password";
    label.textContent = shown ? button.dataset.hide : show;
    button.toggleAttribute("data-shown", shown);
  };
  button.addEventListener("click", () => { set(field.type === "password"); field.focus(); });
  // A browser must not offer to remember it as text, nor leave it readable in its history.
  field.form.addEventListener("submit", () => set(false));
}

// A double click must not send a code twice: the second would be refused as used.
for (const form of all("form:not([data-ceremony])")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "true";
    // Who stopped the browser, or lost the network, may try again.
    setTimeout(() => { delete form.dataset.sent; }, 5000);
  });
}
addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
});

// form_post: the response goes to the client by itself.
for (const form of all("form[data-send]")) send(form);

// Days and times in the time zone of the person, written as the page and the mails write them: the day before the month.
const language = document.documentElement.lang;
const own = language === "en" ? "en-GB" : language;
for (const e of all("time[data-time]")) {
  const timeStyle = e.dataset.time === "minute" ? "short" : undefined;
  e.textContent = new Intl.DateTimeFormat(own, { dateStyle: "long", timeStyle }).format(new Date(e.dateTime));
}

// The button for another mail waits until one may be asked for, and says how long.
for (const form of all("form[data-wait]")) {
  const [button, clock] = [form.querySelector("button"), form.querySelector(".countdown")];
  const [due, words] = [Date.now() + form.dataset.wait * 1000, clock.textContent];
  const tick = () => {
    const left = Math.ceil((due - Date.now()) / 1000);
    button.disabled = left > 0;
    clock.hidden = !button.disabled;
    clock.textContent = words.replace("{clock}", `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`);
    if (left > 0) setTimeout(tick, 1000);
  };
  tick();
}

// A mail that is late or does not arrive is told of while the person waits for it.
const troubled = (state) => (["delayed", "refused"].includes(state) ? state : "");
async function watch({ watch: url, state: shown }) {
  for (let asked = 0; asked < 200; asked++) {
    await pause(3000);
    if (document.hidden) continue;
    const state = await fetch(url, { cache: "no-store" }).then((r) => (r.ok ? r.text() : ""), () => "waiting");
    if (troubled(state) !== troubled(shown)) return again();
    if (state !== "waiting" && state !== "delayed") return;
  }
}
for (const e of all("[data-watch]")) watch(e.dataset);

// Passkeys. What the browser can is sent with the forms that have a place for it: at once, as far as it is known, for a
// password manager waits for nothing.
const Passkeys = navigator.credentials && window.PublicKeyCredential;
const can = (platform) => {
  const words = Passkeys ? ["passkey", platform, Passkeys.signalAllAcceptedCredentials && "signal"] : ["none"];
  for (const e of all("input[name=can]")) e.value = words.filter(Boolean).join(" ");
};
const abilities = (async () => {
  can("asking");
  if (Passkeys) can(await Passkeys.isUserVerifyingPlatformAuthenticatorAvailable?.().catch(() => false) && "platform");
})();

// Older browsers read and write no JSON, and the toJSON of some password managers fails.
const bytes = (s) => Uint8Array.from(atob(s.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
const base64url = (b) => btoa(String.fromCharCode(...new Uint8Array(b))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
function parse(create, json) {
  const native = create ? "parseCreationOptionsFromJSON" : "parseRequestOptionsFromJSON";
  if (Passkeys[native]) return Passkeys[native](json);
  const o = { ...json, challenge: bytes(json.challenge) };
  if (json.user) o.user = { ...json.user, id: bytes(json.user.id) };
  for (const list of ["allowCredentials", "excludeCredentials"]) {
    if (json[list]) o[list] = json[list].map((c) => ({ ...c, id: bytes(c.id) }));
  }
  return o;
}
function written(credential) {
  try {
    return JSON.stringify(credential.toJSON());
  } catch {
    const { id, rawId, type, authenticatorAttachment, response: r } = credential;
    const response = {};
    for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (r[name]) response[name] = base64url(r[name]);
    }
    if (r.getTransports) response.transports = r.getTransports();
    const clientExtensionResults = credential.getClientExtensionResults?.() ?? {};
    return JSON.stringify({ id, rawId: base64url(rawId), type, authenticatorAttachment, clientExtensionResults, response });
  }
}

let busy = false; // the browser asks the person
let autofill; // stops the ceremony that waits in the autofill of the mail address

// A hint is what the browser shows first; one that knows none goes by the attachment (WebAuthn Level 3, 5.8.7).
const hinted = (options, hint) => (hint ? { ...options, hints: [hint],
  authenticatorSelection: { ...options.authenticatorSelection, authenticatorAttachment: "cross-platform" } } : options);

async function ask({ ceremony, options, hint }, more) {
  const create = ceremony === "create";
  const request = { publicKey: parse(create, hinted(JSON.parse(options), hint)), ...more };
  const credential = await (create ? navigator.credentials.create(request) : navigator.credentials.get(request));
  if (!credential) throw new DOMException("no credential", "NotAllowedError");
  return { response: written(credential), attachment: credential.authenticatorAttachment ?? "" };
}

async function answer(form, fields) {
  await Promise.race([abilities, pause(1000)]);
  for (const [name, value] of Object.entries(fields)) {
    const field = form.elements[name] ?? form.appendChild(Object.assign(document.createElement("input"), { type: "hidden", name }));
    field.value = value;
  }
  send(form);
}

async function press(form, button) {
  busy = true;
  for (const e of form.querySelectorAll("button")) e.setAttribute("aria-disabled", "true");
  for (const e of all("#problem")) e.hidden = true; // It was about the try before.
  await autofill?.(); // A browser has room for one ceremony.
  const began = Date.now();
  let fields;
  try {
    fields = await ask({ ...form.dataset, ...button?.dataset });
  } catch (error) {
    const { timeout } = JSON.parse(form.dataset.options);
    fields = { error: error.name, late: Date.now() - began >= timeout ? "true" : "" };
  }
  answer(form, fields);
}

async function fill(form) {
  if (!(await Passkeys.isConditionalMediationAvailable?.()) || busy) return;
  const stop = new AbortController();
  const asked = ask(form.dataset, { mediation: "conditional", signal: stop.signal });
  // Who picks no passkey there has done nothing that they would have to be told of.
  const over = asked.then((fields) => { if (!stop.signal.aborted) answer(form, fields); }, () => {});
  autofill = () => { stop.abort(); return Promise.race([over, pause(500)]); };
}

if (Passkeys) {
  for (const form of all("form[data-ceremony]")) {
    form.hidden = false;
    for (const e of all("[data-absent]")) e.hidden = true;
    form.querySelector("[autofocus]")?.focus();
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (!busy) press(form, event.submitter);
    });
    if ("auto" in form.dataset) fill(form);
    if (form.dataset.expires) {
      const due = Date.now() + form.dataset.expires * 1000;
      const check = () => {
        if (Date.now() < due || document.hidden) return;
        autofill?.();
        again();
      };
      setTimeout(check, form.dataset.expires * 1000);
      addEventListener("visibilitychange", check); // A device that slept counts no time.
    }
  }
}
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  busy = false;
  for (const e of all("[data-ceremony] button")) e.removeAttribute("aria-disabled");
});

// What the browser shows as passkeys follows what the account has. Nothing waits for it, and a page of its own goes on.
const methods = { all: "signalAllAcceptedCredentials", details: "signalCurrentUserDetails", unknown: "signalUnknownCredential" };
const told = all("[data-signal]").map(async ({ dataset }) => Passkeys?.[methods[dataset.signal]]?.(JSON.parse(dataset.argument)));
const heard = Promise.allSettled(told); // A browser that refuses shows what it showed before.
for (const form of all("form[data-signaled]")) Promise.race([heard, pause(2000)]).then(() => form.requestSubmit());
