// The configuration of one oidc-provider instance: its clients, its resources and its keys.

import { randomBytes } from 'node:crypto';

import { Provider } from 'oidc-provider';

import { ALGORITHMS } from './keys.mjs';

const SCOPES = 'orders:read orders:write orders:admin reports:read';
const ORDERS = 'https://orders.example.com';
const BILLING = 'https://billing.example.com';
const CIBA = 'urn:openid:params:grant-type:ciba';
const CLIENT_SECRET = 'a secret of no value outside this test';
// Nobody but this process can read what is encrypted under it.
const ENCRYPTION_KEY = randomBytes(32);
const COOKIE_KEYS = [randomBytes(32).toString('base64url')];

/** Makes a provider that signs with the keys of `ring`; its answers never change, only another instance replaces it. */
export function makeProvider(issuer, ring) {
  return new Provider(issuer, {
    jwks: ring.jwks,
    clients: clients(),
    cookies: { keys: COOKIE_KEYS },
    scopes: ['openid', ...SCOPES.split(' ')],
    clientDefaults: { token_endpoint_auth_method: 'client_secret_basic' },
    enabledJWA: { idTokenSigningAlgValues: ALGORITHMS },
    ttl: {
      AccessToken: 600,
      BackchannelAuthenticationRequest: 600,
      ClientCredentials: 600,
      Grant: 600,
      IdToken: 600,
    },
    findAccount: (_ctx, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
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
  const machines = [...ALGORITHMS, 'opaque', 'encrypted'].map((name) => ({
    client_id: `machine-${name}`,
    client_secret: CLIENT_SECRET,
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
    scope: SCOPES,
  }));
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

/** RFC 8707: the resource chooses the audience, the client the form of the token. */
function resourceServer(ring, resource, clientId) {
  if (![ORDERS, BILLING].includes(resource)) throw new Error(`unknown resource: ${resource}`);
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
