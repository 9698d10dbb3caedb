// Starts the page: pasting and forgetting the credential.

import { act, openCreate, prepareActions } from "./actions.js";
import { forgetCredential, keepCredential, list, Problem } from "./api.js";
import { closeAll, prepareDialogs } from "./dialog.js";
import { blame, byId } from "./dom.js";
import { load, prepareList, reset, showListProblem } from "./list.js";
import { prepareSecret } from "./secret.js";
import { forgetSoon, refreshSoon } from "./soon.js";

const KINDS = { key: "Using an API key", token: "Using a bearer token" };

function showSignIn(problem = "") {
  forgetCredential();
  closeAll();
  reset();
  forgetSoon();
  byId("keys").hidden = byId("session").hidden = true;
  byId("sign-in").hidden = false;
  byId("credential").focus();
  blame(byId("credential"), problem);
}

function showKeys(kind) {
  byId("session-text").textContent = KINDS[kind];
  byId("sign-in").hidden = true;
  byId("keys").hidden = byId("session").hidden = false;
  byId("keys-title").focus();
  load();
  refreshSoon();
}

/** Ends the session if the credential is not accepted any more, and then returns true. */
function endIfRefused(error) {
  const isRefused = error instanceof Problem && error.status === 401;
  if (isRefused) showSignIn(error.message);
  return isRefused;
}

function failList(error) {
  if (endIfRefused(error)) return;
  if (error instanceof Problem) showListProblem(error.message);
  else if (error.name !== "AbortError") throw error;
}

async function signIn(event) {
  event.preventDefault();
  const field = byId("credential");
  const button = byId("sign-in-button");
  if (button.getAttribute("aria-disabled") === "true") return;
  const kind = new FormData(event.target).get("kind");
  const refusal = keepCredential(kind, field.value);
  blame(field, refusal ?? "");
  if (refusal) return;
  button.setAttribute("aria-disabled", "true");
  try {
    await list({ limit: 1 });
    field.value = "";
    showKeys(kind);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    forgetCredential();
    blame(field, error.message);
  } finally {
    button.removeAttribute("aria-disabled");
  }
}

/** A JSON Web Token is a bearer token; the choice remains with the user. */
function guessKind() {
  const isToken = /^\s*(bearer\s|eyJ)/i.test(byId("credential").value);
  if (isToken) byId("credential-form").elements.kind.value = "token";
}

prepareDialogs();
prepareSecret();
prepareActions({ fail: endIfRefused });
prepareList({ act, create: openCreate, fail: failList });
byId("credential-form").addEventListener("submit", signIn);
byId("credential").addEventListener("input", guessKind);
byId("create").addEventListener("click", openCreate);
byId("forget").addEventListener("click", () => showSignIn());
// A page that the browser keeps for its back button must not keep the credential.
addEventListener("pagehide", () => showSignIn());
showSignIn();
