//! A scheme, an inner service, and helpers to inspect a response.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Request, Response};
use http_body_util::{BodyExt, Full};
use portcullis_core::{
    Authentication, Principal, PrincipalKind, ScopeSet,
    clock::SharedClock,
    scheme::{
        Challenge, CredentialSource, Failure, Head, Outcome, PrincipalParts, Scheme,
        authorization_credentials, check_token68,
    },
};
use tower::{Layer, Service, ServiceExt, util::BoxCloneSyncService};

pub(crate) const KEY_HEADER: HeaderName = HeaderName::from_static("x-api-key");

/// Stands in for a client certificate: a value in the extensions.
#[derive(Clone, Copy)]
pub(crate) struct Certificate(pub(crate) &'static str);

type Answer = dyn Fn(&Fake, &str) -> Outcome + Send + Sync;

/// A scheme whose credentials name their outcome.
#[derive(Clone)]
pub(crate) struct Fake {
    source: CredentialSource,
    challenge: Arc<Challenge>,
    answer: Arc<Answer>,
    calls: Arc<AtomicUsize>,
}

impl Fake {
    pub(crate) fn new(name: &'static str, source: CredentialSource) -> Self {
        let challenge = Challenge::new(name, "orders").expect("printable");
        let challenge = match &source {
            CredentialSource::Header(header) => challenge.header(header),
            _ => challenge,
        };
        Self {
            source,
            challenge: Arc::new(challenge),
            answer: Arc::new(|fake, credential| Outcome::Done(fake.decide(credential))),
            calls: Arc::default(),
        }
    }

    pub(crate) fn bearer() -> Self {
        Self::new("Bearer", CredentialSource::Authorization("Bearer"))
    }

    pub(crate) fn key() -> Self {
        Self::new("ApiKey", CredentialSource::Header(KEY_HEADER))
    }

    pub(crate) fn certificate() -> Self {
        Self::new("ClientCertificate", CredentialSource::Connection)
    }

    /// Sets the clock that limits logged refusals.
    pub(crate) fn with_clock(mut self, clock: SharedClock) -> Self {
        let challenge = Challenge::new(self.challenge.name(), "orders").expect("printable");
        self.challenge = Arc::new(challenge.refusal_log_clock(clock));
        self
    }

    pub(crate) fn answering(
        mut self,
        answer: impl Fn(&Self, &str) -> Outcome + Send + Sync + 'static,
    ) -> Self {
        self.answer = Arc::new(answer);
        self
    }

    /// How often `authenticate` was called.
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    pub(crate) fn decide(&self, credential: &str) -> Result<Principal, Failure> {
        let principal = |kind, scopes| {
            let name = self.challenge.name();
            let mut parts = PrincipalParts::new(self.challenge.clone(), name, kind);
            parts.subject = Some(credential.into());
            parts.scopes = ScopeSet::parse(scopes);
            Principal::from(parts)
        };
        match credential {
            "reader" => Ok(principal(PrincipalKind::Machine, "orders:read")),
            "admin" => Ok(principal(
                PrincipalKind::Machine,
                "orders:read orders:write",
            )),
            "nothing" => Ok(principal(PrincipalKind::Machine, "")),
            "person" => Ok(principal(PrincipalKind::User, "orders:read")),
            "someone" => Ok(principal(PrincipalKind::Unknown, "orders:read")),
            "expired" => {
                Err(Failure::invalid("the credential has expired")
                    .with_internal("exp was long ago"))
            }
            "busy" => Err(Failure::limit_exceeded(
                "too many requests",
                Duration::from_millis(1500),
            )),
            "down" => Err(Failure::unavailable(
                "the credential cannot be checked right now",
            )),
            _ => Err(Failure::invalid("the credential is not known here")),
        }
    }

    fn credential<'h>(&self, head: &Head<'h>) -> Result<Option<&'h [u8]>, Failure> {
        match &self.source {
            CredentialSource::Authorization(name) => authorization_credentials(head.headers, name),
            CredentialSource::Header(name) => {
                let mut values = head.headers.get_all(name).iter();
                match (values.next(), values.next()) {
                    (None, _) => Ok(None),
                    (Some(value), None) => match value.to_str() {
                        Ok(text) if !text.is_empty() => Ok(Some(text.as_bytes())),
                        _ => Err(Failure::malformed("the key is empty or not printable")),
                    },
                    _ => Err(Failure::malformed("the key was sent twice")),
                }
            }
            _ => {
                let certificate = head.extensions.get::<Certificate>();
                Ok(certificate.map(|found| found.0.as_bytes()))
            }
        }
    }
}

