//! Prints what a request costs as API keys, tokens, keys of an issuer and issuers become many.

use std::{iter, time::Duration};

use axum::body::Body;
use http::{Request, Response, StatusCode};
use portcullis_api_key::{ApiKeys, IssuedKey, MemoryStore, NewKey};
use portcullis_bench_common::{
    AUDIENCE, Bare, Contender, SCOPES, Signer, Table, grouped, is_quick, measure, serve, with_key,
    with_token,
};
use portcullis_core::{
    AuthenticateLayer, ScopeSet,
    clock::{Clock, SystemClock},
};
use portcullis_jose::{Algorithm::ES256, KeySet};
use portcullis_jwt::{Bearer, IssuerKeys, JwtVerifier, TrustedIssuers};
use portcullis_test::{SigningAlgorithm, TestKey, TokenBuilder};
use tower::{Layer, Service};

/// API keys that are in use, whatever the size of the store.
const KEYS_IN_USE: usize = 10_000;

fn main() {
    println!("### Growth\n");
    println!("Nanoseconds per request over the bare service, through tower.\n");
    api_keys();
    tokens();
    key_set();
    issuers();
}

fn api_keys() {
    let new = || NewKey::new("6f1c8f0e-billing-worker").scopes(ScopeSet::parse(SCOPES));
    let issue = || new().issue(SystemClock.now(), None).expect("a key");
    let in_use: Vec<IssuedKey> = iter::repeat_with(issue).take(KEYS_IN_USE).collect();
    let texts: Vec<String> = in_use
        .iter()
        .map(|key| key.key().expose().to_owned())
        .collect();
    let mut growth = Growth::new("API keys in a store");
    for size in [10, 1_000, 100_000, 1_000_000] {
        if is_quick() && size > 100_000 {
            continue;
        }
        let store = MemoryStore::new();
        let known = in_use.iter().take(size).map(|key| key.record().clone());
        let others = iter::repeat_with(|| issue().record().clone());
        let others = others.take(size.saturating_sub(KEYS_IN_USE));
        store.insert(known.chain(others)).expect("ids that differ");
        let service = AuthenticateLayer::new(ApiKeys::new(store)).layer(Bare);
        growth.case(
            "10 keys in turn",
            size,
            service.clone(),
            &texts[..10],
            with_key,
        );
        if size >= KEYS_IN_USE {
            growth.case("10,000 keys in turn", size, service, &texts, with_key);
        }
    }
    growth.print();
}

fn tokens() {
    let signer = Signer::new(ES256);
    let jwks = signer.jwks();
    let mut growth = Growth::new("ES256 tokens in turn");
    for size in [1, 64, 1_024, 4_096, 16_384, 65_536] {
        if is_quick() && size > 4_096 {
            continue;
        }
        let tokens: Vec<String> = iter::repeat_with(|| signer.token()).take(size).collect();
        let bearer = signer.bearer(&jwks).build().expect("a scheme");
        let service = AuthenticateLayer::new(bearer).layer(Bare);
        growth.case("with the token cache", size, service, &tokens, with_token);
    }
    growth.print();
}

fn key_set() {
    let signer = Signer::new(ES256);
    let token = [signer.token()];
    let mut growth = Growth::new("Keys in an issuer's set, the token naming the last");
    for size in [1, 4, 16, KeySet::MAX_KEYS] {
        let others = iter::repeat_with(|| TestKey::generate(SigningAlgorithm::ES256));
        let keys: Vec<_> = others
            .take(size - 1)
            .chain([signer.key.clone()])
            .map(|key| key.public_jwk())
            .collect();
        let jwks = serde_json::json!({ "keys": keys }).to_string();
        let layer = |bearer| AuthenticateLayer::new(bearer).layer(Bare);
        let cached = signer.bearer(&jwks).build().expect("a scheme");
        growth.case("ES256, cached", size, layer(cached), &token, with_token);
        let uncached = signer.bearer(&jwks).without_token_cache().build();
        let uncached = uncached.expect("a scheme");
        growth.case(
            "ES256, not cached",
            size,
            layer(uncached),
            &token,
            with_token,
        );
    }
    growth.print();
}

