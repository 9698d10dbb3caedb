// A real authorization server on a free loopback port, for the time its standard input stays open.
//
// The first line of standard output is `{"issuer": "http://127.0.0.1:PORT"}`; everything else is said on standard
// error. `POST /_test/keys/CHANGE` changes the keys (see keys.mjs), `GET /_test/state` says what they are and how
// often they were fetched.

import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';

import { CHANGES, KeyRing } from './keys.mjs';
import { makeProvider } from './provider.mjs';

// It warns of what is as it should be in a test: state in memory, lifetimes left alone.
console.info = () => {};
console.warn = () => {};

let issuer;
let ring = await KeyRing.fresh();
let handle;
let jwksFetches = 0;
let lastChange = Promise.resolve();

function serve(nextRing) {
  const provider = makeProvider(issuer, nextRing);
  provider.on('server_error', (_ctx, error) => console.error(error));
  handle = provider.callback();
  ring = nextRing;
}

/** One at a time: each starts from the ring that the one before it left. */
function change(name, options) {
  const next = lastChange.then(async () => serve(await ring[name](options)));
  lastChange = next.catch(() => {});
  return next;
}

const state = () => ({ ...ring.describe(), jwks_fetches: jwksFetches });

async function answerTest(request) {
  const [, , topic, name] = request.url.split('/');
  if (request.method === 'GET' && topic === 'state') return state();
  if (request.method === 'POST' && topic === 'keys' && CHANGES.includes(name)) {
    await change(name, await json(request));
    return state();
  }
  throw new Error(`no such command: ${request.method} ${request.url}`);
}

const server = createServer(async (request, response) => {
  if (!request.url.startsWith('/_test/')) {
    if (request.url === '/jwks') jwksFetches += 1;
    handle(request, response);
    return;
  }
  const answer = await answerTest(request).catch((error) => ({ error: error.message }));
  response.writeHead('error' in answer ? 400 : 200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(answer));
});

server.listen(0, '127.0.0.1', () => {
  issuer = `http://127.0.0.1:${server.address().port}`;
  serve(ring);
  process.stdout.write(`${JSON.stringify({ issuer })}\n`);
});

process.stdin.on('end', () => process.exit(0)).resume();
