//! The worker itself: an example of your own client.

use std::{error::Error, iter, process::ExitCode, time::Duration};

use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri, uri::InvalidUri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{self, Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use portcullis::{
    client::{
        AccessToken, AddApiKeyLayer, AddCredentialError, AddTokenLayer, ApiKeySource,
        AuthorizationServer, ClientAuthentication, ClientSecrets, Origins, TokenError,
        TokenErrorKind, TokenEvent, TokenSource,
    },
    clock::{Clock, SystemClock},
    log::{escape_to, escape_url},
};
use serde_json::Value;
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    task::JoinSet,
    time::timeout,
};
use tower::{BoxError, Layer, Service, ServiceExt, util::BoxCloneService};

use crate::{args::Args, say};

/// How long a call may take, the wait for a token included.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the revocation of the token may take at the end.
const REVOCATION_TIMEOUT: Duration = Duration::from_secs(4);
const MAX_BODY: usize = 1024 * 1024;

type Body = Empty<Bytes>;
/// A client that adds a credential to its calls.
type Caller = BoxCloneService<Request<Body>, Response<Incoming>, AddCredentialError<legacy::Error>>;

/// Calls orders-api with every credential that it was given.
pub(crate) struct Worker {
    orders: Uri,
    source: Option<TokenSource>,
    /// Each with the name of its credential.
    callers: Vec<(&'static str, Caller)>,
    requests: u32,
    failed: u32,
    /// Prints the events of the token source.
    _telling: JoinSet<()>,
}

impl Worker {
    /// Builds the clients and requests a first token. Fails if the issuer refuses the token request, or the request
    /// cannot be made. During an outage of the issuer, calls with the API key can still be made, and the token is requested again.
    pub(crate) async fn start(args: &Args) -> Result<Self, Box<dyn Error>> {
        let url = args.orders_url.as_deref().unwrap_or_default();
        let unusable = |problem: &str| format!("--orders-url {}: {problem}", escape_url(url));
        let origins = Origins::new([url]).map_err(|error| unusable(error.problem()))?;
        let orders: Uri = format!("{}/orders", url.trim_end_matches('/'))
            .parse()
            .map_err(|error: InvalidUri| unusable(&error.to_string()))?;
        if orders.scheme_str() == Some("https") {
            return Err(unusable(
                "this example has no TLS: give an http URL of this machine, or in worker.rs another connector",
            )
            .into());
        }
        // One pool of connections for all. For TLS, use another connector here, such as that of hyper-rustls.
        let http: Client<HttpConnector, Body> = Client::builder(TokioExecutor::new()).build_http();

        let mut callers = Vec::new();
        let mut telling = JoinSet::new();
        let key = args.api_key_file.as_ref().map(ApiKeySource::watch);
        let key = key
            .transpose()
            .map_err(|error| format!("--api-key-file: {}", error.problem()))?;
        let source = token_source(args)?;
        if let Some(source) = &source {
            let events = source.events();
            match source.token().await {
                Err(error) if !is_outage(&error) => return Err(error.into()),
                Ok(_) | Err(_) => {}
            }
            telling.spawn(tell(events));
            let layer = AddTokenLayer::new(source.clone(), origins.clone()).replay_bodies();
            callers.push(("token", Caller::new(layer.layer(http.clone()))));
        }
        if let Some(key) = key {
            let layer = AddApiKeyLayer::new(key, origins);
            callers.push(("API key", Caller::new(layer.layer(http))));
        }
        Ok(Self {
            orders,
            source,
            callers,
            requests: 0,
            failed: 0,
            _telling: telling,
        })
    }

    /// Calls once with each credential, and prints the outcomes.
    pub(crate) async fn call(&mut self, number: u32) {
        let mut outcomes = Vec::new();
        let token = self.source.as_ref().and_then(TokenSource::current);
        let token = token.as_ref().map_or("", AccessToken::expose);
        for (credential, caller) in &mut self.callers {
            let (is_good, outcome) = match get(caller, &self.orders).await {
                Ok((status, _)) if status.is_success() => (true, status.as_u16().to_string()),
                Ok((status, body)) => (
                    false,
                    format!("{}{}", status.as_u16(), reason(&body, token)),
                ),
                Err(error) => (false, format!("no answer ({})", with_causes(&*error))),
            };
            self.requests += 1;
            self.failed += u32::from(!is_good);
            outcomes.push(format!("{outcome} with the {credential}"));
        }
        say(format_args!("call {number}: {}", outcomes.join(", ")));
    }

