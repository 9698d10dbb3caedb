// The configuration of one oidc-provider instance: its clients, its resources and its keys.

import { randomBytes } from 'node:crypto';

import { errors, Provider } from 'oidc-provider';

import { ALGORITHMS } from './keys.mjs';

const SCOPES = 'orders:read orders:write orders:admin reports:read';
const ORDERS = 'https://orders.example.com';
const BILLING = 'https://billing.example.com';
const CIBA = 'urn:openid:params:grant-type:ciba';
const CLIENT_METHODS = [
  'client_secret_basic', 'client_secret_post', 'client_secret_jwt', 'private_key_jwt', 'tls_client_auth',
  'self_signed_tls_client_auth',
];
const CLIENT_ALGORITHMS = [
  'HS256', 'HS384', 'HS512', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA',
  'Ed25519',
];
const CLIENT_SECRET = 'a secret of no value outside this test';
// Nobody but this process can read what is encrypted under it.
const ENCRYPTION_KEY = randomBytes(32);
const NONCE_SECRET = randomBytes(32);
const COOKIE_KEYS = [randomBytes(32).toString('base64url')];

/**
 * Makes a provider that signs with the keys of `ring` and also knows the clients that tests have registered; its answers
 * never change, only another instance replaces it. Clients with certificates come to `tlsOrigin`.
 */
export function makeProvider(issuer, tlsOrigin, ring, registered) {
  return new Provider(issuer, {
    jwks: ring.jwks,
    clients: [...clients(), ...registered.map(machine)],
    cookies: { keys: COOKIE_KEYS },
    scopes: ['openid', ...SCOPES.split(' ')],
    clientDefaults: { token_endpoint_auth_method: 'client_secret_basic' },
    clientAuthMethods: CLIENT_METHODS,
    enabledJWA: { clientAuthSigningAlgValues: CLIENT_ALGORITHMS, idTokenSigningAlgValues: ALGORITHMS },
    ttl: {
      AccessToken: 600,
      BackchannelAuthenticationRequest: 600,
      ClientCredentials: 600,
      Grant: 600,
      IdToken: 600,
    },
    findAccount: (_ctx, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
    discovery: {
      mtls_endpoint_aliases: {
        token_endpoint: `${tlsOrigin}/token`,
        revocation_endpoint: `${tlsOrigin}/token/revocation`,
      },
    },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      dPoP: { enabled: true, nonceSecret: NONCE_SECRET, requireNonce: () => true },
      introspection: { enabled: true },
      mTLS: {
        enabled: true,
        certificateBoundAccessTokens: true,
        selfSignedTlsClientAuth: true,
        tlsClientAuth: true,
        getCertificate: certificate,
        certificateAuthorized: (ctx) => ctx.socket.authorized,
        certificateSubjectMatches,
      },
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_ctx, resource, client) => resourceServer(ring, resource, client.clientId),
        useGrantedResource: () => true,
      },
      ciba: {
        enabled: true,
        deliveryModes: ['poll'],
        processLoginHint: (_ctx, hint) => hint,
        validateBindingMessage: () => {},
        validateRequestContext: () => {},
        verifyUserCode: () => {},
        triggerAuthenticationDevice: consent,
      },
    },
  });
}

function clients() {
  const machines = [...ALGORITHMS, 'opaque', 'encrypted'].map((name) =>
    machine({ client_id: `machine-${name}`, client_secret: CLIENT_SECRET }),
  );
  // Named after the API itself, so that an ID token's audience is the very one the API expects.
  const person = {
    client_id: ORDERS,
    client_secret: CLIENT_SECRET,
    grant_types: [CIBA],
    redirect_uris: [],
    response_types: [],
    backchannel_token_delivery_mode: 'poll',
    id_token_signed_response_alg: 'RS256',
    scope: `openid ${SCOPES}`,
  };
  return [...machines, person];
}

/** What the client has shown in TLS, if anything. */
const certificate = (ctx) => ctx.socket.getPeerX509Certificate?.();

function certificateSubjectMatches(ctx, property, expected) {
  if (property !== 'tls_client_auth_san_dns') throw new Error(`not looked at: ${property}`);
  return certificate(ctx).checkHost(expected, { subject: 'never' }) !== undefined;
}

/** A client that asks for itself, with the metadata (RFC 7591) that it has beside. */
function machine(metadata) {
  return { grant_types: ['client_credentials'], redirect_uris: [], response_types: [], scope: SCOPES, ...metadata };
}

/** RFC 8707: the resource chooses the audience, the client the form of the token. */
function resourceServer(ring, resource, clientId) {
  if (![ORDERS, BILLING].includes(resource)) throw new errors.InvalidTarget();
  const form = clientId.replace('machine-', '');
  const alg = ALGORITHMS.includes(form) ? form : 'RS256';
  return {
    scope: SCOPES,
    audience: resource,
    accessTokenFormat: form === 'opaque' ? 'opaque' : 'jwt',
    jwt: {
      sign: { alg, kid: ring.signingKid(alg) },
      encrypt: form === 'encrypted' ? { alg: 'dir', enc: 'A256GCM', key: ENCRYPTION_KEY } : undefined,
    },
  };
}

/** The person at the other end of a backchannel request agrees at once to whatever is asked. */
async function consent(ctx, request, account, client) {
  const { provider } = ctx.oidc;
  const grant = new provider.Grant({ accountId: account.accountId, clientId: client.clientId });
  grant.addOIDCScope(request.scope);
  for (const resource of [request.params.resource ?? []].flat()) grant.addResourceScope(resource, SCOPES);
  await grant.save();
  await provider.backchannelResult(request, grant);
}
