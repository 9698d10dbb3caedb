//! A server that records requests and sends configured responses.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    middleware::{Next, from_fn_with_state},
};
use bytes::Bytes;
use http::{
    HeaderMap, Method, Response, StatusCode, Uri,
    header::{AUTHORIZATION, LOCATION, WWW_AUTHENTICATE},
};
use http_body_util::BodyExt;
use portcullis_client::Origins;
use tokio::{net::TcpListener, task::JoinSet};

/// A server on a free port. It ends when it is dropped.
pub(crate) struct Target {
    url: String,
    recorded: Record,
    _task: JoinSet<()>,
}

type Record = Arc<Mutex<Vec<Recorded>>>;

/// A request that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A response.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Ok,
    /// This status with this challenge.
    Refused(u16, &'static str),
    Redirect(u16, String),
    /// 401 that requires this nonce in the proof.
    WantsNonce(&'static str),
    /// 200, and the nonce of the next proof.
    GivesNonce(&'static str),
    /// Trailers-only.
    Grpc(&'static str),
}

pub(crate) const INVALID_TOKEN: Answer =
    Answer::Refused(401, r#"Bearer realm="orders", error="invalid_token""#);

impl Target {
    /// Answers everything with 200.
    pub(crate) async fn start() -> Self {
        Self::answering([Answer::Ok]).await
    }

    /// Gives these answers in order, then repeats the last one.
    pub(crate) async fn answering<const N: usize>(answers: [Answer; N]) -> Self {
        let given = AtomicUsize::new(0);
        let answers = Arc::new((given, answers));
        Self::serving(Router::new().fallback(async move || {
            let (given, answers) = &*answers;
            let index = given.fetch_add(1, Ordering::Relaxed).min(N - 1);
            answers[index].response()
        }))
        .await
    }

    /// Serves this router, in HTTP/1 and HTTP/2.
    pub(crate) async fn serving(router: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener");
        let recorded = Record::default();
        let router = router.layer(from_fn_with_state(recorded.clone(), record));
        let mut task = JoinSet::new();
        task.spawn(async {
            axum::serve(listener, router)
                .await
                .expect("a server that runs")
        });
        Self {
            url: format!("http://{address}"),
            recorded,
            _task: task,
        }
    }

    /// The origin of the server.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// Host and port of the server.
    pub(crate) fn authority(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// Only the origin of the server.
    pub(crate) fn origins(&self) -> Origins {
        Origins::new([&self.url]).expect("an origin")
    }

    /// The received requests, in order.
    pub(crate) fn recorded(&self) -> Vec<Recorded> {
        self.recorded.lock().expect("no panic").clone()
    }

    /// The received credentials, in order.
    pub(crate) fn bearers(&self) -> Vec<String> {
        let recorded = self.recorded();
        recorded
            .iter()
            .map(|request| request.header(AUTHORIZATION.as_str()))
            .collect()
    }
}

impl Recorded {
    /// The only header of this name.
    pub(crate) fn header(&self, name: &str) -> String {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next().unwrap_or_else(|| panic!("{name} is there"));
        assert!(values.next().is_none(), "{name} is repeated");
        value.to_str().expect("text").to_owned()
    }
}

async fn record(State(record): State<Record>, request: Request, next: Next) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    record.lock().expect("no panic").push(Recorded {
        method: head.method.clone(),
        uri: head.uri.clone(),
        headers: head.headers.clone(),
        body: body.clone(),
    });
    next.run(Request::from_parts(head, body.into())).await
}

impl Answer {
    pub(crate) fn response(&self) -> Response<Body> {
        let response = Response::builder();
        let response = match self {
            Self::Ok => response.body("hello".into()),
            Self::Refused(status, challenge) => response
                .status(*status)
                .header(WWW_AUTHENTICATE, *challenge)
                .body("refused".into()),
            Self::Redirect(status, location) => response
                .status(*status)
                .header(LOCATION, location)
                .body("another origin".into()),
            Self::WantsNonce(nonce) => response
                .status(StatusCode::UNAUTHORIZED)
                .header(
                    WWW_AUTHENTICATE,
                    r#"DPoP error="use_dpop_nonce", algs="ES256""#,
                )
                .header("dpop-nonce", *nonce)
                .body("once more".into()),
            Self::GivesNonce(nonce) => response.header("dpop-nonce", *nonce).body("hello".into()),
            Self::Grpc(code) => response
                .status(StatusCode::OK)
                .header("content-type", "application/grpc")
                .header("grpc-status", *code)
                .body(Body::empty()),
        };
        response.expect("a response")
    }
}
