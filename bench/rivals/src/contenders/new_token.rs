//! What no check of a new token can be far below: each step that one takes, done for the one kind of token that comes.

use std::{
    borrow::Cow,
    str,
    sync::Arc,
    task::{Context, Poll},
};

use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{Request, header::AUTHORIZATION};
use portcullis_bench_suite::{AUDIENCE, ISSUER, Signer};
use portcullis_core::{Clock, SystemClock};
use serde::Deserialize;
use tower::{Layer, Service};

use super::Absent;

/// Splits, decodes, parses the header, checks the RS256 signature, parses the claims, compares issuer, audience and end,
/// and tells the handler of the caller, with a text for each claim that names it. There is no second key, algorithm,
/// audience, type of a claim, or answer but yes: it panics at any other token.
#[derive(Clone)]
pub(super) struct NewTokenLayer {
    key: Arc<ParsedPublicKey>,
    kid: Arc<str>,
}

impl NewTokenLayer {
    pub(super) fn new(signer: &Signer) -> Result<Self, Absent> {
        let key = signer.key();
        Ok(Self {
            key: ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public_der())?.into(),
            kid: key.kid().unwrap_or_default().into(),
        })
    }

    fn caller(&self, token: &str) -> Option<Caller> {
        let (message, signature) = token.rsplit_once('.')?;
        let (header, payload) = message.split_once('.')?;
        let mut buffer = [0; 1024];
        let header: Header<'_> = serde_json::from_slice(decode(header, &mut buffer)?).ok()?;
        let is_known = header.alg == "RS256" && header.typ == "at+jwt" && header.kid == *self.kid;
        let mut buffer = [0; 1024];
        let signature = decode(signature, &mut buffer)?;
        if !is_known || self.key.verify_sig(message.as_bytes(), signature).is_err() {
            return None;
        }
        let mut buffer = [0; 1024];
        let claims: Claims<'_> = serde_json::from_slice(decode(payload, &mut buffer)?).ok()?;
        let is_for_us = claims.iss == ISSUER && claims.aud == AUDIENCE;
        (is_for_us && SystemClock.now().as_secs() < claims.exp).then(|| Caller {
            _subject: claims.sub.into(),
            _client: claims.client_id.into(),
            _scope: claims.scope.into(),
            _id: claims.jti.into(),
        })
    }
}

fn decode<'b>(text: &str, buffer: &'b mut [u8]) -> Option<&'b [u8]> {
    let length = URL_SAFE_NO_PAD.decode_slice(text, buffer).ok()?;
    buffer.get(..length)
}

#[derive(Deserialize)]
struct Header<'b> {
    #[serde(borrow)]
    alg: Cow<'b, str>,
    #[serde(borrow)]
    typ: Cow<'b, str>,
    #[serde(borrow)]
    kid: Cow<'b, str>,
}

#[derive(Deserialize)]
struct Claims<'b> {
    #[serde(borrow)]
    iss: Cow<'b, str>,
    #[serde(borrow)]
    aud: Cow<'b, str>,
    exp: u64,
    #[serde(borrow)]
    sub: Cow<'b, str>,
    #[serde(borrow)]
    client_id: Cow<'b, str>,
    #[serde(borrow)]
    scope: Cow<'b, str>,
    #[serde(borrow)]
    jti: Cow<'b, str>,
}

struct Caller {
    _subject: Box<str>,
    _client: Box<str>,
    _scope: Box<str>,
    _id: Box<str>,
}

impl<S> Layer<S> for NewTokenLayer {
    type Service = NewTokenService<S>;

    fn layer(&self, inner: S) -> NewTokenService<S> {
        NewTokenService {
            layer: self.clone(),
            inner,
        }
    }
}

#[derive(Clone)]
pub(super) struct NewTokenService<S> {
    layer: NewTokenLayer,
    inner: S,
}

impl<S, B> Service<Request<B>> for NewTokenService<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        let value = request.headers().get(AUTHORIZATION).expect("a credential");
        let token = str::from_utf8(value.as_bytes())
            .ok()
            .and_then(|value| value.strip_prefix("Bearer "));
        let caller = token.and_then(|token| self.layer.caller(token));
        let caller = Arc::new(caller.expect("a token as they are"));
        request.headers_mut().remove(AUTHORIZATION);
        request.extensions_mut().insert(caller);
        self.inner.call(request)
    }
}