fn issuers() {
    let mut growth = Growth::new("Trusted issuers, a token of each in turn");
    for size in [1, 10, 100, 1_000] {
        let (verifiers, tokens): (Vec<_>, Vec<_>) = (0..size).map(issuer).unzip();
        let issuers = TrustedIssuers::new(verifiers).expect("issuers that differ");
        let layer = |bearer| AuthenticateLayer::new(bearer).layer(Bare);
        let cached = Bearer::trusting(&issuers).build().expect("a scheme");
        growth.case("ES256, cached", size, layer(cached), &tokens, with_token);
        let uncached = Bearer::trusting(&issuers).without_token_cache().build();
        let uncached = uncached.expect("a scheme");
        growth.case(
            "ES256, not cached",
            size,
            layer(uncached),
            &tokens,
            with_token,
        );
    }
    growth.print();
}

/// An issuer with a key of its own, and a token of it.
fn issuer(number: usize) -> (JwtVerifier, String) {
    let url = format!("https://issuer-{number}.example.com");
    let key = TestKey::generate(SigningAlgorithm::ES256);
    let jwks = serde_json::json!({ "keys": [key.public_jwk()] }).to_string();
    let keys = KeySet::parse(jwks.as_bytes()).expect("a usable set");
    let keys = IssuerKeys::fixed(&url, keys).expect("an issuer");
    let verifier = JwtVerifier::of(&keys)
        .audience(AUDIENCE)
        .algorithms([ES256]);
    let token = TokenBuilder::new(&url, &key, SystemClock.now())
        .audience(AUDIENCE)
        .scope(SCOPES)
        .expires_in(Duration::from_hours(1));
    (verifier.build().expect("a verifier"), token.mint())
}

/// One table: cases by name and size, measured in the same rounds.
struct Growth {
    title: &'static str,
    cases: Vec<(&'static str, usize)>,
    contenders: Vec<Contender>,
}

impl Growth {
    fn new(title: &'static str) -> Self {
        let bare = Contender::new("bare", Bare, || with_token("ignored"));
        Self {
            title,
            cases: Vec::new(),
            contenders: vec![bare],
        }
    }

    /// Adds requests that `request` makes of `credentials` in turn. Each is sent once beforehand, and must be accepted.
    fn case<S, R>(
        &mut self,
        name: &'static str,
        size: usize,
        mut service: S,
        credentials: &[String],
        request: fn(&str) -> Request<Body>,
    ) where
        S: Service<Request<Body>, Response = Response<R>> + 'static,
    {
        for credential in credentials {
            let answer = serve(&mut service, request(credential));
            assert_eq!(answer.status(), StatusCode::OK, "{name}");
        }
        let credentials = credentials.to_vec();
        let mut next = 0;
        let request = move || {
            next = (next + 1) % credentials.len();
            request(&credentials[next])
        };
        self.cases.push((name, size));
        self.contenders.push(Contender::new(name, service, request));
    }

    fn print(mut self) {
        let (rounds, milliseconds) = if is_quick() { (7, 1) } else { (60, 4) };
        let batch = Duration::from_millis(milliseconds);
        measure(&mut self.contenders, rounds, batch, usize::MAX);
        let mut sizes: Vec<usize> = self.cases.iter().map(|&(_, size)| size).collect();
        sizes.dedup();
        let headings: Vec<String> = sizes.iter().map(|&size| grouped(size as f64)).collect();
        let headings: Vec<&str> = [""]
            .into_iter()
            .chain(headings.iter().map(String::as_str))
            .collect();
        let mut table = Table::new(1, &headings);
        let mut names: Vec<&str> = self.cases.iter().map(|&(name, _)| name).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let cells = sizes.iter().map(|&size| {
                let at = self.cases.iter().position(|case| *case == (name, size));
                at.map_or("–".to_owned(), |at| {
                    grouped(self.contenders[at + 1].over(&self.contenders[0]))
                })
            });
            table.row([name.to_owned()].into_iter().chain(cells));
        }
        println!("{}:\n\n{table}", self.title);
    }
}
