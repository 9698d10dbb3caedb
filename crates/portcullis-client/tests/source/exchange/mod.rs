//! Tokens for calls on behalf of a caller.

mod capacity;
mod expiry;
mod outages;
mod rejections;

use std::time::Duration;

use portcullis_client::{
    AccessToken, AuthorizationServer, SubjectToken, TokenError, TokenErrorKind, TokenExchange,
    TokenExchangeBuilder, TokenSource,
};
use portcullis_core::{
    Principal, Secret,
    clock::UnixTime,
    facts::FactFinders,
    scheme::{Head, Outcome, Scheme},
};
use portcullis_jose::{Algorithm, KeySet};
use portcullis_jwt::{Bearer, IssuerKeys};
use portcullis_test::{Endpoint, Fault, ManualClock, TestIssuer};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{MINUTE, certified, client, forms, secs};

/// An issuer whose tokens live for ten minutes, its clock, and the issuer as its clients see it.
pub(crate) struct Setting {
    pub(crate) issuer: TestIssuer,
    pub(crate) clock: ManualClock,
    pub(crate) server: AuthorizationServer,
}

impl Setting {
    pub(crate) async fn new() -> Self {
        let clock = ManualClock::starting_now();
        let issuer = TestIssuer::builder()
            .clock(clock.clone())
            .token_lifetime(10 * MINUTE)
            .start()
            .await
            .expect("an issuer");
        let server = AuthorizationServer::discover(issuer.url()).clock(clock.shared());
        let server = server.build().expect("a server");
        Self {
            issuer,
            clock,
            server,
        }
    }

    pub(crate) fn builder(&self) -> TokenExchangeBuilder {
        TokenExchange::builder(&self.server, client())
    }

    /// A caller's token with this lifetime.
    pub(crate) fn subject(&self, name: &str, lifetime: Duration) -> SubjectToken {
        let token = self.issuer.token().subject(name).expires_in(lifetime);
        let end = self.now().saturating_add(lifetime);
        SubjectToken::access_token(Secret::new(token.mint()), Some(end))
    }

    pub(crate) fn now(&self) -> UnixTime {
        self.clock.shared().now()
    }

    /// Has eight callers request the same exchange, for a subject token that expires after `end`. Runs `action` while
    /// the first request is in flight.
    async fn eight_at_once(
        &self,
        end: Option<Duration>,
        action: impl FnOnce(),
    ) -> Vec<Result<AccessToken, TokenError>> {
        let slow = Fault::Slow(Duration::from_millis(300));
        self.issuer.fault_for(Endpoint::Token, slow, 1);
        let exchange = self.builder().build().expect("an exchange");
        let end = end.map(|left| self.now().saturating_add(left));
        let alice = self.issuer.token().subject("alice").mint();
        let alice = SubjectToken::access_token(Secret::new(alice), end);
        let mut waiting = JoinSet::new();
        for _ in 0..8 {
            let (exchange, alice) = (exchange.clone(), alice.clone());
            waiting.spawn(async move { exchange.token(&alice).await });
        }
        self.issuer.wait_for_requests(Endpoint::Token, 1).await;
        action();
        waiting.join_all().await
    }
}

fn claims(token: &AccessToken) -> Value {
    use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};

    let payload = token.expose().split('.').nth(1).expect("a JWT");
    let payload = BASE64_URL_SAFE_NO_PAD.decode(payload).expect("base64url");
    serde_json::from_slice(&payload).expect("JSON")
}