impl Scheme for Fake {
    fn source(&self) -> CredentialSource {
        self.source.clone()
    }

    fn detect<'h>(&self, head: &Head<'h>) -> Result<Option<&'h [u8]>, Failure> {
        self.credential(head)
    }

    fn authenticate(&self, _: &Head<'_>, credential: &[u8]) -> Outcome {
        self.calls.fetch_add(1, Ordering::SeqCst);
        match check_token68(credential) {
            Ok(credential) => (self.answer)(self, credential),
            Err(failure) => Outcome::Done(Err(failure)),
        }
    }

    fn challenge(&self) -> &Arc<Challenge> {
        &self.challenge
    }

    fn recognise(&self, text: &[u8]) -> Option<&'static str> {
        match &self.source {
            CredentialSource::Header(_) => text.starts_with(b"key_").then_some("an API key"),
            _ => text.starts_with(b"tok.").then_some("a token"),
        }
    }
}

/// The inner service's view of the request, in the response's extensions.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) headers: HeaderMap,
    pub(crate) authentication: Option<Authentication>,
}

impl Seen {
    pub(crate) fn principal(&self) -> Option<&Principal> {
        self.authentication.as_ref()?.principal()
    }
}

pub(crate) type Inner = BoxCloneSyncService<Request<()>, Response<Full<Bytes>>, Infallible>;

/// The innermost service: answers `hello` and adds what it saw.
pub(crate) fn inner() -> Inner {
    BoxCloneSyncService::new(tower::service_fn(async |request: Request<()>| {
        let mut response = Response::new(Full::from("hello"));
        let extensions = request.extensions();
        response.extensions_mut().insert(Seen {
            headers: request.headers().clone(),
            authentication: extensions.get().cloned(),
        });
        Ok(response)
    }))
}

/// A request with these header fields.
pub(crate) fn request(fields: &[(&str, &str)]) -> Request<()> {
    let mut request = Request::post("/orders");
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.body(()).expect("a request")
}

/// A request with one bearer credential.
pub(crate) fn bearing(credential: &str) -> Request<()> {
    request(&[("authorization", &format!("Bearer {credential}"))])
}

/// Sends one request through the stack, and collects the body.
pub(crate) async fn send<L, B>(layer: &L, request: Request<()>) -> Response<Bytes>
where
    L: Layer<Inner>,
    L::Service: Service<Request<()>, Response = Response<B>, Error = Infallible>,
    B: http_body::Body<Data = Bytes, Error = Infallible>,
{
    collected(
        layer
            .layer(inner())
            .oneshot(request)
            .await
            .unwrap_or_else(|never| match never {}),
    )
    .await
}

pub(crate) async fn collected<B>(response: Response<B>) -> Response<Bytes>
where
    B: http_body::Body<Data = Bytes, Error = Infallible>,
{
    let (parts, body) = response.into_parts();
    let body = body
        .collect()
        .await
        .unwrap_or_else(|never| match never {})
        .to_bytes();
    Response::from_parts(parts, body)
}

pub(crate) fn seen<B>(response: &Response<B>) -> &Seen {
    response
        .extensions()
        .get()
        .expect("the request reached the inner service")
}

/// A response as text, for snapshots: status, header fields in order of name, body.
pub(crate) fn text(response: &Response<Bytes>) -> String {
    let mut fields: Vec<_> = response.headers().iter().collect();
    fields.sort_by_key(|(name, _)| name.as_str());
    let fields: String = fields
        .into_iter()
        .map(|(name, value)| format!("{name}: {}\n", value.to_str().expect("printable")))
        .collect();
    let body = std::str::from_utf8(response.body()).expect("UTF-8");
    format!("{}\n{fields}\n{body}", response.status())
}

/// Every challenge of a response.
pub(crate) fn challenges<B>(response: &Response<B>) -> Vec<&str> {
    response
        .headers()
        .get_all("www-authenticate")
        .iter()
        .map(|value| value.to_str().expect("printable"))
        .collect()
}