    /// Revokes the token, and prints the totals.
    pub(crate) async fn finish(self) -> ExitCode {
        if let Some(source) = &self.source {
            let mut events = source.events();
            let limit = REVOCATION_TIMEOUT.as_secs();
            say(format_args!(
                "ending: waiting up to {limit} s for the revocation of the token"
            ));
            match timeout(REVOCATION_TIMEOUT, source.shut_down()).await {
                // There may be no token, or it has expired.
                Ok(Ok(())) if has_revoked(&mut events) => say(format_args!("token: revoked")),
                Ok(Ok(())) => say(format_args!("token: nothing to revoke")),
                Ok(Err(error)) => say(format_args!("token: not revoked: {}", with_causes(&error))),
                Err(_) => say(format_args!(
                    "token: not revoked, as no answer came within {limit} s: it is valid until it expires"
                )),
            }
        }
        let Self {
            requests, failed, ..
        } = self;
        say(format_args!("done: {requests} requests, {failed} failed"));
        if failed == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

/// Whether waiting can help.
fn is_outage(error: &TokenError) -> bool {
    matches!(
        error.kind(),
        TokenErrorKind::Unreachable | TokenErrorKind::Status(429 | 500..=599)
    )
}

/// Tokens by client credentials, where an issuer was given.
fn token_source(args: &Args) -> Result<Option<TokenSource>, Box<dyn Error>> {
    let (Some(issuer), Some(id), Some(file)) =
        (&args.issuer, &args.client_id, &args.client_secret_file)
    else {
        return Ok(None);
    };
    let server = AuthorizationServer::discover(issuer).build()?;
    let client = ClientAuthentication::secret_basic(id, ClientSecrets::file(file));
    let mut source = TokenSource::builder(&server, client).scopes(&args.scopes);
    for resource in &args.resources {
        source = source.resource(resource);
    }
    Ok(Some(source.build()?))
}

/// The reason of a refusal, from its problem document (RFC 9457). It may repeat the token.
fn reason(body: &[u8], token: &str) -> String {
    let problem: Value = serde_json::from_slice(body).unwrap_or_default();
    let Some(detail) = problem["detail"].as_str() else {
        return String::new();
    };
    // `escape_to` masks API keys and JWTs, but not other tokens.
    match !token.is_empty() && detail.contains(token) {
        true => " (the answer repeats the token)".to_owned(),
        false => format!(" ({})", escape_to(detail, 500)),
    }
}

async fn get(caller: &mut Caller, uri: &Uri) -> Result<(StatusCode, Bytes), BoxError> {
    let request = Request::get(uri).body(Body::new())?;
    let answered = async {
        let response = caller.ready().await?.call(request).await?;
        let status = response.status();
        // Read to its end, so that the connection is reused.
        let body = Limited::new(response.into_body(), MAX_BODY)
            .collect()
            .await?;
        Ok((status, body.to_bytes()))
    };
    timeout(PATIENCE, answered).await.unwrap_or_else(|_| {
        Err(format!(
            "nothing came from {uri} within {} s: check that orders-api runs, and for a token the issuer",
            PATIENCE.as_secs()
        )
        .into())
    })
}

fn has_revoked(events: &mut Receiver<TokenEvent>) -> bool {
    iter::from_fn(|| events.try_recv().ok()).any(|event| matches!(event, TokenEvent::Revoked))
}

async fn tell(mut events: Receiver<TokenEvent>) {
    let mut is_first = true;
    loop {
        match events.recv().await {
            Ok(TokenEvent::Obtained { expires_at, .. }) => {
                let what = if is_first { "obtained" } else { "renewed" };
                let left = expires_at.duration_since(SystemClock.now());
                say(format_args!(
                    "token: {what}, good for {:.0} s",
                    left.as_secs_f64()
                ));
                is_first = false;
            }
            Ok(TokenEvent::Failed {
                error,
                usable_until: Some(_),
                ..
            }) => say(format_args!(
                "token: not renewed, the old one is still used: {error}"
            )),
            Ok(TokenEvent::Failed { error, .. }) => {
                say(format_args!("token: not obtained: {error}"))
            }
            Ok(TokenEvent::Lapsed { error, .. }) => {
                say(format_args!(
                    "token: none is left, and none could be obtained: {error}"
                ));
            }
            Ok(TokenEvent::Recovered { failures, .. }) => {
                say(format_args!(
                    "token: available again after {failures} failures"
                ));
            }
            // The other events are in the log.
            Ok(_) | Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

/// An error in one line, with what caused it.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
