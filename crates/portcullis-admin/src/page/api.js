// The management API, and the credential. The credential is only in this module's memory: it is never stored, never part of an
// address, and leaves the page only as a header of a request to the server of the page.

/** The page is at `{base}/ui`, wherever the router is nested. */
const BASE = location.pathname.replace(/\/ui\/?$/, "");

let credential = null;
let session = new AbortController();

/** Keeps a credential: `kind` is `key` or `token`. Returns what is wrong with it, if it cannot be sent. */
export function keepCredential(kind, text) {
  const value = text.trim().replace(/^bearer\s+/i, "");
  if (!value) return "Paste a credential first.";
  if (!/^[\x21-\x7e]+$/.test(value)) return "This has spaces or letters that no credential has. Copy it again.";
  credential = kind === "token" ? ["Authorization", `Bearer ${value}`] : ["X-API-Key", value];
  return null;
}

/** Forgets the credential and gives up the requests that carry it. */
export function forgetCredential() {
  credential = null;
  session.abort();
  session = new AbortController();
}

/** A request that failed. The message is for people and says what to do. */
export class Problem extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export function list({ owner, state, q, cursor, limit }, signal) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries({ owner, state, q, limit, cursor })) {
    if (value) query.set(name, value);
  }
  return send("GET", `?${query}`, { signal });
}

export const get = (id) => send("GET", `/${encodeURIComponent(id)}`);
export const create = (key, repeatable) => send("POST", "", { body: key, headers: { "Idempotency-Key": repeatable } });
export const rotate = (id, grace) => send("POST", `/${encodeURIComponent(id)}/rotate`, { body: { grace } });
export const revoke = (id, reason) => send("POST", `/${encodeURIComponent(id)}/revoke`, { body: { reason } });

async function send(method, path, { body, headers, signal } = {}) {
  const [name, value] = credential ?? [];
  const options = {
    method,
    headers: { Accept: "application/json", ...headers },
    body: body && JSON.stringify(body),
    signal: AbortSignal.any([session.signal, ...(signal ? [signal] : [])]),
    cache: "no-store",
    credentials: "omit",
    redirect: "error",
    referrerPolicy: "no-referrer",
  };
  if (name) options.headers[name] = value;
  if (body) options.headers["Content-Type"] = "application/json";
  let response, answer;
  try {
    response = await fetch(path.startsWith("/") ? BASE + path : (BASE || "/") + path, options);
    answer = await response.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    if (!response || response.ok) throw new Problem(0, unanswered(method));
  }
  if (response.ok) return answer;
  throw new Problem(response.status, explain(method, response, answer ?? {}));
}

function unanswered(method) {
  return method === "GET"
    ? "The server does not answer. Check your connection, then try again."
    : "The server did not answer, so the change may or may not have been made. Look at the list before you try again.";
}

function explain(method, response, { detail, title, scope }) {
  const reason = detail ?? title;
  const says = reason ? ` The server says: “${reason}”.` : "";
  switch (response.status) {
    case 401:
      return "This credential is wrong, expired or revoked. Paste another one.";
    case 403:
      return `This credential may not do this. Use one with the scope ${scope ?? usualScope(method)}.${says}`;
    case 404:
      return "This key does not exist any more. Reload the list.";
    case 429:
      return `Too many requests.${again(response)}`;
    case 503:
      return `The server cannot reach its keys now.${again(response)}`;
    default:
      return response.status < 500 && reason
        ? `The server refused this: ${reason}.`
        : `The server failed (status ${response.status}). Try again later.${says}`;
  }
}

const usualScope = (method) => (method === "GET" ? "keys:read" : "keys:write");

function again(response) {
  const seconds = Number(response.headers.get("Retry-After"));
  if (!seconds) return " Try again in a moment.";
  return ` Try again in ${seconds === 1 ? "a second" : `${seconds} seconds`}.`;
}
