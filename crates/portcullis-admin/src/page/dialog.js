// Dialogs: opening, sending a form, showing what went wrong, and giving the focus back.

import { say, blame } from "./dom.js";
import { Problem } from "./api.js";

const inside = (dialog, selector) => dialog.querySelector(selector);

/** Shows a modal dialog. `focusAfter` is called when it was closed, unless another one takes over. */
export function open(dialog, { subject, focusAfter }) {
  const place = inside(dialog, "[data-subject]");
  if (place) place.textContent = subject ?? "";
  clear(dialog);
  dialog.addEventListener("close", () => document.querySelector("dialog[open]") ?? focusAfter(), { once: true });
  dialog.showModal();
}

/** Makes the form of a dialog call `submit` with its values. While it runs, a second submission does nothing. */
export function onSubmit(dialog, submit) {
  const form = inside(dialog, "form");
  const button = inside(form, ".buttons button:last-child");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.getAttribute("aria-disabled") === "true") return;
    clear(dialog);
    button.setAttribute("aria-disabled", "true");
    try {
      await submit(Object.fromEntries(new FormData(form)));
    } catch (error) {
      showProblem(dialog, error);
    } finally {
      button.removeAttribute("aria-disabled");
    }
  });
}

/** Shows why a request of the dialog failed. */
export function showProblem(dialog, error) {
  if (error instanceof Problem) say(inside(dialog, "[data-problem]"), error.message, "warning");
  else if (error.name !== "AbortError") throw error;
}

/** Makes the buttons that close dialogs work. */
export function prepareDialogs() {
  for (const button of document.querySelectorAll("[data-close]")) {
    button.addEventListener("click", () => button.closest("dialog").close());
  }
}

/** Closes all dialogs, such as when the credential is forgotten. */
export function closeAll() {
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
}

function clear(dialog) {
  const place = inside(dialog, "[data-problem]");
  if (place) say(place, "");
  for (const field of dialog.querySelectorAll("[aria-invalid]")) blame(field, "");
}
