//! The table of cases with the same outcome in every stack.

use bytes::Bytes;
use http::{
    HeaderMap, Response,
    header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE},
    request::Parts,
};
use portcullis_core::Authentication;

use super::{
    client::{Client, headers},
    credentials::{API_KEY, Credentials},
    server::Server,
};

/// A request and its expected response.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) credentials: HeaderMap,
    pub(super) expected: Answer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The response of the handler, for a principal of this scheme.
    Served(&'static str),
    Refused(Refused),
}

/// A refusal in HTTP and in gRPC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) status: u16,
    pub(super) grpc: i32,
    /// Each challenge as its scheme, its error and its scope.
    pub(super) challenges: &'static [&'static str],
}

const fn refused(status: u16, grpc: i32, challenges: &'static [&'static str]) -> Answer {
    Answer::Refused(Refused {
        status,
        grpc,
        challenges,
    })
}

/// The table. The route requires `orders:read`. The layer accepts tokens and API keys, and offers them in that order.
pub(super) fn table(with: &Credentials) -> Vec<Case> {
    let case = |name, credentials, expected| Case {
        name,
        credentials,
        expected,
    };
    let token = |value: &str| headers([(AUTHORIZATION, value)]);
    let key = |value: &str| headers([(API_KEY, value)]);
    let both = |one: &HeaderMap, other: HeaderMap| {
        let mut both = one.clone();
        for (name, value) in &other {
            both.append(name, value.clone());
        }
        both
    };
    let anonymous = refused(401, 16, &["Bearer", "ApiKey"]);
    let bad_token = refused(401, 16, &["Bearer invalid_token", "ApiKey"]);
    let bad_key = refused(401, 16, &["Bearer", "ApiKey invalid_token"]);
    let no_token = refused(400, 3, &["Bearer invalid_request", "ApiKey"]);
    let no_key = refused(400, 3, &["Bearer", "ApiKey invalid_request"]);
    let (valid_token, valid_key) = (token(&with.token), key(&with.key));
    let upper_case = with.token.replacen("Bearer", "BEARER", 1);
    vec![
        case("no credentials", HeaderMap::new(), anonymous),
        case("a scheme not offered", token("Basic abc"), anonymous),
        case("a valid token", valid_token.clone(), Answer::Served("jwt")),
        case(
            "a scheme in upper case",
            token(&upper_case),
            Answer::Served("jwt"),
        ),
        case("a valid key", valid_key.clone(), Answer::Served("api-key")),
        case("a bad token", token("Bearer bad"), bad_token),
        case("an expired token", token(&with.expired_token), bad_token),
        case("a bad key", key("bad"), bad_key),
        case("a scheme without a token", token("Bearer"), no_token),
        case(
            "characters that no token has",
            token("Bearer a\tb"),
            no_token,
        ),
        case("an empty key", key(""), no_key),
        case(
            "two tokens",
            both(&valid_token, token("Bearer bad")),
            no_token,
        ),
        case(
            "one token twice",
            both(&valid_token, valid_token.clone()),
            no_token,
        ),
        case("two keys", both(&valid_key, key("bad")), no_key),
        case(
            "a token and a key",
            both(&valid_token, valid_key.clone()),
            no_key,
        ),
        case(
            "a genuine token and a bad key",
            both(&valid_token, key("bad")),
            no_key,
        ),
        case(
            "a bad token and a genuine key",
            both(&valid_key, token("Bearer bad")),
            no_key,
        ),
        case(
            "a token without the scope",
            token(&with.stranger_token),
            refused(403, 7, &["Bearer insufficient_scope orders:read"]),
        ),
        case(
            "a key without the scope",
            key(&with.stranger_key),
            refused(403, 7, &["ApiKey insufficient_scope orders:read"]),
        ),
    ]
}

/// The guarded handler of every HTTP stack. Returns the caller's scheme, or an error if a credential reached it.
pub(super) fn serve(parts: &Parts) -> String {
    for name in [AUTHORIZATION, API_KEY] {
        if parts.headers.contains_key(&name) {
            return format!("{name} was not stripped");
        }
    }
    match Authentication::require(&parts.extensions) {
        Ok(principal) => principal.scheme().to_owned(),
        Err(refusal) => refusal.to_string(),
    }
}

/// Sends all cases of the table to a path, over HTTP/1.1 and HTTP/2.
pub(super) async fn assert_table_over_http(server: &Server, path: &str, credentials: &Credentials) {
    for client in [Client::http1(), Client::http2()] {
        for case in table(credentials) {
            let response = client
                .get(&server.url(path), case.credentials.clone())
                .await;
            check(&case, &response);
        }
    }
}

/// Sends all cases of the table to a path without a route, which is 404 with and without credentials.
pub(super) async fn assert_unknown_path_is_404(
    server: &Server,
    path: &str,
    credentials: &Credentials,
) {
    let client = Client::http1();
    for case in table(credentials) {
        let response = client
            .get(&server.url(path), case.credentials.clone())
            .await;
        assert_eq!(response.status(), 404, "{}", case.name);
        assert!(challenges(response.headers()).is_empty(), "{}", case.name);
    }
}

fn check(case: &Case, response: &Response<Bytes>) {
    let (name, status) = (case.name, response.status().as_u16());
    match case.expected {
        Answer::Served(scheme) => {
            assert_eq!(status, 200, "{name}");
            assert_eq!(response.body(), scheme, "{name}");
        }
        Answer::Refused(refused) => {
            assert_eq!(status, refused.status, "{name}");
            assert_eq!(challenges(response.headers()), refused.challenges, "{name}");
            assert_eq!(
                response.headers()[CONTENT_TYPE],
                "application/problem+json",
                "{name}"
            );
        }
    }
}

/// The challenges of a response, each as its scheme, its error and its scope.
pub(super) fn challenges(headers: &HeaderMap) -> Vec<String> {
    headers
        .get_all(WWW_AUTHENTICATE)
        .iter()
        .map(|value| {
            let value = value.to_str().expect("a challenge in ASCII");
            let (scheme, parameters) = value.split_once(' ').expect("a scheme and parameters");
            assert!(parameters.starts_with("realm=\""), "{value}");
            let parameter = |name: &str| {
                let (_, rest) = parameters.split_once(&format!(", {name}=\""))?;
                rest.split('"').next()
            };
            [Some(scheme), parameter("error"), parameter("scope")]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect()
}
