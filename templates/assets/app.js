// Comfort only: every page works without this script.
"use strict";

// Shows what needs a script.
for (const e of document.querySelectorAll("[data-copy], [data-reveal], [data-print]")) e.hidden = false;

// Copies a code without the gaps between its groups.
for (const button of document.querySelectorAll("[data-copy]")) {
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

for (const button of document.querySelectorAll("[data-print]")) button.addEventListener("click", () => print());

for (const button of document.querySelectorAll("[data-reveal]")) {
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
for (const form of document.querySelectorAll("form")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "true";
    // Who stopped the browser, or lost the network, may try again.
    setTimeout(() => { delete form.dataset.sent; }, 5000);
  });
}
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form")) delete form.dataset.sent;
});

// form_post: the response goes to the client by itself. A field of it may be named "submit".
const response = document.querySelector("form[data-send]");
if (response) HTMLFormElement.prototype.submit.call(response);
