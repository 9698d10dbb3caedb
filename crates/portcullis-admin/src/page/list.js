// The list of keys: search, filters, pages.

import { list } from "./api.js";
import { byId, element, icon, say } from "./dom.js";
import { placeholder, row } from "./row.js";

const PAGE = 25;
/** A typist pauses longer than this. */
const PAUSE = 250;
/** A whole key, or a part of one that has more than its id. */
const WHOLE_KEY = /_([0-9A-Za-z]{12})_[0-9A-Za-z]+/;

const filters = { q: "", state: "", owner: "" };
/** Where each page up to the shown one begins. */
let cursors = [null];
let keys = new Map();
let request = new AbortController();
let onFailure = () => {};

/** The key of a row. */
export const keyOf = (id) => keys.get(id);

/** Wires the controls. `act` is called with the action and the key of a row; `fail` decides about a problem. */
export function prepareList({ act, create, fail }) {
  onFailure = fail;
  byId("rows").addEventListener("click", (event) => {
    const button = event.target.closest("[data-action]");
    if (button) act(button.dataset.action, keyOf(button.closest("tr").dataset.id));
  });
  let typing;
  byId("search").addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(search, PAUSE);
  });
  byId("filters").addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(typing);
    search();
  });
  byId("filters").addEventListener("change", (event) => {
    if (event.target.name === "state") change({ state: event.target.value });
  });
  byId("owner-filter").addEventListener("click", () => {
    showOwner("");
    byId("search").focus();
  });
  byId("empty-action").addEventListener("click", () => (isFiltered() ? clearFilters() : create()));
  byId("next").addEventListener("click", () => turn(byId("next").dataset.cursor));
  byId("previous").addEventListener("click", () => turn(null));
}

/** Forgets all that was shown. */
export function reset() {
  request.abort();
  keys = new Map();
  cursors = [null];
  Object.assign(filters, { q: "", state: "", owner: "" });
  byId("filters").reset();
  byId("rows").replaceChildren();
  byId("search-note").textContent = "";
  for (const place of ["done", "list-problem"]) say(byId(place), "");
  showOwnerFilter();
}

/** Shows only the keys of an owner; of all for an empty text. */
export const showOwner = (owner) => change({ owner });

/** Shows only the keys in a state. */
export function showState(state) {
  byId("filters").elements.state.value = state;
  change({ state });
}

/** Shows the newest keys, such as after one was created. */
export function showFirst(options) {
  cursors = [null];
  return load(options);
}

/** Loads the shown page. `done` is said above the list, and the row of the key `fresh` is marked. */
export async function load({ done = "", fresh } = {}) {
  request.abort();
  request = new AbortController();
  const { signal } = request;
  byId("list").setAttribute("aria-busy", "true");
  if (keys.size === 0) showPlaceholders();
  try {
    const page = await list({ ...filters, cursor: cursors.at(-1), limit: PAGE }, signal);
    if (signal.aborted) return;
    say(byId("list-problem"), "");
    show(page, fresh);
  } catch (error) {
    if (signal.aborted) return;
    onFailure(error);
  }
  say(byId("done"), done, "done");
  byId("list").setAttribute("aria-busy", "false");
}

/** Says why the list could not be loaded. */
export function showListProblem(message) {
  const again = element("button", { type: "button", className: "button small", textContent: "Try again" });
  again.addEventListener("click", () => {
    byId("keys-title").focus();
    load();
  });
  say(byId("list-problem"), message, "warning");
  byId("list-problem").append(again);
  keys = new Map();
  byId("list").hidden = byId("pager").hidden = true;
}

/** Focuses the button for an action on a key, or else the nearest thing that is still there. */
export function focusKey(id, action) {
  const found = [...byId("rows").children].find((child) => child.dataset.id === id);
  const button = found?.querySelector(`[data-action="${action}"]`) ?? found?.querySelector("[data-action]");
  (button ?? byId("keys-title")).focus();
}

function show({ keys: page, next }, fresh) {
  const focused = document.activeElement.closest?.("tr")?.dataset.id;
  const action = document.activeElement.dataset?.action;
  keys = new Map(page.map((key) => [key.id, key]));
  byId("rows").replaceChildren(...page.map((key) => row(key, key.id === fresh)));
  if (focused) focusKey(focused, action);
  showEmpty(page.length === 0);
  showPager(page.length, next);
}

function showPlaceholders() {
  byId("empty").hidden = true;
  byId("list").hidden = false;
  byId("list").classList.remove("is-empty");
  byId("rows").replaceChildren(...Array.from({ length: 6 }, placeholder));
  byId("pager").hidden = true;
}

function showEmpty(isEmpty) {
  byId("empty").hidden = !isEmpty;
  byId("list").classList.toggle("is-empty", isEmpty);
  byId("empty-text").textContent = isFiltered() ? "No key matches." : "There are no keys yet.";
  byId("empty-action").textContent = isFiltered() ? "Show all keys" : "Create the first key";
}

function showPager(count, next) {
  const page = cursors.length;
  byId("pager").hidden = false;
  byId("next").dataset.cursor = next ?? "";
  byId("next").hidden = byId("previous").hidden = page === 1 && !next;
  for (const [id, isPossible] of [["next", Boolean(next)], ["previous", page > 1]]) {
    byId(id).setAttribute("aria-disabled", String(!isPossible));
  }
  const keysShown = count === 0 ? "No keys" : count === 1 ? "1 key" : `${count} keys`;
  byId("count").textContent = page > 1 || next ? `Page ${page} · ${keysShown}` : keysShown;
}

async function turn(cursor) {
  if (cursor) cursors.push(cursor);
  else if (cursor === null && cursors.length > 1) cursors.pop();
  else return;
  await load();
  byId("list").scrollIntoView({ block: "nearest" });
}

const isFiltered = () => Boolean(filters.q || filters.state || filters.owner);

function change(changed) {
  Object.assign(filters, changed);
  cursors = [null];
  showOwnerFilter();
  load();
}

function clearFilters() {
  byId("filters").reset();
  byId("search-note").textContent = "";
  byId("search").focus();
  change({ q: "", state: "", owner: "" });
}

function showOwnerFilter() {
  const button = byId("owner-filter");
  button.hidden = !filters.owner;
  button.replaceChildren(element("span", { textContent: `Owner: ${filters.owner}` }), icon("close"));
  button.setAttribute("aria-label", `Owner: ${filters.owner}. Show the keys of all owners`);
}

/** A whole key in the search would end up in the logs of servers: only its id is sent. */
function search() {
  const text = byId("search").value.trim();
  const id = WHOLE_KEY.exec(text)?.[1];
  if (id) byId("search").value = id;
  byId("search-note").textContent = id ? "That was a whole key. Only its id was searched for." : "";
  const q = id ?? text;
  if (q !== filters.q) change({ q });
}
