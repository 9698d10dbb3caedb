//! Prints what a token on an outgoing call costs, in nanoseconds over the same call without: the suite's client beside
//! other crates, wired into a tower client as their users would.
//!
//! Every contender gets its tokens by client credentials from an issuer on loopback, and has one when it is measured.

mod aliri;
mod authorize;
mod by_hand;
mod huskarl;

use std::{
    convert::Infallible,
    future::{Ready, ready},
    task::{Context, Poll},
    time::Duration,
};

use http::{HeaderValue, Request, Response, StatusCode, Uri, header};
use portcullis_bench_common::{Contender, Table, is_quick, measure};
use portcullis_client::{
    AddApiKeyLayer, AddTokenLayer, ApiKeySource, AuthorizationServer, ClientAuthentication,
    DpopKey, Origins, TokenSource, TokenSourceBuilder,
};
use portcullis_core::{ConfigError, Secret};
use portcullis_test::{DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, Endpoint, Fault, TestIssuer};
use tokio::runtime::Builder;
use tower::{BoxError, Layer, Service, ServiceExt};

use authorize::Authorizing;

type Body = http_body_util::Full<bytes::Bytes>;

/// The origin of all calls. Nothing connects to it.
const ORIGIN: &str = "https://orders.example.com";
/// Longer than a run.
const LIFETIME: Duration = Duration::from_hours(1);

/// How each contender is set up.
const NOTES: [(&str, &str); 8] = [
    (
        "bare",
        "a tower service that answers at once, without credentials",
    ),
    (
        "portcullis",
        "AddTokenLayer over a TokenSource by client credentials",
    ),
    (
        "portcullis, DPoP",
        "the same, with tokens bound to a P-256 key: every call signs a proof",
    ),
    ("portcullis, API key", "AddApiKeyLayer"),
    (
        "oauth2 + Mutex",
        "5.0; a tokio Mutex around the token and its expiry, held while another is fetched; the header is made for \
         each call",
    ),
    (
        "oauth2 + RwLock",
        "5.0; a tokio RwLock around the header, renewed in the last tenth of its lifetime (at most 30 s) by the first \
         call that gets the lock",
    ),
    (
        "aliri_tokens",
        "0.3; a TokenWatcher of ClientCredentialsTokenSource, its token borrowed for each call",
    ),
    (
        "huskarl",
        "0.11; HttpAuthorizer over InMemoryTokenCache over GrantTokenSource",
    ),
];

fn main() -> Result<(), BoxError> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let issuer = TestIssuer::builder().token_lifetime(LIFETIME);
    let issuer = runtime.block_on(issuer.start())?;
    let mut contenders = runtime.block_on(set_up(&issuer))?;
    let (rounds, milliseconds) = if is_quick() { (15, 1) } else { (200, 4) };
    measure(
        &mut contenders,
        rounds,
        Duration::from_millis(milliseconds),
        usize::MAX,
    );

    println!("### Outgoing calls\n");
    println!(
        "Nanoseconds per call with a token at hand, over the same call without, and as a multiple of the suite's. The \
         bare row is absolute.\n"
    );
    let mut table = Table::new(1, &["", "ns over bare", "× portcullis"]);
    let suite = contenders[1].over(&contenders[0]);
    for contender in &contenders {
        let over = contender.over(&contenders[0]);
        let cells = if contender.name() == "bare" {
            [format!("({:.0})", contender.nanoseconds()), "–".to_owned()]
        } else {
            [format!("{over:.0}"), format!("{:.1}", over / suite)]
        };
        table.row([contender.name().to_owned()].into_iter().chain(cells));
    }
    println!("{table}");
    for (name, note) in NOTES {
        println!("- **{name}**: {note}.");
    }
    println!();
    drop(runtime);
    Ok(())
}

async fn set_up(issuer: &TestIssuer) -> Result<Vec<Contender>, BoxError> {
    let origins = || Origins::new([ORIGIN]);
    let tokens = source(issuer)?.build()?;
    let mut contenders = vec![
        Contender::new("bare", Bare, request),
        ready_with_token(
            "portcullis",
            AddTokenLayer::new(tokens, origins()?).layer(Bare),
        )
        .await?,
    ];

    // The issuer does not check proofs, so it is told to answer like one that does.
    let bound = serde_json::json!({
        "access_token": issuer.token().mint(),
        "token_type": "DPoP",
        "expires_in": LIFETIME.as_secs(),
    });
    issuer.fault(Endpoint::Token, Fault::Json(bound));
    let tokens = source(issuer)?.dpop(DpopKey::generate()?).build()?;
    let layer = AddTokenLayer::new(tokens, origins()?);
    contenders.push(ready_with_token("portcullis, DPoP", layer.layer(Bare)).await?);
    issuer.heal(Endpoint::Token);

    let key = ApiKeySource::new(&Secret::new("acme_live_6f1c8f0e4d5b4c7e9a2b3c4d5e6f7a8b"))?;
    let layer = AddApiKeyLayer::new(key, origins()?);
    contenders.push(ready_with_token("portcullis, API key", layer.layer(Bare)).await?);

    let service = Authorizing::new(by_hand::UnderMutex::new(issuer)?);
    contenders.push(ready_with_token("oauth2 + Mutex", service).await?);
    let service = Authorizing::new(by_hand::UnderRwLock::new(issuer)?);
    contenders.push(ready_with_token("oauth2 + RwLock", service).await?);
    let service = aliri::Watching::start(issuer).await?;
    contenders.push(ready_with_token("aliri_tokens", service).await?);
    let service = Authorizing::new(huskarl::Huskarl::new(issuer)?);
    contenders.push(ready_with_token("huskarl", service).await?);
    Ok(contenders)
}

fn source(issuer: &TestIssuer) -> Result<TokenSourceBuilder, ConfigError> {
    let server = AuthorizationServer::discover(issuer.url()).build()?;
    let client = ClientAuthentication::secret_basic(DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET);
    Ok(TokenSource::builder(&server, client))
}

/// Makes the call that fetches the token, and checks that it is sent.
async fn ready_with_token<S>(name: &str, service: S) -> Result<Contender, BoxError>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + 'static,
    S::Error: Into<BoxError>,
{
    let first = service.clone().oneshot(request()).await;
    if first.map_err(Into::into)?.status() != StatusCode::OK {
        return Err(format!("{name}: the call carries no credential").into());
    }
    Ok(Contender::new(name, service, request))
}

/// A request with two headers, as any client sends them.
fn request() -> Request<Body> {
    let mut request = Request::new(Body::default());
    *request.uri_mut() = Uri::from_static("https://orders.example.com/orders?page=2");
    let headers = request.headers_mut();
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static("billing/1.0"));
    request
}

/// Answers at once: 200 if a header was added to [`request`], else 401.
#[derive(Clone, Copy, Debug)]
struct Bare;

impl Service<Request<Body>> for Bare {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let mut response = Response::new(Body::default());
        if request.headers().len() == 2 {
            *response.status_mut() = StatusCode::UNAUTHORIZED;
        }
        let headers = response.headers_mut();
        let json = HeaderValue::from_static("application/json");
        headers.insert(header::CONTENT_TYPE, json);
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        ready(Ok(response))
    }
}
