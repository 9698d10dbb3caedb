// Times as people say them.

import { element } from "./dom.js";

const DAY = 24 * 60 * 60 * 1000;
/** What expires sooner stands out. */
const SOON = 14 * DAY;

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const absolute = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });
const date = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium" });

const UNITS = [
  ["year", 365 * DAY],
  ["month", 30 * DAY],
  ["day", DAY],
  ["hour", DAY / 24],
  ["minute", DAY / 24 / 60],
];

/** Such as "3 days ago" or "in 2 months". */
export function distance(time) {
  const millis = new Date(time) - Date.now();
  const unit = UNITS.find(([, length]) => Math.abs(millis) >= length);
  return unit ? relative.format(Math.trunc(millis / unit[1]), unit[0]) : millis > 0 ? "in a moment" : "just now";
}

/** Whether an active key expires within 14 days. */
export const expiresSoon = (key) =>
  key.state === "active" && Boolean(key.expires_at) && new Date(key.expires_at) - Date.now() < SOON;

/** The day, or with `exact` also the time, in the zone of the reader. */
export function when(time, { exact = false, text } = {}) {
  const at = new Date(time);
  const shown = text ?? (exact ? absolute : date).format(at);
  return element("time", { dateTime: at.toISOString(), title: absolute.format(at), textContent: shown });
}
