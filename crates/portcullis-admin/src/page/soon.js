// Says how many keys expire soon, whatever the list shows.

import { list } from "./api.js";
import { byId, element, say } from "./dom.js";
import { showState } from "./list.js";
import { title } from "./row.js";

/** Keys above this number are not counted. */
const MOST = 99;

/** Counts the keys that expire within 14 days. If that fails, the list says why. */
export async function refreshSoon() {
  const { keys, next } = await list({ state: "expiring", limit: MOST }).catch(() => ({ keys: [] }));
  const unrotated = keys.filter((key) => !key.successor);
  const place = byId("soon");
  place.hidden = unrotated.length === 0;
  if (place.hidden) return;
  const some = next ? `More than ${MOST} keys expire` : `${unrotated.length} keys expire`;
  const who = unrotated.length === 1 && !next ? `${title(unrotated[0])} expires` : some;
  say(place, `${who} within 14 days and must be rotated.`, "warning");
  const show = element("button", { type: "button", className: "button small", textContent: "Show" });
  show.addEventListener("click", () => {
    showState("expiring");
    byId("keys-title").focus();
  });
  place.append(show);
}

export function forgetSoon() {
  byId("soon").replaceChildren();
  byId("soon").hidden = true;
}
