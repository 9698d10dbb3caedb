// A real authorization server on a free loopback port, and on another by TLS for clients with certificates, for the time
// its standard input stays open.
//
// The first line of standard output is `{"issuer": "http://127.0.0.1:PORT", "tls_origin": "https://127.0.0.1:PORT"}`;
// everything else is said on standard error. `POST /_test/keys/CHANGE` changes the keys (see keys.mjs),
// `POST /_test/clients/register` adds a client or replaces the one of that id, `GET /_test/state` says what the keys are
// and how often they were fetched.

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { json } from 'node:stream/consumers';

import { CHANGES, KeyRing } from './keys.mjs';
import { makeProvider } from './provider.mjs';

// Those that the library's own tests of TLS are made with.
const CERTIFICATES = new URL('../../crates/portcullis-remote/tests/remote/certificates/', import.meta.url);

// It warns of what is as it should be in a test: state in memory, lifetimes left alone.
console.info = () => {};
console.warn = () => {};

let issuer;
let tlsOrigin;
let ring = await KeyRing.fresh();
let clients = [];
let handle;
let jwksFetches = 0;
let lastChange = Promise.resolve();

function serve(nextRing, nextClients) {
  const provider = makeProvider(issuer, tlsOrigin, nextRing, nextClients);
  provider.on('server_error', (_ctx, error) => console.error(error));
  handle = provider.callback();
  ring = nextRing;
  clients = nextClients;
}

/** One at a time: each starts from what the one before it left. */
function change(make) {
  const next = lastChange.then(make);
  lastChange = next.catch(() => {});
  return next;
}

const changeKeys = (name, options) => change(async () => serve(await ring[name](options), clients));

const register = (client) =>
  change(() => serve(ring, [...clients.filter((other) => other.client_id !== client.client_id), client]));

const state = () => ({ ...ring.describe(), jwks_fetches: jwksFetches });

async function answerTest(request) {
  const [, , topic, name] = request.url.split('/');
  if (request.method === 'GET' && topic === 'state') return state();
  if (request.method === 'POST' && topic === 'keys' && CHANGES.includes(name)) {
    await changeKeys(name, await json(request));
    return state();
  }
  if (request.method === 'POST' && topic === 'clients' && name === 'register') {
    await register(await json(request));
    return state();
  }
  throw new Error(`no such command: ${request.method} ${request.url}`);
}

async function answer(request, response) {
  if (!request.url.startsWith('/_test/')) {
    if (request.url === '/jwks') jwksFetches += 1;
    handle(request, response);
    return;
  }
  const said = await answerTest(request).catch((error) => ({ error: error.message }));
  response.writeHead('error' in said ? 400 : 200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(said));
}

const pem = (name) => readFileSync(new URL(name, CERTIFICATES));
const tls = {
  cert: pem('localhost.pem'),
  key: pem('localhost.key'),
  ca: pem('client-authority.pem'),
  requestCert: true,
  // A certificate that nobody vouches for may be one that a client has registered.
  rejectUnauthorized: false,
};

/** Answers with the port. */
async function listen(server) {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return server.address().port;
}

tlsOrigin = `https://127.0.0.1:${await listen(createTlsServer(tls, answer))}`;
issuer = `http://127.0.0.1:${await listen(createServer(answer))}`;
serve(ring, clients);
process.stdout.write(`${JSON.stringify({ issuer, tls_origin: tlsOrigin })}\n`);

process.stdin.on('end', () => process.exit(0)).resume();
