//! Each path of the suite over the bare service, through tower and through axum.

use std::time::Duration;

use axum::{Router, routing::get};
use aws_lc_rs::signature;
use portcullis_api_key::{ApiKeys, MemoryStore, NewKey, Peppers};
use portcullis_bench_harness::{Contender, run};
use portcullis_bench_suite::*;
use portcullis_core::{AuthenticateLayer, RequireScopeLayer, Scope, Secret};
use portcullis_jwt::{Algorithm, CompactJws, SignatureBuffer};
use tower::Layer;

const READ: Scope = Scope::from_static("orders:read");

fn main() {
    let mut contenders = Vec::new();
    let hot = Signer::new(Algorithm::RS256);
    let token = hot.token();
    let t = token.clone();
    contenders.push(Contender::service("bare", Bare, move || with_token(&t)));
    probes(&mut contenders, &token);
    for algorithm in [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA] {
        let signer = Signer::new(algorithm);
        let token = signer.token();
        let message = CompactJws::parse(&token).unwrap().signing_input().to_vec();
        let mut buffer = SignatureBuffer::new();
        let sig = CompactJws::parse(&token).unwrap().signature(&mut buffer).unwrap().to_vec();
        let key = prepared(&signer);
        contenders.push(Contender::function(format!("raw {algorithm}"), move || {
            key.verify_sig(&message, &sig).unwrap()
        }));
        let cold = signer.bearer().without_token_cache().build().unwrap();
        let t = token.clone();
        contenders.push(Contender::service(
            format!("cold {algorithm}"),
            AuthenticateLayer::new(cold).layer(Bare),
            move || with_token(&t),
        ));
        let bearer = signer.bearer().build().unwrap();
        let t = token.clone();
        contenders.push(Contender::service(
            format!("warm {algorithm}"),
            AuthenticateLayer::new(bearer.clone()).layer(Bare),
            move || with_token(&t),
        ));
    }
    { let b = hot.bearer().build().unwrap(); let t = token.clone();
      contenders.push(Contender::service("guard+warm".to_string(), AuthenticateLayer::new(b.clone()).layer(RequireScopeLayer::all([READ]).layer(Bare)), move || with_token(&t)));
      let t = token.clone();
      contenders.push(Contender::service("guard+guard+warm".to_string(), AuthenticateLayer::new(b.clone()).layer(RequireScopeLayer::all([READ]).layer(RequireScopeLayer::all([READ]).layer(Bare))), move || with_token(&t)));
      let t = token.clone();
      contenders.push(Contender::service("axum bare".to_string(), Router::<()>::new().route("/", get(|| async {})).with_state(()), move || with_token(&t)));
      let t = token.clone();
      contenders.push(Contender::service("axum warm".to_string(), Router::<()>::new().route("/", get(|| async {})).route_layer(AuthenticateLayer::new(b.clone())).with_state(()), move || with_token(&t)));
    }
    { let signer = Signer::new(Algorithm::EdDSA); let tokens: Vec<String> = (0..40_000).map(|_| signer.token()).collect();
      for cached in [false, true] { let b = signer.bearer(); let b = if cached { b } else { b.without_token_cache() }; let mut next = in_turn(tokens.clone());
      contenders.push(Contender::service(format!("distinct EdDSA {cached}"), AuthenticateLayer::new(b.build().unwrap()).layer(Bare), move || with_token(&next()))); }
      let mut next = in_turn(tokens[..4096].to_vec());
      contenders.push(Contender::service("rotation EdDSA".to_string(), AuthenticateLayer::new(signer.bearer().build().unwrap()).layer(Bare), move || with_token(&next())));
    }
    for peppered in [false, true] {
        let peppers = Peppers::new(1, &Secret::new(vec![7; 32])).unwrap();
        let store = MemoryStore::new();
        let (store, keys) = if peppered {
            let store = store.peppers(peppers.clone());
            (store.clone(), ApiKeys::builder(store).peppers(peppers).build().unwrap())
        } else {
            (store.clone(), ApiKeys::new(store))
        };
        let key = store.create(NewKey::new("billing").scopes(scopes())).unwrap();
        let key = key.key().expose().to_owned();
        contenders.push(Contender::service(
            format!("api key{}", if peppered { " pepper" } else { "" }),
            AuthenticateLayer::new(keys).layer(Bare),
            move || with_key(&key),
        ));
    }
    let filter: Vec<String> = std::env::args().skip(1).collect();
    contenders.retain(|c| filter.is_empty() || c.name() == "bare" || filter.iter().any(|f| c.name().contains(f.as_str())));
    run(&mut contenders, 60, Duration::from_millis(4));
    for contender in &contenders {
        println!("{:24} {:9.0} ns  over bare {:9.0}", contender.name(), contender.nanoseconds(), contender.over(&contenders[0]));
    }
    let _ = (RequireScopeLayer::all([READ]), Router::<()>::new().route("/", get(|| async {})));
}

