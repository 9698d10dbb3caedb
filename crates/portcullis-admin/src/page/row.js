// How a key looks in the list.

import { element, icon } from "./dom.js";
import { distance, expiresSoon, when } from "./time.js";

/** As many scopes have room in the list; the details have all. */
const SCOPES_SHOWN = 4;

const STATES = { active: "Active", expired: "Expired", revoked: "Revoked" };

/** What people call a key. */
export const title = (key) => key.name || key.id;

/** The row of a key. The buttons have a `data-action`. */
export function row(key, isNew) {
  const soon = expiresSoon(key);
  const classes = [soon ? "soon" : "", key.state === "active" ? "" : "ended", isNew ? "new" : ""];
  return element(
    "tr",
    { role: "row", className: classes.join(" ").trim(), data: { id: key.id } },
    cell("Name", "name", nameButton(key), key.name ? element("code", { className: "id", textContent: key.id }) : null),
    cell("Owner", "owner", element("span", { textContent: key.owner })),
    cell("Scopes", "scopes", scopes(key.scopes)),
    cell("Last used", "used", ...used(key)),
    cell("Expires", "expires", ...expires(key, soon)),
    cell("State", "state", state(key)),
    cell("", "actions", ...actions(key)),
  );
}

/** A row in place of one that is being loaded. */
export function placeholder() {
  const bars = ["name", "owner", "scopes", "used", "expires", "state", "actions"];
  const cells = bars.map((name) => element("td", { className: `${name}-cell` }, element("span", { className: "bone" })));
  return element("tr", { className: "loading", aria: { hidden: "true" } }, ...cells);
}

export function state(key) {
  return element("span", { className: `state ${key.state}`, textContent: STATES[key.state] ?? key.state });
}

export function scopes(all, shown = SCOPES_SHOWN) {
  if (all.length === 0) return element("span", { className: "soft", textContent: "none" });
  const items = all.slice(0, shown).map((scope) => element("li", {}, element("code", { textContent: scope })));
  if (all.length > shown) items.push(element("li", { className: "soft", textContent: `and ${all.length - shown} more` }));
  return element("ul", { className: "scopes", role: "list" }, ...items);
}

function cell(label, name, ...children) {
  const inner = element("div", { className: "value" }, ...children);
  return element("td", { role: "cell", className: `${name}-cell`, data: { label } }, inner);
}

function nameButton(key) {
  return element("button", {
    type: "button",
    className: "link",
    textContent: title(key),
    data: { action: "details" },
    aria: { haspopup: "dialog" },
  });
}

function used(key) {
  if (!key.last_used_at) return [element("span", { className: "soft", textContent: "never" })];
  const times = key.use_count === 1 ? "once" : `${key.use_count?.toLocaleString("en")} times`;
  return [
    when(key.last_used_at, { text: distance(key.last_used_at) }),
    key.use_count ? element("span", { className: "soft small", textContent: times }) : null,
  ];
}

function expires(key, soon) {
  if (!key.expires_at) return [element("span", { className: "soft", textContent: "never" })];
  const day = when(key.expires_at);
  const away = distance(key.expires_at);
  const note = soon
    ? element("strong", { className: "flag" }, icon("warning"), element("span", { textContent: away }))
    : element("span", { className: "soft small", textContent: away });
  const successor = key.successor && element("span", { className: "soft small", textContent: "rotated" });
  return [day, note, successor || null];
}

function actions(key) {
  if (key.state !== "active") return [];
  const button = (text, action) =>
    element("button", {
      type: "button",
      className: action === "revoke" ? "button small quiet bad" : "button small quiet",
      textContent: text,
      data: { action },
      aria: { label: `${text} ${title(key)}`, haspopup: "dialog" },
    });
  return [key.successor ? null : button("Rotate", "rotate"), button("Revoke", "revoke")];
}
