// Shows a new key once.

import { open } from "./dialog.js";
import { byId } from "./dom.js";

let wasCopied = false;
let wasWarned = false;

/** Shows the key of an answer. It leaves the page when the dialog is closed. */
export function showSecret(created, subject, focusAfter) {
  const field = byId("secret");
  field.value = created.key ?? "";
  wasCopied = wasWarned = !created.key;
  byId("copy-note").textContent = "";
  byId("secret-problem").textContent = created.key
    ? ""
    : "An earlier attempt created this key, and it cannot be shown again. Rotate it to get one that you can copy.";
  byId("copy").hidden = !created.key;
  open(byId("secret-dialog"), { subject, focusAfter });
  (created.key ? byId("copy") : byId("secret-dialog").querySelector("[data-leave]")).focus();
}

export function prepareSecret() {
  const dialog = byId("secret-dialog");
  byId("copy").addEventListener("click", copy);
  byId("secret").addEventListener("copy", () => (wasCopied = true));
  byId("secret").addEventListener("focus", () => byId("secret").select());
  dialog.addEventListener("cancel", (event) => {
    if (!mayClose()) event.preventDefault();
  });
  dialog.querySelector("[data-leave]").addEventListener("click", () => mayClose() && dialog.close());
  dialog.addEventListener("close", () => (byId("secret").value = ""));
}

/** Whether the key was copied, or the reader was told that it is lost otherwise. */
function mayClose() {
  if (wasCopied || wasWarned) return true;
  wasWarned = true;
  byId("secret-problem").textContent = "You have not copied the key. If you close now, it is lost and must be rotated.";
  return false;
}

async function copy() {
  const field = byId("secret");
  try {
    await navigator.clipboard.writeText(field.value);
  } catch {
    // Without https the clipboard is closed to scripts; the old command still works there.
    field.select();
    if (!document.execCommand("copy")) {
      byId("copy-note").textContent = "The browser does not allow copying. The key is selected: copy it with the keyboard.";
      return;
    }
    byId("copy").focus();
  }
  wasCopied = true;
  byId("secret-problem").textContent = "";
  byId("copy-note").textContent = "Copied. Keep it in a secret store.";
}