fn prepared(signer: &Signer) -> signature::ParsedPublicKey {
    let der = signer.key().public_der();
    match signer.algorithm {
        Algorithm::RS256 => signature::ParsedPublicKey::new(&signature::RSA_PKCS1_2048_8192_SHA256, &der).unwrap(),
        Algorithm::ES256 => signature::ParsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, &der).unwrap(),
        _ => signature::ParsedPublicKey::new(&signature::ED25519, &der).unwrap(),
    }
}

#[derive(Clone)]
struct Probe(portcullis_core::Principal, u8, portcullis_core::SharedClock, std::sync::Arc<dyn portcullis_core::Scheme>);
impl tower::Service<http::Request<axum::body::Body>> for Probe {
    type Response = http::Response<axum::body::Body>;
    type Error = std::convert::Infallible;
    type Future = std::future::Ready<Result<Self::Response, Self::Error>>;
    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Self::Error>> { std::task::Poll::Ready(Ok(())) }
    fn call(&mut self, mut r: http::Request<axum::body::Body>) -> Self::Future {
        if self.1 & 1 != 0 { r.extensions_mut().insert(portcullis_core::Authentication::Authenticated(self.0.clone())); }
        if self.1 & 2 != 0 { r.headers_mut().remove(http::header::AUTHORIZATION); }
        if self.1 & 4 != 0 { std::hint::black_box(self.2.now()); }
        if self.1 & 16 != 0 {
            use portcullis_core::*;
            let facts = Facts::new();
            let head = Head::new(&r, &facts);
            let Presence::Present(c) = self.3.detect(&head) else { panic!() };
            let Outcome::Done(Ok(p)) = self.3.authenticate(&head, c) else { panic!() };
            r.headers_mut().remove(http::header::AUTHORIZATION);
            r.extensions_mut().insert(Authentication::Authenticated(p));
        }
        if self.1 & 8 != 0 { std::hint::black_box(portcullis_core::authorization_presented(r.headers(), "Bearer").ok()); }
        std::future::ready(Ok(http::Response::new(axum::body::Body::empty())))
    }
}
fn probes(c: &mut Vec<Contender>, token: &str) {
    use std::sync::Arc;
    let ch = Arc::new(portcullis_core::Challenge::new("Bearer", "x").unwrap());
    let p = portcullis_core::Principal::builder(ch, "jwt", portcullis_core::PrincipalKind::Machine).build();
    { let t = token.to_owned(); let ch = Arc::new(portcullis_core::Challenge::new("Bearer", "x").unwrap());
      c.push(Contender::service("probe core", AuthenticateLayer::new(Core(p.clone(), ch)).layer(Bare), move || with_token(&t))); }
    for (n, m) in [("insert", 1), ("remove", 2), ("clock", 4), ("find", 8), ("all", 15), ("dyn", 16)] {
        let t = token.to_owned();
        c.push(Contender::service(format!("probe {n}"), Probe(p.clone(), m, portcullis_core::system_clock(), Arc::new(Core(p.clone(), Arc::new(portcullis_core::Challenge::new("Bearer", "x").unwrap())))), move || with_token(&t)));
    }
}

struct Core(portcullis_core::Principal, std::sync::Arc<portcullis_core::Challenge>);
impl portcullis_core::Scheme for Core {
    fn source(&self) -> portcullis_core::CredentialSource { portcullis_core::CredentialSource::Authorization("Bearer") }
    fn detect<'h>(&self, head: &portcullis_core::Head<'h>) -> portcullis_core::Presence<'h> { portcullis_core::authorization_presented(head.headers(), "Bearer").into() }
    fn authenticate(&self, _: &portcullis_core::Head<'_>, _: &[u8]) -> portcullis_core::Outcome { portcullis_core::Outcome::Done(Ok(self.0.clone())) }
    fn challenge(&self) -> &std::sync::Arc<portcullis_core::Challenge> { &self.1 }
}
