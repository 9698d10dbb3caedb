//! The schemes of the service without the service: fixed keys, a manual clock, no socket and no runtime.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderName, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use portcullis_api_key::{ApiKeys, MemoryStore, NewKey};
use portcullis_core::{
    AuthenticateLayer, RequireScopeLayer, Scope, ScopeSet,
    clock::UnixTime,
    scheme::{authorization_credentials, check_token68},
};
use portcullis_jose::KeySet;
use portcullis_jwt::{Algorithm, Bearer, IssuerKeys, JwtVerifier, TrustedIssuers};
use portcullis_test::ManualClock;
use portcullis_tests::apply_token_cache_env;
use tower::{ServiceBuilder, ServiceExt};

use super::case::{Attack, Case, Outcome, Sent};
use super::echo::Sensitive;
use super::table::Table;
use super::world::{AUDIENCE, ISSUER, READ, World, key_set};
use super::{Findings, requests};

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const REALM: &str = "orders";

/// The schemes, configured like those of `orders-api`.
pub(super) struct Offline {
    world: World,
    layer: AuthenticateLayer,
    verifier: JwtVerifier,
}

impl Offline {
    pub(super) fn new() -> Self {
        let keys = KeySet::parse(key_set().to_string().as_bytes()).expect("a valid set");
        let keys = IssuerKeys::fixed(ISSUER, keys).expect("an issuer");
        let store = MemoryStore::new();
        let key = NewKey::new("billing")
            .scopes(ScopeSet::parse(READ))
            .never_expires();
        let api_key = store.create(key).expect("a key").key().expose().to_owned();
        Self {
            world: World {
                now: NOW,
                api_key,
                elsewhere: "http://127.0.0.1:9/elsewhere".to_owned(),
            },
            layer: layer(&keys, store, &ManualClock::new(NOW)),
            verifier: verifier(&keys),
        }
    }

    pub(super) fn world(&self) -> &World {
        &self.world
    }

    /// The outcome of a request with these header fields, decided at once.
    fn send(&self, headers: &[(String, Vec<u8>)]) -> (Outcome, String) {
        let mut request = Request::builder().uri("/orders");
        for (name, value) in headers {
            let name: HeaderName = name.parse().expect("a field name");
            let value = HeaderValue::from_bytes(value.trim_ascii()).expect("a field value");
            request = request.header(name, value);
        }
        send(&self.layer, request.body(()).expect("a request"))
    }
}

pub(super) fn verifier(keys: &IssuerKeys) -> JwtVerifier {
    JwtVerifier::of(keys)
        .audience(AUDIENCE)
        .algorithms(Algorithm::ASYMMETRIC)
        .build()
        .expect("a complete configuration")
}

pub(super) fn layer(
    keys: &IssuerKeys,
    store: MemoryStore,
    clock: &ManualClock,
) -> AuthenticateLayer {
    let trusted = TrustedIssuers::new([verifier(keys)]).expect("one issuer");
    let bearer = Bearer::trusting(&trusted)
        .realm(REALM)
        .clock(clock.shared());
    let api_keys = ApiKeys::builder(store).realm(REALM).clock(clock.shared());
    AuthenticateLayer::any_of((
        apply_token_cache_env(bearer).build().expect("a realm"),
        api_keys.build().expect("a realm"),
    ))
    .expect("two schemes that read different headers")
}

/// A request with a bearer token.
pub(super) fn bearer(token: &str) -> Request<()> {
    let request = Request::builder().header("authorization", format!("Bearer {token}"));
    request.body(()).expect("a token that fits a header")
}

/// Sends a request through the layer and a guard for `orders:read`. Panics if the outcome is not immediate.
pub(super) fn send(layer: &AuthenticateLayer, request: Request<()>) -> (Outcome, String) {
    let read = Scope::from_static(READ);
    let service = ServiceBuilder::new()
        .layer(layer.clone())
        .layer(RequireScopeLayer::all([read]))
        .service_fn(async |_: Request<()>| {
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"[]"))))
        });
    let response = service
        .oneshot(request)
        .now_or_never()
        .expect("an immediate outcome");
    let (head, body) = response.expect("infallible").into_parts();
    let body = body
        .collect()
        .now_or_never()
        .expect("an immediate outcome")
        .expect("a body");
    let challenges = head.headers.get_all("www-authenticate").iter();
    let challenges = challenges.map(|value| value.to_str().expect("ASCII"));
    let outcome = Outcome::new(head.status.as_u16(), challenges);
    let text = format!(
        "{:?}{}",
        head.headers,
        String::from_utf8_lossy(&body.to_bytes())
    );
    (outcome, text)
}

#[test]
fn single_requests_match_the_table_offline() {
    let (offline, table, mut findings) = (Offline::new(), Table::read(), Findings::default());
    let cases = requests::cases(&offline.world);
    let alike = cases.iter().filter(|case| case.sent() == Sent::Both);
    // Twice, so that all accepted tokens are cached the second time.
    for case in alike.clone().chain(alike) {
        check(&offline, case, &table.expected(&case.id), &mut findings);
    }
    findings.assert_none();
}

#[test]
fn credentials_that_attacks_start_from_are_accepted() {
    let offline = Offline::new();
    let ok = Outcome::new(200, []);
    let header = |name: &str, value: &str| vec![(name.to_owned(), value.into())];
    let mut keys: Vec<_> = super::world::PUBLISHED.map(super::world::key).into();
    keys.push(super::world::unmarked_rsa_key());
    for key in keys {
        let token = offline.world.token_by(&key).mint();
        assert_eq!(
            offline
                .send(&header("authorization", &format!("Bearer {token}")))
                .0,
            ok,
            "{key:?}"
        );
    }
    assert_eq!(
        offline.send(&header("x-api-key", &offline.world.api_key)).0,
        ok
    );
}

fn check(offline: &Offline, case: &Case, expected: &Outcome, findings: &mut Findings) {
    let (outcome, text) = match &case.attack {
        Attack::Token(token) => {
            check_verifier(offline, case, token, expected, findings);
            offline.send(&[("authorization".to_owned(), format!("Bearer {token}").into())])
        }
        Attack::Headers(headers) => offline.send(headers),
        Attack::Raw(_) => return,
    };
    findings.compare(&case.id, expected, &outcome);
    if let Some(piece) = Sensitive::of(&case.attack, expected).found_in(&text) {
        findings.add(
            &case.id,
            &format!("the response contains {piece:.100}: {text}"),
        );
    }
}

/// Checks that the verifier alone rejects the tokens that the whole stack rejects.
fn check_verifier(
    offline: &Offline,
    case: &Case,
    token: &str,
    expected: &Outcome,
    findings: &mut Findings,
) {
    let mut request = Request::new(());
    let Ok(value) = HeaderValue::from_bytes(format!("Bearer {token}").trim_ascii().as_bytes())
    else {
        return findings.add(&case.id, "is not a header value: send a raw request");
    };
    request.headers_mut().insert("authorization", value);
    let is_accepted = match authorization_credentials(request.headers(), "Bearer") {
        Ok(Some(sent)) => check_token68(sent).is_ok_and(|token| {
            let verified = offline.verifier.verify(token, NOW);
            verified.is_ok_and(|token| token.as_bearer().is_ok())
        }),
        _ => false,
    };
    if is_accepted != matches!(expected.status, 200 | 403) {
        findings.add(&case.id, &format!("the verifier accepts: {is_accepted}"));
    }
}
