// The signing keys that the authorization server has at one moment, and every order in which they can change.

import { createHash, generateKeyPair, randomUUID } from 'node:crypto';
import { promisify } from 'node:util';

// The synchronous form has been seen to deadlock on Node 20.
const generate = promisify(generateKeyPair);

const KINDS = {
  RS256: ['rsa', { modulusLength: 2048 }],
  PS256: ['rsa', { modulusLength: 2048 }],
  ES256: ['ec', { namedCurve: 'P-256' }],
  ES384: ['ec', { namedCurve: 'P-384' }],
  ES512: ['ec', { namedCurve: 'P-521' }],
  EdDSA: ['ed25519', {}],
  Ed25519: ['ed25519', {}],
};

export const ALGORITHMS = Object.keys(KINDS);

async function newKey(alg, kid = randomUUID()) {
  if (!(alg in KINDS)) throw new Error(`unknown algorithm: ${alg}`);
  const { privateKey } = await generate(...KINDS[alg]);
  return { ...privateKey.export({ format: 'jwk' }), alg, kid, use: 'sig' };
}

/** Immutable: each change answers a new ring, so that a change shows all at once or not at all. */
export class KeyRing {
  #keys;
  #signing;

  constructor(keys, signing) {
    this.#keys = keys;
    this.#signing = signing;
  }

  /** One fresh key for each algorithm, each signing. */
  static async fresh() {
    const keys = await Promise.all(ALGORITHMS.map((alg) => newKey(alg)));
    return new KeyRing(keys, Object.fromEntries(keys.map(({ alg, kid }) => [alg, kid])));
  }

  /** The private JWK Set that the provider is configured with. */
  get jwks() {
    return { keys: this.#keys };
  }

  signingKid(alg) {
    return this.#signing[alg];
  }

  /** What a test may know of the ring: no private part, and a digest that tells key material apart. */
  describe() {
    const keys = this.#keys.map(({ alg, kid, n, x }) => ({
      alg,
      kid,
      signing: this.#signing[alg] === kid,
      material: createHash('sha256').update(n ?? x).digest('base64url'),
    }));
    return { keys };
  }

  /** Publishes another key for `alg` ahead of its use: nothing is signed with it yet. */
  async publish({ alg, kid }) {
    return new KeyRing([...this.#keys, await newKey(alg, kid)], this.#signing);
  }

  /** Makes a published key the one that signs for its algorithm. */
  sign({ kid }) {
    const { alg } = this.#find(kid);
    return new KeyRing(this.#keys, { ...this.#signing, [alg]: kid });
  }

  /** Adds a key and signs with it from the same moment on. */
  async add({ alg, kid }) {
    const key = await newKey(alg, kid);
    return new KeyRing([...this.#keys, key], { ...this.#signing, [alg]: key.kid });
  }

  /** Takes a key that no longer signs out of the published set. */
  withdraw({ kid }) {
    const { alg } = this.#find(kid);
    if (this.#signing[alg] === kid) throw new Error(`key still signs: ${kid}`);
    return new KeyRing(this.#keys.filter((key) => key.kid !== kid), this.#signing);
  }

  /** Replaces every key by a fresh one under a fresh `kid`. */
  replaceAll() {
    return KeyRing.fresh();
  }

  /** Replaces the material of a key and keeps its `kid`. */
  async rekey({ kid }) {
    const { alg } = this.#find(kid);
    const renewed = await newKey(alg, kid);
    return new KeyRing(this.#keys.map((key) => (key.kid === kid ? renewed : key)), this.#signing);
  }

  #find(kid) {
    const key = this.#keys.find((candidate) => candidate.kid === kid);
    if (!key) throw new Error(`no such key: ${kid}`);
    return key;
  }
}

/** The changes a test may ask for by name. */
export const CHANGES = ['publish', 'sign', 'add', 'withdraw', 'replaceAll', 'rekey'];
