// Creating, rotating, revoking and describing a key.

import * as api from "./api.js";
import { onSubmit, open, showProblem } from "./dialog.js";
import { blame, byId, element } from "./dom.js";
import { focusKey, load, showFirst, showOwner } from "./list.js";
import { scopes, state, title } from "./row.js";
import { showSecret } from "./secret.js";
import { refreshSoon } from "./soon.js";
import { distance, when } from "./time.js";

let chosen = null;
/** The last request to create a key, and what the server recognises it by, so that trying again creates no second key. */
let attempted = {};
let onFailure = () => {};

/** Wires the dialogs. `fail` is told each problem, and may end the session. */
export function prepareActions({ fail }) {
  onFailure = fail;
  onSubmit(byId("create-dialog"), submitCreate);
  onSubmit(byId("rotate-dialog"), submitRotate);
  onSubmit(byId("revoke-dialog"), submitRevoke);
  byId("details-owner").addEventListener("click", () => {
    byId("details-dialog").close();
    showOwner(chosen.owner);
  });
}

export function openCreate() {
  const dialog = byId("create-dialog");
  dialog.querySelector("form").reset();
  attempted = {};
  open(dialog, { focusAfter: () => byId("create").focus() });
}

/** Opens the dialog for an action on a key. */
export function act(action, key) {
  chosen = key;
  if (action === "details") return openDetails(key);
  const dialog = byId(`${action}-dialog`);
  dialog.querySelector("form").reset();
  open(dialog, { subject: subject(key), focusAfter: () => focusKey(key.id, action) });
}

const subject = (key) => (key.name ? `${key.name} · ${key.owner} · ${key.id}` : `${key.owner} · ${key.id}`);

async function submitCreate({ owner, name, scopes: scopeText, lifetime, tags }) {
  if (!owner.trim()) return blame(byId("owner"), "Say who owns the key.");
  const body = {
    owner: owner.trim(),
    name: name.trim(),
    scopes: split(scopeText, /[\s,]+/),
    expires_in: lifetime,
    tags: split(tags, /,/),
  };
  const text = JSON.stringify(body);
  if (attempted.text !== text) attempted = { text, name: randomText() };
  const created = await attempt(() => api.create(body, attempted.name));
  finish("create-dialog", created, () => byId("create").focus());
  await reload(showFirst, `Created ${title(created)}.`, created.id);
}

async function submitRotate({ grace }) {
  const old = chosen;
  const created = await attempt(() => api.rotate(old.id, grace));
  finish("rotate-dialog", created, () => focusKey(created.id, "details"));
  await reload(showFirst, `Rotated ${title(old)}. The new key is ${created.id}.`, created.id);
}

async function submitRevoke({ reason }) {
  if (!reason.trim()) return blame(byId("reason"), "Say why, for whoever asks later.");
  const key = chosen;
  await attempt(() => api.revoke(key.id, reason.trim()));
  byId("revoke-dialog").close();
  await reload(load, `Revoked ${title(key)}.`);
}

const reload = (show, done, fresh) => Promise.all([show({ done, fresh }), refreshSoon()]);

/** Shows the new key in place of the form. */
function finish(dialog, created, focusAfter) {
  byId(dialog).close();
  showSecret(created, subject(created), focusAfter);
}

async function attempt(change) {
  try {
    return await change();
  } catch (error) {
    onFailure(error);
    throw error;
  }
}

async function openDetails(key) {
  const dialog = byId("details-dialog");
  byId("details-title").textContent = title(key);
  showDetails(key);
  open(dialog, { focusAfter: () => focusKey(key.id, "details") });
  try {
    const now = await attempt(() => api.get(key.id));
    if (dialog.open && chosen === key) showDetails(now);
  } catch (error) {
    showProblem(dialog, error);
  }
}

function showDetails(key) {
  const code = (text) => text && element("code", { textContent: text });
  const time = (at) => at && element("span", {}, when(at, { exact: true }), " ", element("span", { className: "soft", textContent: distance(at) }));
  const lines = {
    ID: code(key.id),
    Owner: key.owner,
    State: state(key),
    Scopes: scopes(key.scopes, Infinity),
    Tags: key.tags?.join(", "),
    Networks: key.networks?.join(", "),
    Created: time(key.created_at),
    Expires: time(key.expires_at) ?? "never",
    Revoked: time(key.revoked_at),
    Reason: key.revoke_reason,
    "Replaced by": code(key.successor),
    "Last used": time(key.last_used_at) ?? "never",
    Uses: key.use_count?.toLocaleString("en"),
    Limit: key.limit && limit(key.limit),
  };
  const shown = Object.entries(lines).filter(([, value]) => value);
  const parts = shown.flatMap(([name, value]) => [element("dt", { textContent: name }), element("dd", {}, value)]);
  byId("details").replaceChildren(...parts);
}

const limit = ({ requests, period_seconds: period, burst }) => `${requests} in ${period} s, ${burst} at once`;

const split = (text, separator) => text.split(separator).map((part) => part.trim()).filter(Boolean);

// `crypto.randomUUID` is missing on plain http.
function randomText() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