/// The principal of a request with this token.
fn principal(issuer: &TestIssuer, clock: &ManualClock, keeps: bool) -> Principal {
    let keys = json!({ "keys": [issuer.signing_key().public_jwk()] }).to_string();
    let keys = KeySet::parse(keys.as_bytes()).expect("keys");
    let keys = IssuerKeys::fixed(&issuer.url(), keys).expect("an issuer");
    let bearer = Bearer::jwt(&keys)
        .audience(issuer.audience())
        .algorithms([Algorithm::ES256])
        .clock(clock.shared());
    let bearer = if keeps {
        bearer.keep_access_token()
    } else {
        bearer
    };
    let bearer = bearer.build().expect("a scheme");
    let mut request = http::Request::new(());
    let value = format!("Bearer {}", issuer.token().subject("alice").mint());
    let value = value.parse().expect("a header value");
    request.headers_mut().insert("authorization", value);
    let finders = FactFinders::default();
    let head = Head::new(&request, &finders);
    let Ok(Some(credential)) = bearer.detect(&head) else {
        panic!("no credential");
    };
    match bearer.authenticate(&head, credential) {
        Outcome::Done(Ok(principal)) => principal,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn token_of_an_authenticated_caller_is_exchanged() {
    let setting = Setting::new().await;
    let exchange = setting
        .builder()
        .scopes(["stock:read"])
        .resource("https://stock.example.com");
    let exchange = exchange.build().expect("an exchange");
    let caller = principal(&setting.issuer, &setting.clock, true);
    let shown = format!("{caller:?}");
    let raw = caller
        .access_token()
        .and_then(Secret::expose_str)
        .expect("kept")
        .to_owned();
    assert!(!shown.contains(&raw));

    let subject = SubjectToken::of(&caller).expect("a subject");
    let token = exchange.token(&subject).await.expect("a token");
    let claims = claims(&token);
    assert_eq!(claims["sub"], "alice");
    assert_eq!(claims["act"]["sub"], portcullis_test::DEFAULT_CLIENT_ID);
    assert_eq!(claims["aud"], "https://stock.example.com");
    assert_eq!(token.scopes().to_string(), "stock:read");
    assert_ne!(token.expose(), raw);
}

#[tokio::test]
async fn caller_without_a_token_is_an_error() {
    let setting = Setting::new().await;
    let caller = principal(&setting.issuer, &setting.clock, false);
    let error = SubjectToken::of(&caller).expect_err("no token in the principal");
    assert_eq!(error.kind(), TokenErrorKind::NoSubjectToken);
    assert_eq!(setting.issuer.requests(Endpoint::Token), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_exchanges_for_one_subject_share_one_request() {
    let setting = Setting::new().await;
    setting
        .issuer
        .fault_for(Endpoint::Token, Fault::Slow(secs(1)), 1);
    let exchange = setting.builder().build().expect("an exchange");
    let alice = setting.subject("alice", 5 * MINUTE);
    let (mut leaving, mut staying) = (JoinSet::new(), JoinSet::new());
    for caller in 0..1_000 {
        let (exchange, alice) = (exchange.clone(), alice.clone());
        let callers = if caller % 2 == 0 {
            &mut leaving
        } else {
            &mut staying
        };
        callers.spawn(async move { exchange.token(&alice).await });
        if caller == 0 {
            setting.issuer.wait_for_requests(Endpoint::Token, 1).await;
        }
    }
    leaving.shutdown().await;
    let tokens = staying.join_all().await;
    assert_eq!(tokens.iter().flatten().count(), 500);
    assert_eq!(setting.issuer.requests(Endpoint::Token), 1);

    let bob = exchange
        .token(&setting.subject("bob", MINUTE))
        .await
        .expect("a token");
    assert_eq!(claims(&bob)["sub"], "bob");
    assert_eq!(setting.issuer.requests(Endpoint::Token), 2);
    assert_eq!(exchange.cached(), 2);
}

#[tokio::test]
async fn actor_token_is_sent_and_part_of_the_cache_key() {
    let setting = Setting::new().await;
    let actor = TokenSource::builder(&setting.server, client())
        .build()
        .expect("a source");
    let exchange = setting
        .builder()
        .actor(actor.clone())
        .build()
        .expect("an exchange");
    let subject = setting.subject("alice", 5 * MINUTE);
    let first = exchange.token(&subject).await.expect("a token");
    let request = setting.issuer.recorded().pop().expect("a request");
    let body = String::from_utf8(request.body.to_vec()).expect("text");
    let own = actor.current().expect("its own token");
    assert!(
        body.contains(&format!("actor_token={}", own.expose())),
        "{body}"
    );
    actor.refresh().await.expect("another");
    assert!(
        !exchange
            .token(&subject)
            .await
            .expect("a token")
            .ptr_eq(&first)
    );
}

#[tokio::test]
async fn issued_token_of_another_type_is_rejected() {
    for (issued, kind) in [
        (
            json!({ "issued_token_type": "urn:ietf:params:oauth:token-type:refresh_token" }),
            TokenErrorKind::TokenType,
        ),
        (
            json!({ "issued_token_type": "urn:ietf:params:oauth:token-type:id_token" }),
            TokenErrorKind::TokenType,
        ),
        (json!({ "issued_token_type": 1 }), TokenErrorKind::TokenType),
        (json!({}), TokenErrorKind::TokenType),
        (
            json!({ "token_type": "N_A", "issued_token_type": "urn:ietf:params:oauth:token-type:saml2" }),
            TokenErrorKind::TokenType,
        ),
        (
            json!({ "token_type": "N_A", "issued_token_type": "urn:ietf:params:oauth:token-type:access_token" }),
            TokenErrorKind::TokenType,
        ),
    ] {
        let setting = Setting::new().await;
        let mut body =
            json!({ "access_token": "opaque", "token_type": "Bearer", "expires_in": 60 });
        let members = body.as_object_mut().expect("an object");
        members.extend(issued.as_object().expect("an object").clone());
        setting.issuer.fault(Endpoint::Token, Fault::Json(body));
        let exchange = setting.builder().build().expect("an exchange");
        let error = exchange
            .token(&setting.subject("alice", MINUTE))
            .await
            .expect_err("unusable");
        assert_eq!(error.kind(), kind, "{issued}: {error}");
    }
}

#[tokio::test]
async fn subject_token_is_not_sent_to_an_unlisted_origin_even_with_a_certificate_alone() {
    for has_alias in [true, false] {
        let (setting, other) = (Setting::new().await, TestIssuer::start().await);
        if has_alias {
            let aliases = json!({ "token_endpoint": other.token_endpoint() });
            setting.issuer.metadata("mtls_endpoint_aliases", aliases);
        } else {
            setting
                .issuer
                .metadata("token_endpoint", other.token_endpoint());
        }
        let exchange = TokenExchange::builder(&setting.server, certified());
        let exchange = exchange.build().expect("an exchange");
        let alice = setting.subject("alice", MINUTE);
        let error = exchange.token(&alice).await.expect_err("another origin");
        assert_eq!(error.kind(), TokenErrorKind::Forbidden);
        assert!(error.to_string().contains("allow_origin"), "{error}");
        assert!(forms(&other, Endpoint::Token).is_empty());
    }
}
